import { describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../src/chat/error.ts";
import { textOf, type Message } from "../../src/chat/request.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { openStore } from "../../src/store/open.ts";
import { iterated } from "../chat/streams.ts";
import { silent } from "../store/folder.ts";
import { END, FakeProvider, fails, hangs, says, text, type Behaviour } from "./fake-provider.ts";
import { openWorld } from "./world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A provider that keeps chats: `open` and `removed` list ids, and `use` which chat each turn was on. */
class KeepingProvider extends FakeProvider {
  readonly opened: string[] = [];
  readonly removed: string[] = [];
  readonly used: string[] = [];
  /** The texts of each turn's messages, a plus before those that go on with a chat. */
  readonly sent: string[] = [];
  failOpen: (() => Error | undefined) | undefined;
  failRemove: (() => Error | undefined) | undefined;
  /** Sees each chat as its turn begins. */
  using: ((id: string) => void) | undefined;
  override readonly chats: NonNullable<Provider<string>["chats"]> = {
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
  };

  override chat(...[request, context]: Parameters<FakeProvider["chat"]>) {
    this.used.push(context.chat?.id ?? "none");
    this.using?.(context.chat?.id ?? "none");
    this.sent.push(
      `${context.chat?.continued ? "+" : ""}${request.messages.map(({ parts }) => textOf(parts)).join("|")}`,
    );
    return super.chat(request, context);
  }
}

describe("a chat for each turn", () => {
  test("L11 it is deleted after the delay, whatever became of the turn", async () => {
    const keeping = new KeepingProvider();
    keeping.next("a", says([text("Hi")], [END]));
    keeping.next("a", fails("upstream-broken", {}, [text("He")]), hangs([[text("He")]]));
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.ask();
    const { stream } = await world.run();
    stream.cancel();
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
    await first.conversations.close();
    await first.store.close();
    await using second = await openWorld({ providers: [keeping], dataDir: first.dataDir, clock: first.clock });
    await second.clock.advance(10 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
    expect(await second.store.conversations.all()).toEqual([]);
  });

  test.each([
    { left: 3, afterMs: 100, atLeast: 3, atMost: 3 },
    { left: 2000, afterMs: 1000, atLeast: 100, atMost: 400 },
    { left: 2000, afterMs: 10_000, atLeast: 2000, atMost: 2000 },
  ])("of $left chats that a crash left, $atLeast to $atMost are deleted after $afterMs ms", async (wanted) => {
    const keeping = new KeepingProvider();
    const first = await openWorld({ providers: [keeping] });
    await first.add("a");
    const { id: accountId } = first.view("a");
    const dueAt = first.clock.now();
    const chats = Array.from({ length: wanted.left }, (_, index) => `left${index}`);
    const row = { accountId, key: undefined, state: "leaving", dueAt, tries: 0 } as const;
    await Promise.all(chats.map((upstreamId) => first.store.conversations.put({ ...row, upstreamId })));
    await first.store.close();
    await using second = await openWorld({ providers: [keeping], dataDir: first.dataDir, clock: first.clock });
    await second.clock.advance(wanted.afterMs);
    expect(keeping.removed.length).toBeGreaterThanOrEqual(wanted.atLeast);
    expect(keeping.removed.length).toBeLessThanOrEqual(wanted.atMost);
  });

  /** A database of before the last chats beside the names of these chats, as a restored backup stands. */
  async function restored(keeping: KeepingProvider, account: "same" | "other") {
    const first = await openWorld({ providers: [keeping] });
    await first.add("a");
    const { id } = first.view("a");
    await first.close();
    const journal = join(first.dataDir, "sluice.db-chats");
    await Bun.write(journal, `\n${JSON.stringify([account === "same" ? id : "acc_gone", "old1"])}\nhalf a li`);
    const second = await openWorld({ providers: [keeping], dataDir: first.dataDir, clock: first.clock, ready: true });
    return { second, journal };
  }

  test("a restored database beside an old file of chats deletes those of its accounts and goes on", async () => {
    const keeping = new KeepingProvider();
    const { second, journal } = await restored(keeping, "same");
    await using world = second;
    await world.clock.advance(10 * SECOND);
    expect(keeping.removed).toEqual(["old1"]);
    expect(await world.ask()).toBe("hello from a");
    await world.clock.advance(10 * SECOND);
    expect(keeping.used).toEqual(["chat1"]);
    expect(await Bun.file(journal).text()).not.toContain("old1");
  });

  test("a copied database beside another one's file of chats forgets them and saves its own", async () => {
    const keeping = new KeepingProvider();
    const { second, journal } = await restored(keeping, "other");
    await using world = second;
    await world.clock.advance(10 * SECOND);
    expect(keeping.removed).toEqual([]);
    expect(await world.ask()).toBe("hello from a");
    expect((await world.store.conversations.all()).map(({ upstreamId }) => upstreamId)).not.toContain("old1");
    await world.clock.advance(10 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
    expect(await Bun.file(journal).text()).not.toContain("old1");
    expect(world.lines.filter(({ event }) => event === "record-refused")).toEqual([]);
  });

  test("a chat that the upstream has lost is replaced once, on the same account, without blame", async () => {
    const keeping = new KeepingProvider().next("a", fails("conversation-lost"));
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    expect(await world.ask()).toBe("hello from a");
    expect(keeping.used).toEqual(["chat1", "chat2"]);
    expect(world.view("a")).toMatchObject({ inFlight: 0, rotationFailures: 0, successes: 1, attempts: 2 });
  });

  test("the account stays lent while its lost chat is replaced", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const inFlight: number[] = [];
    const noting = (then: Behaviour): Behaviour =>
      async function* (...turn) {
        inFlight.push(world.view("a").inFlight);
        yield* then(...turn);
      };
    keeping.next("a", noting(fails("conversation-lost")), noting(says([text("Hi")], [END])));
    expect(await world.ask()).toBe("Hi");
    expect(inFlight).toEqual([1, 1]);
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

  test("a caller's own chats are deleted when the gateway stops, since no restart would find them", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping] });
    const asked = world.ask({ caller: { kind: "own-accounts", provider: keeping, credentials: ["x"] } });
    expect(await asked).toBe("hello from x");
    expect(keeping.removed).toEqual([]);
    await world.close();
    expect(keeping.removed).toEqual(["chat1"]);
  });

  test("a client that leaves while its chat is being opened leaves no chat behind", async () => {
    const keeping = new KeepingProvider();
    let open = () => {};
    const opening = new Promise<void>((resolve) => (open = resolve));
    Object.assign(keeping.chats, { open: () => opening.then(() => "chat1") });
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

test.each([0, 1, 2, 3, 4, 5, 6])(
  "a client that leaves %i steps after its chat was opened leaves no chat behind",
  async (steps) => {
    const keeping = new KeepingProvider();
    let open = () => {};
    const opening = new Promise<void>((resolve) => (open = resolve));
    Object.assign(keeping.chats, { open: () => opening.then(() => "chat1") });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const client = new AbortController();
    const asked = world.ask({ signal: client.signal });
    await world.clock.advance(0);
    open();
    for (let i = 0; i < steps; i++) await Promise.resolve();
    client.abort(new GatewayError("cancelled", "The client left."));
    expect(await asked).toBe("cancelled");
    await world.clock.advance(4 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
    expect(world.view("a").inFlight).toBe(0);
  },
);

describe("a call in the background", () => {
  /** Never answers; lists why it was ended. */
  const hanging = (ends: string[]) => (context: { signal: AbortSignal }) =>
    new Promise<never>((_, reject) => {
      context.signal.addEventListener("abort", () => {
        ends.push((context.signal.reason as GatewayError).kind);
        reject(context.signal.reason as GatewayError);
      });
    });

  test("that hangs is given up after 30 s, and a deletion is tried again", async () => {
    const keeping = new KeepingProvider();
    const ends: string[] = [];
    const remove = keeping.chats.remove;
    Object.assign(keeping.chats, { remove: hanging(ends) });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.clock.advance(3 * SECOND + 29 * SECOND);
    expect(ends).toEqual([]);
    await world.clock.advance(SECOND);
    expect(ends).toEqual(["upstream-timeout"]);
    Object.assign(keeping.chats, { remove });
    await world.clock.advance(30 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
  });

  test("that begins later has its own 25 to 30 s, whatever became of those before", async () => {
    const keeping = new KeepingProvider();
    const ends: string[] = [];
    Object.assign(keeping.chats, { remove: hanging(ends) });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.clock.advance(10 * SECOND);
    await world.ask();
    await world.clock.advance(23 * SECOND);
    expect(ends).toEqual(["upstream-timeout"]);
    await world.clock.advance(5 * SECOND);
    expect(ends).toEqual(["upstream-timeout"]);
    await world.clock.advance(5 * SECOND);
    expect(ends).toEqual(["upstream-timeout", "upstream-timeout"]);
  });

  test("a chat whose client left while it was opened has 30 s from then", async () => {
    const keeping = new KeepingProvider();
    const ends: string[] = [];
    Object.assign(keeping.chats, { open: hanging(ends) });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const client = new AbortController();
    const asked = world.ask({ signal: client.signal });
    await world.clock.advance(50 * SECOND);
    client.abort(new GatewayError("cancelled", "The client left."));
    expect(await asked).toBe("cancelled");
    await world.clock.advance(29 * SECOND);
    expect(ends).toEqual([]);
    await world.clock.advance(SECOND);
    expect(ends).toEqual(["upstream-timeout"]);
  });

  test("of a caller's own chat has two seconds when the gateway stops", async () => {
    const keeping = new KeepingProvider();
    Object.assign(keeping.chats, { remove: hanging([]) });
    await using world = await openWorld({ providers: [keeping] });
    await world.ask({ caller: { kind: "own-accounts", provider: keeping, credentials: ["x"] } });
    let closed = false;
    const closing = world.conversations.close().then(() => (closed = true));
    await world.clock.advance(1999);
    expect(closed).toBe(false);
    await world.clock.advance(1);
    await closing;
  });

  test("ends when the gateway stops", async () => {
    const keeping = new KeepingProvider();
    const ends: string[] = [];
    Object.assign(keeping.chats, { remove: hanging(ends) });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask();
    await world.clock.advance(4 * SECOND);
    await world.conversations.close();
    expect(ends).toEqual(["stopping"]);
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

  test("row 33: stands on the disk before a turn uses it, so that a kill leaves it known", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "sluice-ready-"));
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true, dataDir });
    await world.add("a");
    // What a kill in the middle of the turn would leave.
    const leftBy = (id: string) => `${dataDir}-killed-in-${id}`;
    keeping.using = (id) => cpSync(dataDir, leftBy(id), { recursive: true });
    for (let turn = 0; turn < 4; turn++) {
      await world.ask();
      await world.clock.advance(0);
    }
    expect(keeping.used).toEqual(["chat1", "chat2", "chat3", "chat4"]);
    for (const id of keeping.used) {
      const { store } = await openStore({ dataDir: leftBy(id), clock: world.clock, log: silent });
      const known = (await store.conversations.all()).map(({ upstreamId }) => upstreamId);
      await store.close();
      await rm(leftBy(id), { recursive: true });
      expect(known).toContain(id);
    }
  });

  test("is deleted when nobody takes it for five minutes", async () => {
    const keeping = new KeepingProvider();
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    const timers = world.clock.pending;
    await world.ask();
    await world.clock.advance(6 * MINUTE);
    expect(keeping.removed).toEqual(["chat1", "chat2"]);
    expect(world.clock.pending).toBe(timers);
  });

  test("is not made after a turn that failed", async () => {
    const keeping = new KeepingProvider().next("a", fails("upstream-broken", {}, [text("He")]));
    await using world = await openWorld({ providers: [keeping], ready: true });
    await world.add("a");
    await world.ask();
    await world.clock.advance(1 * SECOND);
    expect(keeping.opened).toEqual(["chat1"]);
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

describe("a chat that is kept", () => {
  const said = (...texts: string[]): Message[] =>
    texts.map((words, i) => ({ role: i % 2 === 0 ? "user" : "assistant", parts: [{ type: "text", text: words }] }));
  const remembering = (): KeepingProvider => {
    const keeping = new KeepingProvider();
    Object.assign(keeping.chats, { keep: "reuse" });
    return keeping;
  };
  const key = (name: string) => ({ caller: { kind: "key", name } }) as const;
  const HELLO = "hello from a";

  test("E1 gets only the new words of the follow-up, on the account that holds it", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping], pool: { rotationUses: 1 } });
    await world.add("a,b");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    await world.ask({}, { messages: said("Hi", ` ${HELLO}\n`, "And?") });
    await world.clock.advance(0);
    await world.ask({}, { messages: said("Hi", HELLO, "And?", HELLO, "So?") });
    expect(keeping.sent).toEqual(["Hi", "+And?", "+So?"]);
    expect(keeping.used).toEqual(["chat1", "chat1", "chat1"]);
    expect(keeping.asked).toEqual(["a", "a", "a"]);
  });

  test("E2 is never shared: not by two equal greetings, nor with another caller", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask(key("mine"), { messages: said("Hi") });
    await world.ask(key("mine"), { messages: said("Hi") });
    await world.clock.advance(0);
    await world.ask(key("yours"), { messages: said("Hi", HELLO, "And?") });
    const follow = { messages: said("Hi", HELLO, "And?") };
    await Promise.all([world.ask(key("mine"), follow), world.ask(key("mine"), follow), world.ask(key("mine"), follow)]);
    expect(keeping.sent.slice(0, 3)).toEqual(["Hi", "Hi", `Hi|${HELLO}|And?`]);
    expect(keeping.sent.slice(3).toSorted()).toEqual(["+And?", "+And?", `Hi|${HELLO}|And?`]);
    expect(keeping.used.slice(0, 3)).toEqual(["chat1", "chat2", "chat3"]);
  });

  test("an edited history is a different one", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    await world.ask({}, { messages: said("Hey", HELLO, "And?") });
    expect(keeping.sent).toEqual(["Hi", `Hey|${HELLO}|And?`]);
  });

  test("survives a restart, and is forgotten after 72 idle hours", async () => {
    const keeping = remembering();
    const first = await openWorld({ providers: [keeping] });
    await first.add("a");
    await first.ask({}, { messages: said("Hi") });
    await first.clock.advance(0);
    await first.close();
    await using second = await openWorld({ providers: [keeping], dataDir: first.dataDir, clock: first.clock });
    await second.clock.advance(71 * 60 * MINUTE);
    await second.ask({}, { messages: said("Hi", HELLO, "And?") });
    await second.clock.advance(74 * 60 * MINUTE);
    await second.ask({}, { messages: said("Hi", HELLO, "And?", HELLO, "So?") });
    expect(keeping.sent).toEqual(["Hi", "+And?", `Hi|${HELLO}|And?|${HELLO}|So?`]);
    expect(keeping.removed).toEqual(["chat1"]);
  });

  test("E14 is dropped when its turn fails, and the next turn sends the whole history to a new one", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    keeping.next("a", fails("upstream-broken", {}, [text("He")]));
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    await world.clock.advance(0);
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    expect(keeping.sent).toEqual(["Hi", "+And?", `Hi|${HELLO}|And?`]);
  });

  test("that the upstream lost is replaced once by a new one with the whole history", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    keeping.next("a", fails("conversation-lost"));
    expect(await world.ask({}, { messages: said("Hi", HELLO, "And?") })).toBe(HELLO);
    expect(keeping.sent).toEqual(["Hi", "+And?", `Hi|${HELLO}|And?`]);
  });

  test("whose account is out waits for it, while another account gets the whole history", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    await world.pool.roster.disable(world.view("a").id);
    expect(await world.ask({}, { messages: said("Hi", HELLO, "And?") })).toBe("hello from b");
    await world.pool.roster.enable(world.view("a").id);
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    expect(keeping.sent).toEqual(["Hi", `Hi|${HELLO}|And?`, "+And?"]);
  });

  test("E2 is not shared by two keys of one name", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const keyOf = (id: string) => ({ caller: { kind: "key", name: "laptop", id } }) as const;
    await world.ask(keyOf("key_1"), { messages: said("Hi") });
    await world.clock.advance(0);
    await world.ask(keyOf("key_2"), { messages: said("Hi", HELLO, "And?") });
    await world.ask(keyOf("key_1"), { messages: said("Hi", HELLO, "And?") });
    expect(keeping.sent).toEqual(["Hi", `Hi|${HELLO}|And?`, "+And?"]);
  });

  test("E14 is dropped when its client leaves in the middle, and no other turn goes on with it", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    await world.clock.advance(0);
    keeping.next("a", hangs([[text("He")]]));
    const { stream } = await world.run({}, { messages: said("Hi", HELLO, "And?") });
    const reader = iterated(stream);
    await reader.next();
    await reader.return();
    await world.clock.advance(10 * SECOND);
    expect(await world.store.conversations.all()).toEqual([]);
    expect(keeping.removed).toEqual(["chat1"]);
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    expect(keeping.sent.at(-1)).toBe(`Hi|${HELLO}|And?`);
  });

  test("an answer that is asked for again gets a chat of its own", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    await world.ask({}, { messages: said("Hi", HELLO, "And?") });
    await world.ask({}, { messages: said("Hi", HELLO, "And?", HELLO, "So?") });
    expect(keeping.sent).toEqual(["Hi", "+And?", `Hi|${HELLO}|And?`, "+So?"]);
    expect(keeping.used.slice(0, 3)).toEqual(["chat1", "chat1", "chat2"]);
  });

  test("after failover another account's new chat holds the whole history, and is gone on with", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a,b");
    await world.ask({}, { messages: said("Hi") });
    keeping.next("a", fails("rate-limited"));
    expect(await world.ask({}, { messages: said("Hi", HELLO, "And?") })).toBe("hello from b");
    await world.clock.advance(2 * MINUTE);
    await world.ask({}, { messages: said("Hi", HELLO, "And?", "hello from b", "So?") });
    expect(keeping.sent).toEqual(["Hi", "+And?", `Hi|${HELLO}|And?`, "+So?"]);
    expect(keeping.asked).toEqual(["a", "a", "b", "b"]);
  });

  test("E10 of very many the longest idle are forgotten", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    const { id: accountId } = world.view("a");
    const dueAt = world.clock.now() + 72 * 60 * MINUTE;
    for (let i = 0; i < 20_003; i++) {
      await world.store.conversations.put({
        upstreamId: `old${i}`,
        accountId,
        state: "kept",
        key: `k${i}`,
        dueAt: dueAt + i,
        tries: 0,
      });
    }
    await world.clock.advance(61 * MINUTE);
    expect(keeping.removed.toSorted()).toEqual(["old0", "old1", "old2"]);
    expect(await world.store.conversations.all()).toHaveLength(20_000);
  });

  test("that expires stays at a service that deletes none", async () => {
    const keeping = remembering();
    const { remove: _none, ...chats } = keeping.chats;
    Object.assign(keeping, { chats });
    await using world = await openWorld({ providers: [keeping] });
    await world.add("a");
    await world.ask({}, { messages: said("Hi") });
    expect(await world.store.conversations.all()).toHaveLength(1);
    await world.clock.advance(74 * 60 * MINUTE);
    expect(await world.store.conversations.all()).toEqual([]);
    expect(keeping.removed).toEqual([]);
  });

  test("is not kept for a caller's own account", async () => {
    const keeping = remembering();
    await using world = await openWorld({ providers: [keeping] });
    await world.ask({ caller: { kind: "own-accounts", provider: keeping, credentials: ["x"] } });
    expect(await world.store.conversations.all()).toEqual([]);
    await world.clock.advance(4 * SECOND);
    expect(keeping.removed).toEqual(["chat1"]);
  });
});
