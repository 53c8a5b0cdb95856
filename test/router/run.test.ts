import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatEvent } from "../../src/chat/event.ts";
import type { ModelInfo } from "../../src/providers/provider.ts";
import { drain, iterated } from "../chat/streams.ts";
import { END, FakeProvider, fails, hangs, says, text } from "./fake-provider.ts";
import { openWorld } from "./world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("rotation", () => {
  test("L5 each account serves three requests, in order, for ever round, and is counted", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b,c");
    for (let i = 0; i < 20; i++) await world.ask();
    expect(fake.asked.join("")).toBe("aaabbbcccaaabbbcccaa");
    expect(world.view("a")).toMatchObject({
      attempts: 8,
      successes: 8,
      failures: 0,
      rotationFailures: 0,
      successRate: 1,
    });
  });

  test("a restart goes on where the rotation stood, with states and counters", async () => {
    const fake = new FakeProvider();
    const first = await openWorld({ providers: [fake] });
    await first.add("a,b,c");
    for (let i = 0; i < 4; i++) await first.ask();
    fake.next("b", fails("rate-limited"));
    await first.ask();
    await first.close();
    await using second = await openWorld({ providers: [fake], dataDir: first.dataDir, clock: first.clock });
    fake.asked.length = 0;
    for (let i = 0; i < 3; i++) await second.ask();
    expect(fake.asked.join("")).toBe("cca");
    expect(second.view("b")).toMatchObject({ state: "cooling", attempts: 2, successes: 1, failures: 1 });
  });
});

