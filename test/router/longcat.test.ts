import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatEvent } from "../../src/chat/event.ts";
import { createLongcat } from "../../src/providers/longcat/index.ts";
import { iterated } from "../chat/streams.ts";
import { answer, fail, Gate, startLongcatSim, type LongcatSim } from "../sims/longcat.ts";
import { openWorld, type WorldOptions } from "./world.ts";

const SECOND = 1000;

/** LongCat over real sockets, with accounts `names` in the pool and time that the test moves. */
async function openCat(names: string, options: Partial<WorldOptions> = {}) {
  const sim = await startLongcatSim();
  const provider = createLongcat({ url: sim.url, random: () => 0 });
  const world = await openWorld({ providers: [provider], ...options });
  const tokens = names.split("").filter((name) => name !== "");
  for (const name of tokens) sim.account(name).always("chat", answer(`this is ${name}`));
  await world.pool.roster.add(
    "longcat",
    tokens.map((token) => ({ token })),
  );
  const labelOf = new Map(tokens.map((name, i) => [name, `LongCat ${i + 1}`]));
  return {
    sim,
    world,
    provider,
    ask: (over: Parameters<typeof world.ask>[0] = {}) => world.ask(over, { model: "LongCat" }),
    run: (over: Parameters<typeof world.run>[0] = {}) => world.run(over, { model: "LongCat" }),
    view: (name: string) => world.view(labelOf.get(name) ?? ""),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await sim.stop();
    },
  };
}

/** Moves time on until the sim has seen what it waits for. */
async function seen(sim: LongcatSim, clock: { advance(ms: number): Promise<void> }, ms: number, met: () => boolean) {
  await clock.advance(ms);
  await sim.until(met);
}

describe("rotation over LongCat", () => {
  test("L5 a cookie serves three requests, then the next, for ever round, and each is counted where it was served", async () => {
    await using cat = await openCat("abc");
    const answers: string[] = [];
    for (let i = 0; i < 20; i++) answers.push((await cat.ask()).slice(-1));
    expect(answers.join("")).toBe("aaabbbcccaaabbbcccaa");
    expect(cat.view("a")).toMatchObject({ attempts: 8, successes: 8, failures: 0 });
    expect(cat.view("c")).toMatchObject({ attempts: 6, successes: 6, failures: 0 });
    expect(cat.sim.violations).toEqual([]);
  });

  test("L1 one failed request is one attempt, one failure and one rotation failure", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.signedOut());
    expect(await cat.ask()).toBe("this is b");
    expect(cat.view("a")).toMatchObject({ attempts: 1, successes: 0, failures: 1, rotationFailures: 1 });
  });

  test("L2 a conversation that was created is no success: the turn has to end well", async () => {
    await using cat = await openCat("a");
    cat.sim.account("a").next("chat", fail.event("broken", { after: ["He"] }));
    await cat.ask();
    expect(cat.sim.account("a").counts.create).toBe(1);
    expect(cat.view("a")).toMatchObject({ attempts: 1, successes: 0, failures: 1 });
  });

  test("five refusals in a row disable a cookie, four and a success do not", async () => {
    await using cat = await openCat("ab");
    const { sim } = cat;
    sim.account("a").next("chat", ...Array.from({ length: 4 }, () => fail.signedOut()), answer("well"));
    for (let i = 0; i < 17; i++) await cat.ask();
    expect(cat.view("a")).toMatchObject({ state: "ready", rotationFailures: 0, rotationFailuresTotal: 4 });
    sim.account("a").always("chat", fail.signedOut(401));
    for (let i = 0; i < 20; i++) await cat.ask();
    expect(cat.view("a")).toMatchObject({ state: "disabled_auto", rotationFailures: 5 });
    expect(await cat.ask()).toBe("this is b");
  });

  test("fault 8 a cookie rests for the time that LongCat names, and another serves the same request", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.status(429, "slow down", { retryAfter: 30 }));
    expect(await cat.ask()).toBe("this is b");
    expect(cat.view("a")).toMatchObject({ state: "cooling", rotationFailures: 0 });
    const leftMs = (cat.view("a").until ?? 0) - cat.world.clock.now();
    expect(Math.round(leftMs / SECOND)).toBe(30);
  });

  test("fault 19 a rate limit as a frame before any text fails over like its status", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.frame(429, "too many"));
    expect(await cat.ask()).toBe("this is b");
    expect(cat.view("a").state).toBe("cooling");
  });

  test("fault 11 a challenge cools and disables nothing", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.cloudflare());
    expect(await cat.ask()).toBe("this is b");
    expect(cat.view("a")).toMatchObject({ state: "cooling", reasonKind: "challenge", rotationFailures: 0 });
  });

  test("fault 12 a connection that is reset before any byte blames no cookie", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.resetBeforeHead(), fail.resetBeforeHead());
    expect(await cat.ask()).toBe("this is b");
    expect(cat.view("a")).toMatchObject({ state: "ready", rotationFailures: 0, failures: 1 });
  });

  test("fault 14 a cookie that stays silent is given up after 60 s", async () => {
    await using cat = await openCat("ab");
    cat.sim.account("a").next("chat", fail.hangBeforeFrame());
    const asked = cat.ask();
    await cat.sim.until(() => cat.sim.openStreams() === 1);
    await cat.world.clock.advance(60 * SECOND);
    expect(await asked).toBe("this is b");
    await cat.sim.until(() => cat.sim.aborted.length === 1);
  });

  test("L17 when every cookie is refused the client learns that, not of an internal error", async () => {
    await using cat = await openCat("ab");
    for (const name of ["a", "b"]) cat.sim.account(name).always("chat", fail.signedOut());
    expect(await cat.ask()).toBe("auth-rejected");
  });
});

