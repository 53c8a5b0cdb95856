import { afterEach, describe, expect, test } from "bun:test";
import type { FailureKind } from "../../../src/chat/error.ts";
import { billOf } from "../../../src/providers/cto/billing.ts";
import { answerOf, refusalOf } from "../../../src/providers/cto/failure.ts";
import { answer, type Behaviour, challengePage, empty, json, page, state } from "../../sims/cto.ts";
import { type Desk, type DeskOptions, openDesk } from "./desk.ts";

let desk: Desk;
const open = async (options: DeskOptions = {}): Promise<Desk> => (desk = await openDesk(options));
afterEach(async () => {
  await desk.sim.until(() => desk.sim.openSockets() === 0);
  await desk.stop();
});

/** A server of v1 that is known to be one, so that a refusal is a refusal. */
const V1: DeskOptions = { provider: { protocol: "v1" } };
const HOUR_MS = 3_600_000;
const MIDNIGHT = Date.UTC(2026, 10, 21);

describe("trap 8 E6 a refused prompt is an error with its meaning, never a text", () => {
  const cases: [string, Behaviour, FailureKind][] = [
    ["413", empty(413), "context-too-long"],
    ["400 about the size", json(400, { message: "Prompt is too large" }), "context-too-long"],
    ["400 about the length", json(400, { error: { message: "maximum length is 20000" } }), "context-too-long"],
    ["400 about a property", json(400, { message: "body must have required property 'modelKey'" }), "upstream-changed"],
    ["400 in other words", json(400, { message: "bad" }), "upstream-changed"],
    ["404", json(404, { message: "Not Found" }), "conversation-lost"],
    ["500", json(500, { message: "boom" }), "upstream-broken"],
    ["502 with a page", page(502, "<h1>Bad Gateway</h1>"), "upstream-broken"],
    [
      "a redirect",
      () => new Response("", { status: 302, headers: { location: "/engine-agent/chat" } }),
      "upstream-broken",
    ],
    ["a challenge page", challengePage(), "challenge"],
    ["a challenge page with 503", challengePage(503), "challenge"],
    ["a challenge header", page(403, "", { "cf-mitigated": "challenge" }), "challenge"],
  ];
  test.each(cases)("%s", async (_name, behaviour, kind) => {
    const { sim, account } = await open(V1);
    sim.account("ann").next("chat", behaviour);
    const { failure, text } = await account().turn();
    expect([failure?.kind, text]).toEqual([kind, ""]);
    expect(sim.count("chat")).toBe(1);
  });

  test("a challenge says what to do", async () => {
    const { sim, account } = await open(V1);
    sim.account("ann").next("chat", challengePage());
    expect((await account().turn()).failure?.message).toBe(
      "cto.new asks for a browser check; open cto.new in your browser, then paste the cookie again.",
    );
  });

  test("E13 trap 18 what is wrong with the request is said with its field", async () => {
    const { sim, account } = await open(V1);
    sim.account("ann").next("chat", json(400, { message: "body must have required property 'prompt'" }));
    expect((await account().turn()).failure).toMatchObject({ kind: "upstream-changed", field: "prompt" });
  });
});

describe("a token that is refused", () => {
  test.each([
    ["401", json(401, { message: "Unauthorized" })],
    ["jwt expired in words", json(403, { message: "jwt expired" })],
  ])("%s is minted anew once and the call repeated", async (_name, behaviour) => {
    const { sim, account } = await open(V1);
    sim
      .account("ann")
      .next("chat", behaviour)
      .says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    expect([sim.count("tokens"), sim.count("chat")]).toEqual([2, 2]);
  });

  test("a second 401 is a failure of the account", async () => {
    const { sim, account } = await open(V1);
    sim.account("ann").next("chat", json(401, { message: "no" }), json(401, { message: "no" }));
    expect((await account().turn()).failure).toMatchObject({ kind: "auth-rejected", needsLogin: false });
    expect(sim.count("chat")).toBe(2);
  });

  test("403 asks anew who is signed in, once, and is then a failure of the account", async () => {
    const { sim, account } = await open(V1);
    sim
      .account("ann")
      .next("chat", json(403, { message: "wrong organisation" }))
      .says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    expect([sim.count("client"), sim.count("tokens")]).toEqual([2, 2]);
    const forbidden = json(403, { message: "Forbidden" });
    sim.account("ann").next("chat", forbidden, forbidden);
    expect((await account().turn()).failure?.kind).toBe("auth-rejected");
  });
});

