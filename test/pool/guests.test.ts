import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ServiceContext } from "../../src/providers/provider.ts";
import { FakeProvider, fails } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";
import { failureOf } from "../store/folder.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A service that gives guests `g1`, `g2`, … or what `answer` says. */
class Hospitable extends FakeProvider {
  made = 0;
  answer: ((context: ServiceContext) => Promise<string>) | undefined;
  readonly guests = {
    count: 1,
    create: async (context: ServiceContext): Promise<string> => {
      this.made += 1;
      return this.answer?.(context) ?? `g${this.made}`;
    },
  };
}

const dead = () => fails("auth-rejected", { needsLogin: true });
type World = Awaited<ReturnType<typeof openWorld>>;
const hints = (world: World) => world.pool.views().map(({ hint }) => hint);

describe("guest sessions", () => {
  test("T4 the first is made at the first request, and serves them all from then on", async () => {
    const host = new Hospitable();
    await using world = await openWorld({ providers: [host] });
    await world.clock.advance(10 * MINUTE);
    expect(host.made).toBe(0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.ask()));
    await world.ask();
    expect(new Set(answers)).toEqual(new Set(["hello from g1"]));
    expect(host.made).toBe(1);
    expect(world.pool.views()).toMatchObject([{ source: "guest", label: "Fake guest" }]);
  });

  test("are kept over a restart", async () => {
    const host = new Hospitable();
    const first = await openWorld({ providers: [host] });
    await first.ask();
    await first.close();
    await using second = await openWorld({ providers: [host], dataDir: first.dataDir });
    await second.ask();
    expect(host.made).toBe(1);
    expect(second.pool.views()).toMatchObject([{ source: "guest" }]);
  });

  test("P9 as many are kept as are wanted, and a dead one is replaced at the next request", async () => {
    const host = new Hospitable();
    host.guests.count = 3;
    await using world = await openWorld({ providers: [host], pool: { rotationUses: 1 } });
    for (let i = 0; i < 3; i++) await world.ask();
    expect(hints(world)).toEqual(["…1", "…2", "…3"]);
    host.next("g1", dead());
    await world.ask();
    await world.ask();
    await world.clock.advance(0);
    expect(hints(world)).toEqual(["…2", "…3", "…4"]);
    expect(host.made).toBe(4);
  });

  test("the request that finds its only guest dead is served by the next one", async () => {
    const host = new Hospitable();
    await using world = await openWorld({ providers: [host] });
    await world.ask();
    host.next("g1", dead());
    expect(await world.ask()).toBe("hello from g2");
  });

  test("a limit is no reason for another guest", async () => {
    const host = new Hospitable().next("g1", fails("quota-exhausted"));
    await using world = await openWorld({ providers: [host] });
    expect(await world.ask()).toBe("quota-exhausted");
    for (let i = 0; i < 5; i++) expect(await world.ask()).toBe("quota-exhausted");
    host.next("g1", fails("rate-limited"));
    expect(host.made).toBe(1);
  });

  test("one that a person switched off keeps its place", async () => {
    const host = new Hospitable();
    await using world = await openWorld({ providers: [host] });
    await world.ask();
    await world.pool.roster.disable(world.view("1").id);
    expect(await world.ask()).toBe("no-account");
    expect(host.made).toBe(1);
  });

  test("a request that an account of the user's can serve does not wait for a guest", async () => {
    const host = new Hospitable();
    let give = (_guest: string) => {};
    host.answer = () => new Promise((resolve) => (give = resolve));
    await using world = await openWorld({ providers: [host] });
    await world.add("own");
    expect(await world.ask()).toBe("hello from own");
    give("g1");
    await world.clock.advance(0);
    expect(hints(world)).toEqual(["…n", "…1"]);
  });

  test("a client that leaves stops waiting, and the guest comes all the same", async () => {
    const host = new Hospitable();
    let give = (_guest: string) => {};
    host.answer = () => new Promise((resolve) => (give = resolve));
    await using world = await openWorld({ providers: [host] });
    const client = new AbortController();
    const asked = world.ask({ signal: client.signal });
    await world.clock.advance(0);
    client.abort(new GatewayError("cancelled", "The client left."));
    expect(await asked).toBe("cancelled");
    give("g1");
    await world.clock.advance(0);
    expect(await world.ask()).toBe("hello from g1");
    expect(host.made).toBe(1);
  });

  test("none wanted: the service is never asked for one", async () => {
    const host = new Hospitable();
    host.guests.count = 0;
    await using world = await openWorld({ providers: [host] });
    expect(await world.ask()).toBe("no-account");
    expect(host.made).toBe(0);
  });
});

