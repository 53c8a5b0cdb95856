import { expect, test } from "bun:test";
import { createLangfast, type LangfastCredential } from "../../../src/providers/langfast/index.ts";
import { openWorld, type WorldOptions } from "../../router/world.ts";
import { startLangfastSim } from "../../sims/langfast.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const HOUR_MS = 3_600_000;

/** LangFast accounts in the real pool, store and router. */
async function openLangfast(count: number, options: Partial<WorldOptions> & { guests?: number } = {}) {
  const clock = new VirtualClock();
  const sim = await startLangfastSim({ now: () => clock.now() });
  const provider = () =>
    createLangfast({ url: sim.url, anonKey: sim.anonKey, socketUrl: sim.socketUrl, guests: options.guests ?? 0 });
  const open = (dataDir?: string) =>
    openWorld({ providers: [provider()], clock, ...options, ...(dataDir === undefined ? {} : { dataDir }) });
  const world = await open();
  const sessions = Array.from({ length: count }, () => sim.auth.session());
  for (const session of sessions) {
    await world.pool.roster.add(
      "langfast",
      world.pool.provider("langfast").credential?.parse(JSON.stringify(session)) ?? [],
    );
  }
  return {
    clock,
    sim,
    world,
    open,
    ask: (model = "gpt-4o") => world.ask({}, { model }),
    userId: (index: number) => (sessions[index] as { user: { id: string } }).user.id,
    stored: async () => (await world.store.accounts.all()).map((record) => record.credential as LangfastCredential),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await sim.stop();
    },
  };
}

test("fault 3: 50 requests at once with a lapsed token renew it once, and all are answered", async () => {
  await using langfast = await openLangfast(1, { pool: { concurrency: 50 } });
  await langfast.clock.advance(2 * HOUR_MS);
  const answers = await Promise.all(Array.from({ length: 50 }, () => langfast.ask()));
  expect(new Set(answers)).toEqual(new Set(["Hello"]));
  expect([langfast.sim.count("refresh"), langfast.sim.count("prompt")]).toEqual([1, 1]);
});

test("fault 1: a rotated token is in the store before it is used, although the run fails, and serves after a restart", async () => {
  await using langfast = await openLangfast(1);
  await langfast.clock.advance(2 * HOUR_MS);
  const [before] = await langfast.stored();
  let atUse: LangfastCredential | undefined;
  langfast.sim.next("prompt", async (exchange) => {
    [atUse] = await langfast.stored();
    await exchange.answer(500, {}, "{}");
  });
  expect(await langfast.ask()).toBe("upstream-broken");
  expect(atUse?.refreshToken).toBeString();
  expect(atUse?.refreshToken).not.toBe(String(before?.refreshToken));
  await langfast.world.close();
  await using again = await langfast.open(langfast.world.dataDir);
  await langfast.clock.advance(2 * HOUR_MS);
  expect(await again.ask({}, { model: "gpt-4o" })).toBe("Hello");
  expect([langfast.sim.count("refresh"), langfast.sim.auth.refusals]).toEqual([2, 0]);
});

test("fault 2, R20: a dead session needs a sign-in after one refusal, and nobody asks again", async () => {
  await using langfast = await openLangfast(1);
  langfast.sim.auth.kill(langfast.userId(0));
  await langfast.clock.advance(2 * HOUR_MS);
  expect(await langfast.ask()).toBe("auth-rejected");
  const [view] = langfast.world.pool.views();
  expect(view).toMatchObject({ state: "needs_login" });
  expect(view?.reason).toContain("sign in at langfa.st again");
  await langfast.ask();
  expect(langfast.sim.auth.refusals).toBe(1);
});

test("R21 a session that cannot be renewed for now leaves the request to the next account", async () => {
  await using langfast = await openLangfast(2);
  await langfast.clock.advance(2 * HOUR_MS);
  langfast.sim.next("refresh", { status: 500, body: {} });
  expect(await langfast.ask()).toBe("Hello");
  expect(langfast.world.pool.views().map(({ state }) => state)).toEqual(["ready", "ready"]);
});