describe("failover", () => {
  test("L1 a failed request is one attempt and one rotation failure of its account", async () => {
    const fake = new FakeProvider().next("a", fails("auth-rejected"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    const { stream, served } = await world.run();
    await drain(stream);
    expect(served).toMatchObject({ provider: "fake", accountId: world.view("b").id, attempts: 2 });
    expect(world.view("a")).toMatchObject({ attempts: 1, failures: 1, rotationFailures: 1, rotationFailuresTotal: 1 });
    expect(await world.store.attempts.attemptsOf("req_test")).toMatchObject([
      { number: 1, outcome: "auth-rejected", rotationFailure: true },
      { number: 2, outcome: "ok", rotationFailure: false },
    ]);
    expect(await world.store.attempts.requests({ limit: 9 })).toMatchObject([
      { id: "req_test", attempts: 2, status: 200, outcome: "ok", accountId: served.accountId },
    ]);
  });

  test("L2 an account that breaks before its turn is over has no success", async () => {
    const fake = new FakeProvider().next("a", fails("upstream-broken", {}, [text("He")]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    expect(await world.ask()).toBe("upstream-broken");
    expect(world.view("a")).toMatchObject({
      attempts: 1,
      successes: 0,
      failures: 1,
      rotationFailures: 0,
      state: "ready",
    });
  });

  test("L17 the failure of the last account reaches the client as what it is", async () => {
    const fake = new FakeProvider().always("a", fails("rate-limited", { retryAt: Date.UTC(2026, 10, 20, 13) }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    expect(await failureOf(world.run())).toMatchObject({ kind: "rate-limited", status: 429 });
  });

  test("a limit met at the last attempt is no wait for a client while another account is free", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake], router: { maxAttempts: 2 } });
    await world.add("a,b,c");
    const retryAt = world.clock.now() + 3600 * SECOND;
    fake.next("a", fails("rate-limited", { retryAt })).next("b", fails("rate-limited", { retryAt }));
    expect(await failureOf(world.run())).toMatchObject({ kind: "rate-limited", retryAt: world.clock.now() });
    expect(await world.ask()).toBe("hello from c");
  });

  test.each(["rate-limited", "quota-exhausted"] as const)(
    "%s in the middle of an answer asks for no wait while another account is ready, else for the least",
    async (kind) => {
      const fake = new FakeProvider();
      await using world = await openWorld({ providers: [fake] });
      await world.add("a,b");
      const now = world.clock.now();
      const failed = async (name: string, retryAt: number) => {
        fake.next(name, fails(kind, { retryAt }, [text("He")]));
        const { stream } = await world.run();
        return failureOf(drain(stream));
      };
      expect(await failed("a", now + 5 * MINUTE)).toMatchObject({ kind, retryAt: now });
      expect(await failed("b", now + 9 * MINUTE)).toMatchObject({ kind, retryAt: now + 5 * MINUTE });
    },
  );

  test("fault 8 all accounts cooling is a 429 with the least remaining wait", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    fake.next("a", fails("rate-limited", { retryAt: world.clock.now() + 30 * SECOND }));
    fake.next("b", fails("rate-limited", { retryAt: world.clock.now() + 3600 * SECOND }));
    expect(await failureOf(world.run())).toMatchObject({
      kind: "rate-limited",
      retryAt: world.clock.now() + 30 * SECOND,
    });
  });

  test("fault 9 nobody is asked again before the retry time", async () => {
    const fake = new FakeProvider();
    fake.always("a", fails("rate-limited")).always("b", fails("rate-limited"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    for (let i = 0; i < 20; i++) {
      expect(await world.ask()).toBe("rate-limited");
      await world.clock.advance(2 * SECOND);
    }
    expect(fake.asked).toHaveLength(2);
  });

  test("fault 10 a service that fails on every account is asked three times, each account once", async () => {
    const fake = new FakeProvider();
    for (const name of "abcde") fake.always(name, fails("upstream-broken"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b,c,d,e");
    expect(await failureOf(world.run())).toMatchObject({ status: 502 });
    expect(fake.asked).toEqual(["a", "b", "c"]);
    expect(world.pool.views().every(({ state }) => state === "ready")).toBe(true);
  });

  test("fault 10 of 20 requests that fail together at most four try again", async () => {
    const fake = new FakeProvider();
    for (const name of "abcde") fake.always(name, fails("upstream-broken"));
    const breaker = { failures: 1000, windowMs: MINUTE, openMs: MINUTE };
    await using world = await openWorld({ providers: [fake], pool: { concurrency: 100, breaker } });
    await world.add("a,b,c,d,e");
    await Promise.all(Array.from({ length: 20 }, () => world.ask()));
    expect(fake.asked.length).toBeLessThanOrEqual(28);
    expect(fake.asked.length).toBeGreaterThan(20);
  });

  test("fault 12 the breaker counts connection faults, opens, and lets one trial through", async () => {
    const fake = new FakeProvider();
    for (const name of "abc") fake.always(name, fails("upstream-broken"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b,c");
    await world.ask();
    await world.ask();
    expect(world.pool.status("fake").breaker).toBe("open");
    expect(await failureOf(world.run())).toMatchObject({
      kind: "upstream-broken",
      retryAt: world.clock.now() + 30 * SECOND,
    });
    expect(fake.asked).toHaveLength(5);
    await world.clock.advance(30 * SECOND);
    for (const name of "abc") fake.always(name, says([text("back")], [END]));
    expect(await world.ask()).toBe("back");
    expect(world.pool.status("fake").breaker).toBe("closed");
  });

  test("fault 11 five rejections in a row disable a cookie, and none of them costs the client an attempt", async () => {
    const fake = new FakeProvider();
    for (const name of "abcd") fake.always(name, fails("auth-rejected"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b,c,d,e");
    expect(await world.ask()).toBe("hello from e");
    for (let i = 0; i < 30; i++) await world.ask();
    expect(world.view("a")).toMatchObject({ state: "disabled_auto", rotationFailures: 5, reasonKind: "auth-rejected" });
  });

  test("an auth refusal without end stops at ten attempts", async () => {
    const fake = new FakeProvider();
    for (const name of "abcdefghijkl") fake.always(name, fails("auth-rejected"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("abcdefghijkl".split("").join(","));
    expect(await world.ask()).toBe("auth-rejected");
    expect(fake.asked).toHaveLength(10);
  });

  test("R40 a caller's mistake is not tried elsewhere and costs nobody", async () => {
    const fake = new FakeProvider().next("a", fails("context-too-long"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    expect(await world.ask()).toBe("context-too-long");
    expect(fake.asked).toEqual(["a"]);
  });

  test("fault 18 a stream without a first event fails over", async () => {
    const fake = new FakeProvider().next("a", says([{ type: "progress" }]), says([END]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    expect(await world.ask()).toBe("hello from b");
    fake.asked.length = 0;
  });

  test("a model that is overloaded for everybody goes to the next provider, not the next account", async () => {
    const first = new FakeProvider("first").always("a", fails("model-overloaded"));
    const second = new FakeProvider("second");
    await using world = await openWorld({ providers: [first, second] });
    await world.add("a,b", "first");
    await world.add("z", "second");
    expect(await world.ask()).toBe("hello from z");
    expect(first.asked).toEqual(["a"]);
  });

  test("an account that is not the caller's never serves own accounts", async () => {
    const fake = new FakeProvider().always("x", fails("auth-rejected")).always("y", fails("auth-rejected"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const caller = { kind: "own-accounts", provider: fake, credentials: ["x", "y"] } as const;
    expect(await world.ask({ caller })).toBe("auth-rejected");
    expect(fake.asked.toSorted()).toEqual(["x", "y"]);
    expect(world.view("a")).toMatchObject({ attempts: 0 });
    expect(world.pool.all()).toHaveLength(1);
  });

  test("L3 a caller's own dead cookie leaves the pool as it was", async () => {
    const fake = new FakeProvider().always("a-dead", fails("auth-rejected", { needsLogin: true }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const caller = { kind: "own-accounts", provider: fake, credentials: ["a-dead"] } as const;
    for (let i = 0; i < 9; i++) await world.ask({ caller });
    expect(await world.ask()).toBe("hello from a");
  });

  test("a caller's own account that was told to wait is left alone until then, and no other caller's with it", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    const of = (...credentials: string[]) => ({ kind: "own-accounts", provider: fake, credentials }) as const;
    fake.next("x", fails("rate-limited", { retryAt: world.clock.now() + 5 * MINUTE }));
    expect(await world.ask({ caller: of("x") })).toBe("rate-limited");
    const failure = await failureOf(world.run({ caller: of("x") }));
    expect(failure).toMatchObject({ kind: "rate-limited", retryAt: world.clock.now() + 5 * MINUTE });
    expect(await world.ask({ caller: of("y") })).toBe("hello from y");
    expect(await world.ask({ caller: of("x", "y") })).toBe("hello from y");
    expect(fake.asked.join("")).toBe("xyy");
    await world.clock.advance(5 * MINUTE);
    expect(await world.ask({ caller: of("x") })).toBe("hello from x");
    expect(JSON.stringify(await world.store.accounts.all())).toBe("[]");
  });

  test("requests that bring the same login share its concurrency and wait for each other, for queueMs at most", async () => {
    const fake = new FakeProvider().always("x", hangs([[text("He")]]));
    await using world = await openWorld({ providers: [fake], pool: { concurrency: 2, queueMs: 5 * SECOND } });
    const of = (...credentials: string[]) => ({ kind: "own-accounts", provider: fake, credentials }) as const;
    const first = await world.run({ caller: of("x") });
    await world.run({ caller: of("x") });
    const third = world.run({ caller: of("x") });
    const fourth = failureOf(world.run({ caller: of("x") }));
    expect(await world.ask({ caller: of("y") })).toBe("hello from y");
    expect(await world.ask({ caller: of("x", "y") })).toBe("hello from y");
    expect(fake.asked.join("")).toBe("xxyy");
    await world.clock.advance(SECOND);
    first.stream.cancel();
    await third;
    expect(fake.asked.join("")).toBe("xxyyx");
    await world.clock.advance(4 * SECOND);
    expect(await fourth).toMatchObject({ kind: "queue-full" });
  });

  test("who waits for a login that another request finds limited is told so", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake], pool: { concurrency: 1 } });
    const retryAt = world.clock.now() + 5 * MINUTE;
    fake.next("x", async function* () {
      yield [text("He")];
      await new Promise((resolve) => world.clock.after(SECOND, () => resolve(undefined)));
      throw new GatewayError("rate-limited", "Too fast.", { retryAt });
    });
    const caller = { kind: "own-accounts", provider: fake, credentials: ["x"] } as const;
    const first = world.ask({ caller });
    const second = failureOf(world.run({ caller }));
    await world.clock.advance(SECOND);
    expect([await first, await second]).toMatchObject(["rate-limited", { kind: "rate-limited", retryAt }]);
    expect(fake.asked).toEqual(["x"]);
  });

  test("a caller's own account that was refused is asked again: the caller may have made it good", async () => {
    const fake = new FakeProvider().next("x", fails("auth-rejected", { needsLogin: true }));
    await using world = await openWorld({ providers: [fake] });
    const caller = { kind: "own-accounts", provider: fake, credentials: ["x"] } as const;
    expect(await world.ask({ caller })).toBe("auth-rejected");
    expect(await world.ask({ caller })).toBe("hello from x");
  });

  test("L4 a caller's own accounts serve in turn, three requests each", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    const caller = { kind: "own-accounts", provider: fake, credentials: ["x", "y"] } as const;
    for (let i = 0; i < 7; i++) await world.ask({ caller });
    expect(fake.asked.join("")).toBe("xxxyyyx");
  });
});

describe("deadlines", () => {
  test("fault 14 a silent account is given up at the first-event deadline and the next one answers", async () => {
    const fake = new FakeProvider().next("a", hangs());
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    const answer = world.ask();
    await world.clock.advance(60 * SECOND);
    expect(await answer).toBe("hello from b");
    expect(fake.aborted).toEqual(["a"]);
  });

  test("fault 14 when all are silent the client gets a 504, even from a provider that ignores its signal", async () => {
    const fake = new FakeProvider();
    for (const name of "abc") fake.always(name, hangs([], { deaf: true }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b,c");
    const failure = failureOf(world.run());
    await world.clock.advance(3 * MINUTE);
    expect(await failure).toMatchObject({ kind: "upstream-timeout", status: 504 });
    expect(world.pool.views().map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  });

  test("fault 15 a stream that stops breaks after the idle time, and its account is not blamed", async () => {
    const fake = new FakeProvider().next("a", hangs([[text("He")]], { deaf: true }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const { stream } = await world.run();
    const failure = failureOf(drain(stream));
    await world.clock.advance(180 * SECOND);
    expect(await failure).toMatchObject({ kind: "upstream-timeout" });
    expect(fake.aborted).toEqual(["a"]);
    expect(world.view("a")).toMatchObject({ state: "ready", inFlight: 0, failures: 1, rotationFailures: 0 });
  });

  test("fault 16 empty reads do not count as events, progress does", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const ticking = (events: "progress" | "none") =>
      async function* () {
        yield [text("He")];
        for (let i = 0; i < 4; i++) {
          await new Promise<void>((resolve) => world.clock.after(100 * SECOND, resolve));
          yield events === "none" ? [] : [{ type: "progress" } as const];
        }
        yield [END];
      };
    fake.next("a", ticking("progress"), ticking("none"));
    const alive = world.run().then(({ stream }) => drain(stream));
    await world.clock.advance(400 * SECOND);
    expect((await alive).at(-1)).toMatchObject({ type: "end" });
    const dead = failureOf(world.run().then(({ stream }) => drain(stream)));
    await world.clock.advance(400 * SECOND);
    expect(await dead).toMatchObject({ kind: "upstream-timeout" });
  });

  test("fault 26 a reader that takes its time does not run into the idle deadline", async () => {
    const fake = new FakeProvider().next("a", says([text("He")], [text("llo")], [END]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const reader = iterated((await world.run()).stream);
    await reader.next();
    await world.clock.advance(30 * MINUTE);
    expect((await reader.next()).value).toMatchObject([{ text: "llo" }]);
    await reader.return();
  });

  test("the cap of a whole turn ends a long answer without blaming anybody", async () => {
    const fake = new FakeProvider().next("a", hangs([[text("He")]]));
    await using world = await openWorld({ providers: [fake], router: { turnMs: 10 * SECOND } });
    await world.add("a");
    const failure = failureOf(world.run().then(({ stream }) => drain(stream)));
    await world.clock.advance(10 * SECOND);
    expect(await failure).toMatchObject({ kind: "upstream-timeout" });
    expect(world.view("a")).toMatchObject({ state: "ready", inFlight: 0 });
  });
});

describe("after the first event", () => {
  test("fault 17 a cut stream throws, keeps what was said, and is counted with estimated tokens", async () => {
    const fake = new FakeProvider().next("a", fails("upstream-broken", {}, [text("Hello there")]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    const { stream } = await world.run();
    const seen: ChatEvent[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const batch of iterated(stream)) seen.push(...batch);
      })(),
    );
    expect(failure.kind).toBe("upstream-broken");
    expect(seen).toMatchObject([{ text: "Hello there" }]);
    expect(fake.asked).toEqual(["a"]);
    expect(await world.store.attempts.requests({ limit: 1 })).toMatchObject([
      { status: 200, outcome: "upstream-broken", usageEstimated: true, outputTokens: 4 },
    ]);
  });

  test("fault 19 a rate limit inside the stream still cools its account", async () => {
    const fake = new FakeProvider().next("a", fails("rate-limited", {}, [text("He")]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    expect(await world.ask()).toBe("rate-limited");
    expect(world.view("a")).toMatchObject({ state: "cooling" });
  });

  test("a stream without its end event is a failure, never a clean end", async () => {
    const fake = new FakeProvider().next("a", says([text("He")]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    expect(await world.ask()).toBe("upstream-broken");
  });

  for (const moment of ["before the answer", "at the first event", "in the middle"] as const) {
    test(`fault 25 a client that leaves ${moment} frees its account, aborts the upstream and blames nobody`, async () => {
      const fake = new FakeProvider().always(
        "a",
        hangs(moment === "before the answer" ? [] : [[text("He")], [text("llo")]]),
      );
      await using world = await openWorld({ providers: [fake] });
      await world.add("a");
      const client = new AbortController();
      const running = world.run({ signal: client.signal });
      if (moment !== "before the answer") {
        const { stream } = await running;
        const reader = iterated(stream);
        if (moment === "in the middle") await reader.next();
        await reader.return();
      } else {
        await world.clock.advance(0);
        client.abort(new GatewayError("cancelled", "The client left."));
        expect(await failureOf(running)).toMatchObject({ kind: "cancelled" });
      }
      await world.clock.advance(0);
      expect(fake.aborted).toEqual(["a"]);
      expect(world.view("a")).toMatchObject({ inFlight: 0, rotationFailures: 0, failures: 0, state: "ready" });
      expect(await world.store.attempts.requests({ limit: 1 })).toMatchObject([{ outcome: "cancelled" }]);
      expect(world.router.active).toBe(0);
    });
  }

  test("a signal that aborts while nobody reads frees the account too", async () => {
    const fake = new FakeProvider().always("a", hangs([[text("He")]]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const client = new AbortController();
    await world.run({ signal: client.signal });
    client.abort(new GatewayError("stopping", "The gateway stops."));
    expect(world.view("a")).toMatchObject({ inFlight: 0 });
    expect(world.router.active).toBe(0);
  });
});

test("a provider that needs no account answers without one, and its fault is tried once", async () => {
  const fake = new FakeProvider();
  Object.assign(fake, { credential: undefined, chat: says([text("echo")], [END]) });
  await using world = await openWorld({ providers: [fake] });
  const { stream, served } = await world.run();
  await drain(stream);
  expect(served).toEqual({ provider: "fake", accountId: undefined, model: "model", attempts: 1 });
  Object.assign(fake, { chat: fails("upstream-broken") });
  expect(await world.ask()).toBe("upstream-broken");
  expect(await world.store.attempts.requests({ limit: 1 })).toMatchObject([
    { attempts: 1, outcome: "upstream-broken" },
  ]);
});

test("a test of one account asks it whatever its state, and its success brings it back", async () => {
  const fake = new FakeProvider().next("b", fails("suspended"));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a,b");
  const accountId = world.view("b").id;
  expect(await world.ask({ accountId })).toBe("suspended");
  expect(world.view("b").state).toBe("disabled_auto");
  expect(await world.ask({ accountId })).toBe("hello from b");
  expect(world.view("b").state).toBe("ready");
  expect(fake.asked).toEqual(["b", "b"]);
});

test("one line an attempt says who, which use of how many, and how it went", async () => {
  const fake = new FakeProvider().next("a", fails("auth-rejected"));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a,b");
  await world.ask({ caller: { kind: "key", name: "laptop" } });
  expect(world.lines.filter(({ event }) => event === "attempt-ended")).toMatchObject([
    { key: "laptop", account: world.view("a").id, use: "1/3", failures: "1/5", outcome: "auth-rejected", attempt: 1 },
    { key: "laptop", account: world.view("b").id, use: "1/3", failures: "0/5", outcome: "ok", attempt: 2 },
  ]);
});

describe("fallbacks", () => {
  const first = (): FakeProvider => new FakeProvider("first", ["model"]);
  const second = (): FakeProvider => new FakeProvider("second", ["other"]);
  const tables = () => ({ fallbacks: { model: ["second/other"] } });

  test("answer before the first event, and the answer says who served", async () => {
    const broken = first().always("a", fails("upstream-broken"));
    await using world = await openWorld({ providers: [broken, second()], resolver: { tables } });
    await world.add("a", "first");
    await world.add("b", "second");
    const { served } = await world.run();
    expect(served).toMatchObject({ provider: "second", model: "other", attempts: 2 });
  });

  test("stand in for a provider without accounts", async () => {
    await using world = await openWorld({ providers: [first(), second()], resolver: { tables } });
    await world.add("b", "second");
    expect(await world.ask()).toBe("hello from b");
  });

  test("leave the say to the provider whose accounts need something, not to one that has none", async () => {
    const dead = second().always("b", fails("auth-rejected", { needsLogin: true }));
    await using world = await openWorld({ providers: [first(), dead], resolver: { tables } });
    await world.add("b", "second");
    await world.ask();
    const failure = await world.run().catch((error: Error) => error.message);
    expect(failure).toContain("No Second account can answer");
  });

  test("get the last attempt, however many accounts fail before", async () => {
    const broken = first();
    for (const name of ["a", "b", "c", "d"]) broken.always(name, fails("upstream-broken"));
    await using world = await openWorld({ providers: [broken, second()], resolver: { tables } });
    await world.add("a,b,c,d", "first");
    expect(await world.ask()).toBe("upstream-broken");
    expect(broken.asked).toEqual(["a", "b", "c"]);
    await world.add("e", "second");
    broken.asked.length = 0;
    expect(await world.ask()).toBe("hello from e");
    expect(broken.asked).toHaveLength(2);
  });

  test("are silent after the first event", async () => {
    const broken = first().always("a", fails("upstream-broken", {}, [text("He")]));
    await using world = await openWorld({ providers: [broken, second()], resolver: { tables } });
    await world.add("a", "first");
    await world.add("b", "second");
    expect(await world.ask()).toBe("upstream-broken");
  });
});

describe("models of accounts", () => {
  class Planned extends FakeProvider {
    modelsOf({ credential }: { readonly credential: string; readonly memory: unknown }): ModelInfo[] | undefined {
      const ids = credential.split(":").slice(1);
      return ids.length === 0 ? undefined : ids.map((id) => ({ id, created: 1, ownedBy: "x" }));
    }
  }

  test("a model that an account's plan lacks is not tried on it", async () => {
    const planned = new Planned("fake", ["small", "large"]);
    await using world = await openWorld({ providers: [planned] });
    await world.add("a:small,b:small:large");
    for (let i = 0; i < 4; i++) await world.ask({}, { model: "large" });
    expect(planned.asked).toEqual(["b", "b", "b", "b"]);
    await world.pool.roster.remove(world.view("Fake 2").id);
    expect(await world.ask({}, { model: "large" })).toBe("no-account");
  });

  test("a model that only an account tells is found, listed and asked there", async () => {
    const planned = new Planned("fake", []);
    await using world = await openWorld({ providers: [planned] });
    await world.add("a:fresh,b:small");
    expect(world.router.models().map(({ id }) => id)).toEqual(["fresh", "small"]);
    expect(await world.ask({}, { model: "FRESH" })).toBe("hello from a:fresh");
    expect(await world.ask({}, { model: "stale" })).toBe("unknown-model");
  });

  test("the owner's list of allowed models keeps the others off the account", async () => {
    const provider = new FakeProvider("fake", ["gpt-5", "gpt-5-mini", "o3"]);
    await using world = await openWorld({ providers: [provider] });
    await world.add("a,b");
    await world.pool.roster.configure(world.view("a").id, { models: ["*-mini", "O3"] });
    for (const model of ["gpt-5", "gpt-5", "gpt-5"]) await world.ask({}, { model });
    expect(provider.asked).toEqual(["b", "b", "b"]);
    await world.pool.roster.disable(world.view("b").id);
    expect(await world.ask({}, { model: "gpt-5" })).toBe("no-account");
    expect(await world.ask({}, { model: "gpt-5-mini" })).toBe("hello from a");
    expect(await world.ask({}, { model: "o3" })).toBe("hello from a");
  });
});