describe("a caller's own cookies", () => {
  const own = (...tokens: string[]) =>
    ({ kind: "own-accounts", credentials: tokens.map((token) => ({ token })) }) as const;

  test("L4 serve their caller's requests in turn, and no cookie of the pool does", async () => {
    await using cat = await openCat("ab");
    for (const name of ["x", "y"]) cat.sim.account(name).always("chat", answer(`this is ${name}`));
    const answers: string[] = [];
    const caller = { ...own("x", "y"), provider: cat.provider };
    for (let i = 0; i < 7; i++) answers.push((await cat.ask({ caller })).slice(-1));
    expect(answers.join("")).toBe("xxxyyyx");
    expect([cat.view("a").attempts, cat.view("b").attempts]).toEqual([0, 0]);
    await seen(cat.sim, cat.world.clock, 5 * SECOND, () => cat.sim.liveConversations().length === 0);
    expect(await cat.world.store.conversations.all()).toEqual([]);
  });

  test("L3 that are dead fail for their caller alone", async () => {
    await using cat = await openCat("a");
    for (let i = 0; i < 6; i++)
      expect(await cat.ask({ caller: { ...own("dead"), provider: cat.provider } })).toBe("auth-rejected");
    expect(await cat.ask()).toBe("this is a");
    expect(cat.view("a")).toMatchObject({ attempts: 1, successes: 1, rotationFailuresTotal: 0 });
  });
});