test("a used-up day rests until the next UTC day while another account serves", async () => {
  await using langfast = await openLangfast(2);
  langfast.sim.next("run", { status: 429, body: { error: "daily limit reached" } });
  expect(await langfast.ask()).toBe("Hello");
  const [tired] = langfast.world.pool.views().filter(({ state }) => state === "exhausted");
  expect(tired).toMatchObject({ until: Date.UTC(2026, 10, 21) });
  expect(langfast.sim.count("signup")).toBe(0);
  await langfast.clock.advance(13 * HOUR_MS);
  expect(langfast.world.pool.views().map(({ state }) => state)).toEqual(["ready", "ready"]);
});

test("P7, trap 8: an account's prompt is made once, also across a restart", async () => {
  await using langfast = await openLangfast(1);
  expect(await langfast.ask()).toBe("Hello");
  await langfast.world.close();
  await using again = await langfast.open(langfast.world.dataDir);
  expect(await again.ask({}, { model: "gpt-5" })).toBe("Hello");
  expect(langfast.sim.count("prompt")).toBe(1);
});

test("a reset account is tried again for a model that its plan was found to lack", async () => {
  await using langfast = await openLangfast(1);
  langfast.sim.next("run", { status: 403, body: { error: "Premium model: upgrade to use it" } });
  expect(await langfast.ask("gpt-4")).toBe("model-unavailable");
  expect(await langfast.ask("gpt-4")).toBe("no-account");
  const [view] = langfast.world.pool.views();
  await langfast.world.pool.roster.reset(view?.id ?? "");
  expect(await langfast.ask("gpt-4")).toBe("Hello");
});

test("a failed run blames no account", async () => {
  await using langfast = await openLangfast(1);
  langfast.sim.play((run) => run.chunk(null, "failed"));
  langfast.sim.play((run) => run.chunk(null, "failed"));
  langfast.sim.play((run) => run.chunk(null, "failed"));
  expect(await langfast.ask()).toBe("upstream-broken");
  expect(langfast.world.pool.views()[0]).toMatchObject({ state: "ready" });
});

test("P1, T4: no guest at the start, one at the first request, however many come at once, and the same after a restart", async () => {
  await using langfast = await openLangfast(0, { guests: 1, pool: { concurrency: 50 } });
  expect(langfast.sim.calls).toEqual([]);
  const answers = await Promise.all(Array.from({ length: 30 }, () => langfast.ask()));
  expect(new Set(answers)).toEqual(new Set(["Hello"]));
  expect(langfast.sim.count("signup")).toBe(1);
  await langfast.world.close();
  await using again = await langfast.open(langfast.world.dataDir);
  expect(await again.ask({}, { model: "gpt-4o" })).toBe("Hello");
  expect(langfast.sim.count("signup")).toBe(1);
});

test("P1: a captcha is said, and no request asks for it again", async () => {
  await using langfast = await openLangfast(0, { guests: 1 });
  langfast.sim.next("signup", { status: 400, body: { error_code: "captcha_failed", msg: "captcha" } });
  for (let i = 0; i < 3; i++) {
    await expect(langfast.world.run({}, { model: "gpt-4o" })).rejects.toThrow(/captcha.*paste your own session/);
    await langfast.clock.advance(25 * HOUR_MS);
  }
  expect(langfast.sim.count("signup")).toBe(1);
});

test("a limit never makes a guest, a dead session does", async () => {
  await using langfast = await openLangfast(0, { guests: 1 });
  expect(await langfast.ask()).toBe("Hello");
  langfast.sim.next("run", { status: 429, body: { error: "daily limit reached" } });
  expect(await langfast.ask()).toBe("quota-exhausted");
  expect(await langfast.ask()).toBe("quota-exhausted");
  expect(langfast.sim.count("signup")).toBe(1);
  await langfast.clock.advance(13 * HOUR_MS);
  langfast.sim.auth.kill(String(langfast.sim.runs[0]?.userId));
  expect(await langfast.ask()).toBe("Hello");
  expect(langfast.sim.count("signup")).toBe(2);
});

test("guests are not tried for a model of the paid plan", async () => {
  await using langfast = await openLangfast(0, { guests: 1 });
  expect(await langfast.ask("gpt-4")).not.toBe("Hello");
  expect(langfast.sim.count("run")).toBe(0);
});