describe("a service that gives no guest", () => {
  const refusing = (kind: "challenge" | "rate-limited", retryAt?: number): Hospitable => {
    const host = new Hospitable();
    host.answer = async () => {
      const details = retryAt === undefined ? {} : { retryAt };
      throw new GatewayError(kind, "The site wants a captcha from guests: sign in instead.", details);
    };
    return host;
  };

  test("is quoted to the client and on the page, and asked ever less often", async () => {
    const host = refusing("challenge");
    await using world = await openWorld({ providers: [host] });
    const words = "The site wants a captcha from guests: sign in instead.";
    const failure = await failureOf(world.run());
    expect(failure).toMatchObject({ kind: "challenge", message: words, retryAt: world.clock.now() + MINUTE });
    expect(world.pool.status("fake").guests).toMatchObject({ wanted: 1, alive: 0, failure: words });
    for (let i = 0; i < 10; i++) await world.ask();
    expect(host.made).toBe(1);
    for (let i = 0; i < 60; i++) {
      await world.clock.advance(MINUTE);
      await world.ask();
    }
    expect(host.made).toBe(6); // after 1, 3, 7, 15 and 31 minutes
  });

  test("is not asked before the time that it named, and serves from then on", async () => {
    const host = refusing("rate-limited");
    await using world = await openWorld({ providers: [host] });
    host.answer = refusing("rate-limited", world.clock.now() + 60 * MINUTE).answer;
    expect(await world.ask()).toBe("rate-limited");
    host.answer = undefined;
    await world.clock.advance(59 * MINUTE);
    expect(await world.ask()).toBe("rate-limited");
    await world.clock.advance(1 * MINUTE);
    expect(await world.ask()).toBe("hello from g2");
    expect(world.pool.status("fake").guests).toEqual({
      wanted: 1,
      alive: 1,
      failure: undefined,
      needsLogin: false,
      retryAt: undefined,
    });
  });

  test.each([true, false])("tells a stop that only a sign-in ends (%p) from a limit", async (needsLogin) => {
    const host = new Hospitable();
    host.answer = async () => {
      throw new GatewayError("rate-limited", "No guests now.", { needsLogin });
    };
    await using world = await openWorld({ providers: [host] });
    await world.ask();
    expect(world.pool.status("fake").guests).toMatchObject({ failure: "No guests now.", needsLogin });
  });

  test("does not keep an account of the user's from serving", async () => {
    const host = refusing("challenge");
    await using world = await openWorld({ providers: [host] });
    await world.add("own");
    expect(await world.ask()).toBe("hello from own");
  });

  test("a service whose guests die at once is not asked for one after the other", async () => {
    const host = new Hospitable();
    for (let i = 1; i < 50; i++) host.always(`g${i}`, dead());
    await using world = await openWorld({ providers: [host] });
    for (let i = 0; i < 20; i++) await world.ask();
    expect(host.made).toBeLessThanOrEqual(3);
    expect(world.pool.status("fake").guests?.failure).toContain("Guest sessions stop working at once");
  });

  test("one that never answers is given up after a minute", async () => {
    const host = new Hospitable();
    host.answer = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await using world = await openWorld({ providers: [host] });
    const asked = world.ask();
    await world.clock.advance(60 * SECOND);
    expect(await asked).toBe("upstream-timeout");
  });
});