describe("limits", () => {
  const reached = { dailyUsage: 300, dailyLimit: 300, hasReachedLimit: true };
  const weekly = { dailyUsage: 10, dailyLimit: 300, weeklyLimit: 900, hasReachedLimit: true };
  const credits = { taskCreditsUsage: 5, taskCreditsLimit: 5 };
  const cases: [string, Behaviour, Record<string, unknown> | undefined, FailureKind, number | undefined][] = [
    ["402 with a bill of the day", json(402, {}), reached, "quota-exhausted", MIDNIGHT],
    ["429 with the bill of the week", json(429, {}), weekly, "quota-exhausted", HOUR_MS],
    ["429 with a bill of credits", json(429, {}), credits, "quota-exhausted", HOUR_MS],
    ["words with a bill", json(400, { message: "You have exceeded your plan" }), reached, "quota-exhausted", MIDNIGHT],
    ["429 with a bill that denies it", json(429, { message: "slow down" }), undefined, "rate-limited", undefined],
    ["words that the bill denies", json(403, { message: "Too many tasks" }), undefined, "rate-limited", undefined],
    ["an overloaded model", json(503, { message: "No capacity" }), undefined, "upstream-broken", undefined],
  ];
  test.each(cases)("%s", async (_name, behaviour, billing, kind, rest) => {
    const { sim, account, clock } = await open(V1);
    if (billing) sim.account("ann").billing = billing;
    sim.account("ann").next("chat", behaviour);
    const { failure } = await account().turn();
    const retryAt = rest === HOUR_MS ? clock.now() + HOUR_MS : rest;
    expect([failure?.kind, failure?.retryAt]).toEqual([kind, retryAt as never]);
  });

  test("Retry-After wins over every guess", async () => {
    const { sim, account, clock } = await open(V1);
    sim.account("ann").billing = reached;
    sim.account("ann").next("chat", json(429, {}, { "retry-after": "90" }));
    expect((await account().turn()).failure).toMatchObject({
      kind: "quota-exhausted",
      retryAt: clock.now() + 90_000,
    });
  });

  test("words are believed when the bill cannot be read, and 429 alone is a short limit then", async () => {
    const { sim, account, clock } = await open(V1);
    sim.account("ann").next("billing", empty(500), empty(500));
    sim.account("ann").next("chat", json(429, { message: "Daily limit reached" }), json(429, { message: "slow down" }));
    expect((await account().turn()).failure).toMatchObject({ kind: "quota-exhausted", retryAt: MIDNIGHT });
    expect((await account().turn()).failure?.kind).toBe("rate-limited");
    expect(clock.pending).toBe(0);
  });

  test("trap 14 a word that only holds such a word is no limit", async () => {
    const { sim, account } = await open(V1);
    sim.account("ann").billing = reached;
    for (const message of ["Failed to generate", "unlimited delimiters", "separate"]) {
      sim.account("ann").next("chat", json(500, { message }));
      expect((await account().turn()).failure?.kind).toBe("upstream-broken");
    }
    expect(sim.count("billing")).toBe(0);
  });

  test("a turn without any text is an error, and the bill tells which", async () => {
    const { sim, account } = await open(V1);
    const nothing = [state(true), state(false)];
    sim.account("ann").says(nothing, nothing, [state(true), state(false, true)]);
    expect((await account().turn()).failure).toMatchObject({
      kind: "upstream-broken",
      message: "cto.new gave an empty answer.",
    });
    sim.account("ann").billing = reached;
    expect((await account().turn()).failure).toMatchObject({ kind: "quota-exhausted", retryAt: MIDNIGHT });
    sim.account("ann").billing = {};
    expect((await account().turn()).failure?.kind).toBe("upstream-broken");
  });
});

describe("the connection for the answer", () => {
  const cases: [string, number, FailureKind][] = [
    ["429", 429, "rate-limited"],
    ["404", 404, "conversation-lost"],
    ["503", 503, "upstream-broken"],
    ["a redirect", 302, "upstream-broken"],
  ];
  test.each(cases)("refused with %s", async (_name, status, kind) => {
    const { sim, account } = await open(V1);
    sim.account("ann").next("socket", () => new Response("", { status, headers: { location: "/" } }));
    expect((await account().turn()).failure?.kind).toBe(kind);
    expect(sim.count("chat")).toBe(0);
  });

  test("401 asks for everything anew, once", async () => {
    const { sim, account } = await open({ protocol: "v2", provider: { protocol: "v2" } });
    sim
      .account("ann")
      .next("socket", empty(401))
      .says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    sim.account("ann").next("socket", empty(401), empty(403));
    expect((await account().turn()).failure?.kind).toBe("auth-rejected");
  });

  test("nobody there is upstream-broken", async () => {
    const { sim, account } = await open({ provider: { protocol: "v1", socketUrl: "ws://127.0.0.1:1" } });
    expect((await account().turn()).failure?.kind).toBe("upstream-broken");
    expect(sim.count("chat")).toBe(0);
  });

  test("a service that greets no connection gets the prompt all the same", async () => {
    const { sim, account, clock } = await open({ ...V1, silent: true });
    sim.account("ann").says(answer(["ok"]));
    const turn = account().turn();
    await sim.until(() => sim.openSockets() === 1);
    while (clock.pending < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.advance(300);
    expect((await turn).text).toBe("ok");
  });
});

describe("pure readings", () => {
  const refusals: [number, string, string][] = [
    [429, "Too many requests", "rate"],
    [429, "weekly quota", "quota"],
    [409, "", "busy"],
    [400, "A task is already running", "busy"],
    [403, "Unauthorized", "auth"],
    [403, "nope", "forbidden"],
    [500, "Unauthorized access to the generator", "broken"],
    [418, "", "ours"],
  ];
  test.each(refusals)("%i %s is %s", (status, message, refusal) => {
    expect(refusalOf(answerOf(status, new Headers(), JSON.stringify({ message }))) as string).toBe(refusal);
  });

  const NOW = Date.UTC(2026, 0, 1);
  const bills: [string, unknown, object | undefined][] = [
    [
      "of 2026",
      { dailyUsage: 3, dailyLimit: 300, hasReachedLimit: false, currentBillingTier: "free" },
      { reached: false },
    ],
    ["that counts only", { dailyUsage: 300, dailyLimit: 300 }, { reached: true, daily: true }],
    ["of 2025", { taskCreditsUsage: 1, taskCreditsLimit: 5, currentBillingTier: 2 }, { reached: false, tier: 2 }],
    ["by its second word", { hasReachedLimit: false, limitReached: true }, { reached: true, quota: undefined }],
    ["that tells nothing", {}, { reached: undefined, quota: undefined }],
    ["that is none", [], undefined],
  ];
  test.each(bills)("a bill %s", (_name, body, expected) => {
    const bill = billOf(body, NOW);
    if (expected) expect(bill).toMatchObject(expected);
    else expect(bill).toBeUndefined();
  });
});
