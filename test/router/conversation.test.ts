import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { FakeProvider, fails, hangs, says, text } from "./fake-provider.ts";
import { openWorld } from "./world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A provider that keeps chats: `open` and `removed` list ids, and `use` which chat each turn was on. */
class KeepingProvider extends FakeProvider {
  readonly opened: string[] = [];
  readonly removed: string[] = [];
  readonly used: string[] = [];
  failOpen: (() => Error | undefined) | undefined;
  failRemove: (() => Error | undefined) | undefined;
  override readonly chats = {
    open: async () => {
      const failure = this.failOpen?.();
      if (failure) throw failure;
      this.opened.push(`chat${this.opened.length + 1}`);
      return `chat${this.opened.length}`;
    },
    remove: async (_context: unknown, id: string) => {
      const failure = this.failRemove?.();
      if (failure) throw failure;
      this.removed.push(id);
    },
    ready: true,
    keep: "ephemeral",
    deleteDelayMs: [3000, 5000],
  } as const;

  override chat(...[request, context]: Parameters<FakeProvider["chat"]>) {
    this.used.push(context.chat?.id ?? "none");
    return super.chat(request, context);
  }
}

describe("a chat for each turn", () => {
  test("L11 it is deleted after the delay, whatever became of the turn", async () => {
    const keeping = new KeepingProvider();
    keeping.next("a", says([text("Hi")], [{ type: "end", reason: "stop", usage: undefined }]));
    keeping.next("a", fails("upstream-broken", {}, [text("He")]), hangs([[text("He")]]));
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.ask();
    const { stream } = await world.run();
    await stream[Symbol.asyncIterator]().return?.();
    await world.clock.advance(2 * SECOND);
    expect(keeping.removed).toEqual([]);
    await world.clock.advance(1 * SECOND);
    expect(keeping.removed.toSorted()).toEqual(["chat1", "chat2", "chat3"]);
    expect(await world.store.conversations.all()).toEqual([]);
  });

  test("no two turns share one", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    await Promise.all([world.ask(), world.ask(), world.ask(), world.ask()]);
    expect(new Set(keeping.used).size).toBe(4);
  });

  test("L2 a chat that cannot be opened is a failed attempt, and the next account answers", async () => {
    const keeping = new KeepingProvider();
    let failures = 1;
    keeping.failOpen = () => (failures-- > 0 ? new GatewayError("rate-limited", "Too fast.") : undefined);
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    expect(await world.ask()).toBe("hello from b");
    expect(world.view("a")).toMatchObject({ state: "cooling", attempts: 1, successes: 0, failures: 1 });
  });

  test("a deletion that fails is tried again with backoff, and then given up", async () => {
    const keeping = new KeepingProvider();
    let tries = 0;
    keeping.failRemove = () => {
      tries += 1;
      return new GatewayError("upstream-broken", "No.");
    };
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.clock.advance(4 * SECOND);
    expect(await world.store.conversations.all()).toMatchObject([{ upstreamId: "chat1", state: "leaving", tries: 1 }]);
    await world.clock.advance(120 * MINUTE);
    expect(tries).toBe(6);
    expect(await world.store.conversations.all()).toEqual([]);
  });

  test("chats that a crash left behind are deleted by the next start", async () => {
    const keeping = new KeepingProvider().next("a", hangs([[text("He")]]));
    const first = await openWorld({ providers: [keeping], ready: true });
    await first.add("a");
    await first.run();
    // The process dies here: what is in the database is all there is.
    first.conversations.close();
    await first.store.close();
    await using second = await openWorld({ providers: [keeping], dataDir: first.dataDir, clock: first.clock });
    await second.clock.advance(10 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
    expect(await second.store.conversations.all()).toEqual([]);
  });

  test("a chat that the upstream has lost is replaced once, on the same account, without blame", async () => {
    const keeping = new KeepingProvider().next("a", fails("conversation-lost"));
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    expect(await world.ask()).toBe("hello from a");
    expect(keeping.used).toEqual(["chat1", "chat2"]);
    expect(world.view("a")).toMatchObject({ inFlight: 0, rotationFailures: 0, successes: 1, attempts: 2 });
  });

  test("a chat that is lost twice goes to the next account", async () => {
    const keeping = new KeepingProvider().next("a", fails("conversation-lost"), fails("conversation-lost"));
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    expect(await world.ask()).toBe("hello from b");
    expect(world.pool.views().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  test("a caller's own chats are deleted too and never stored", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    const asked = world.ask({ caller: { kind: "own-accounts", provider: keeping, credentials: ["x"] } });
    expect(await asked).toBe("hello from x");
    expect(await world.store.conversations.all()).toEqual([]);
    await world.clock.advance(4 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
    expect(keeping.opened).toEqual(["chat1"]);
  });

  test("a client that leaves while its chat is being opened leaves no chat behind", async () => {
    const keeping = new KeepingProvider();
    let open = () => {};
    const opening = new Promise<void>((resolve) => (open = resolve));
    const original = keeping.chats.open;
    Object.assign(keeping.chats, { open: async () => (await opening, original()) });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const client = new AbortController();
    const asked = world.ask({ signal: client.signal });
    await world.clock.advance(0);
    client.abort(new GatewayError("cancelled", "The client left."));
    expect(await asked).toBe("cancelled");
    open();
    await world.clock.advance(4 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
  });
});

describe("a ready chat", () => {
  test("is made after the turn, so that the next turn need not open one", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    await world.ask();
    await world.clock.advance(0);
    expect(keeping.opened).toEqual(["chat1", "chat2"]);
    keeping.failOpen = () => new GatewayError("upstream-broken", "Nobody opens now.");
    expect(await world.ask()).toBe("hello from a");
    expect(keeping.used).toEqual(["chat1", "chat2"]);
  });

  test("is deleted when nobody takes it for five minutes", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    await world.ask();
    await world.clock.advance(6 * MINUTE);
    expect(keeping.removed).toEqual(["chat1", "chat2"]);
    expect(world.clock.pending).toBe(0);
  });

  test("that cannot be made blames nobody, and the next turn opens its own", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    let calls = 0;
    keeping.failOpen = () => (++calls === 2 ? new GatewayError("rate-limited", "Too fast.") : undefined);
    await world.ask();
    await world.clock.advance(0);
    expect(await world.ask()).toBe("hello from a");
    expect(world.view("a")).toMatchObject({ state: "ready", failures: 0 });
  });
});