describe("conversations at LongCat", () => {
  test("L11 are deleted after the turn, also when the client left in the middle", async () => {
    await using cat = await openCat("a");
    const gate = new Gate();
    cat.sim.account("a").next("chat", answer(["He", "llo"], { gate }));
    gate.release(2);
    const client = new AbortController();
    const { stream } = await cat.run({ signal: client.signal });
    const reader = iterated(stream);
    await reader.next();
    client.abort(new GatewayError("cancelled", "The client left."));
    await cat.sim.until(() => cat.sim.aborted.length === 1);
    expect(cat.view("a")).toMatchObject({ inFlight: 0, state: "ready", rotationFailures: 0 });
    await seen(cat.sim, cat.world.clock, 5 * SECOND, () => cat.sim.liveConversations().length === 0);
    expect(cat.sim.violations).toEqual([]);
  });

  test("one is ready before the next request, which makes a single call, and another while that turn runs", async () => {
    await using cat = await openCat("a", { ready: true });
    await cat.ask();
    await cat.sim.until(() => cat.sim.account("a").counts.create === 2);
    await cat.world.clock.advance(0);
    const calls = cat.sim.requests.length;
    const { stream } = await cat.run();
    await cat.sim.until(() => cat.sim.account("a").counts.create === 3);
    expect(cat.sim.requests.slice(calls).map(({ kind }) => kind)).toEqual(["chat", "create"]);
    stream.cancel();
  });

  test("one that LongCat has forgotten is replaced, on the same cookie and without blame", async () => {
    await using cat = await openCat("ab", { ready: true });
    await cat.ask();
    await cat.sim.until(() => cat.sim.liveConversations().length === 2);
    await cat.world.clock.advance(0);
    for (const { id } of cat.sim.liveConversations()) cat.sim.forget(id);
    expect(await cat.ask()).toBe("this is a");
    expect(cat.view("a")).toMatchObject({ state: "ready", rotationFailures: 0 });
  });
});

describe("a stream from LongCat", () => {
  test("fault 17 that is cut keeps what was said and ends with a failure, not a clean end", async () => {
    await using cat = await openCat("ab");
    const gate = new Gate();
    cat.sim
      .account("a")
      .next("chat", answer(["He", "llo", "!"], { breakAfter: 2, breakBy: [{ gate }, { cut: true }] }));
    const { stream } = await cat.run();
    let said = "";
    const read = async () => {
      for await (const batch of iterated(stream)) {
        for (const event of batch) if (event.type === "text-delta") said += event.text;
        // Bytes that were still on their way when a connection broke are lost to everybody.
        if (said === "Hello") gate.open();
      }
    };
    expect(await read().catch((error: unknown) => error)).toMatchObject({ kind: "upstream-broken" });
    expect(said).toBe("Hello");
    expect(cat.view("a")).toMatchObject({ failures: 1, successes: 0, state: "ready" });
  });

  test("fault 15 that stops is ended after the idle time, and its connection closed", async () => {
    await using cat = await openCat("a");
    const gate = new Gate();
    cat.sim.account("a").next("chat", answer(["He", "llo"], { gate }));
    gate.release(2);
    const { stream } = await cat.run();
    const events: ChatEvent[] = [];
    const read = (async () => {
      for await (const batch of iterated(stream)) events.push(...batch);
    })().catch((error: unknown) => (error instanceof GatewayError ? error.kind : "other"));
    await cat.world.clock.advance(1 * SECOND);
    await cat.world.clock.advance(181 * SECOND);
    expect(await read).toBe("upstream-timeout");
    await cat.sim.until(() => cat.sim.aborted.length === 1);
  });

  test("fault 25 that 60 clients leave at any moment is closed for each, and no account stays lent", async () => {
    await using cat = await openCat("ab", { pool: { concurrency: 30 } });
    const gate = new Gate();
    for (const name of ["a", "b"]) cat.sim.account(name).always("chat", answer(["He", "llo"], { gate }));
    const clients = Array.from({ length: 60 }, () => new AbortController());
    const running = clients.map(({ signal }) => cat.ask({ signal }));
    await cat.sim.until(() => cat.sim.openStreams() === 60);
    gate.release(90);
    for (const client of clients) client.abort(new GatewayError("cancelled", "The client left."));
    expect(new Set(await Promise.all(running))).toEqual(new Set(["cancelled"]));
    await cat.sim.until(() => cat.sim.openStreams() === 0);
    expect([cat.view("a"), cat.view("b")]).toMatchObject([
      { inFlight: 0, failures: 0 },
      { inFlight: 0, failures: 0 },
    ]);
    expect(cat.world.router.active).toBe(0);
    await seen(cat.sim, cat.world.clock, 5 * SECOND, () => cat.sim.liveConversations().length === 0);
  });
});
