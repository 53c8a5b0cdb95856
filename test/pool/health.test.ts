import { expect, test } from "bun:test";
import { GatewayError, type FailureDetails, type FailureKind } from "../../src/chat/error.ts";
import { readyHealth, restMs, settle, type Outcome } from "../../src/pool/health.ts";
import type { Health } from "../../src/store/store.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const READY = readyHealth(NOW - HOUR);
const RULES = { maxFailures: 5, random: () => 0 };

const failed = (kind: FailureKind, details: FailureDetails = {}): Omit<Outcome, "at"> => ({
  failure: new GatewayError(kind, "Because.", details),
});
const cooling = { state: "cooling", until: NOW + MINUTE, reasonKind: "rate-limited" } as const;

const cases: { name: string; from?: Partial<Health>; outcome: Omit<Outcome, "at">; to: Partial<Health> }[] = [
  {
    name: "R13 a rate limit cools until the time the upstream named",
    outcome: failed("rate-limited", { retryAt: NOW + 30 * SECOND }),
    to: { state: "cooling", until: NOW + 30 * SECOND, rotationFailures: 0, reasonKind: "rate-limited" },
  },
  {
    name: "a rate limit in the past cools for 1 s",
    outcome: failed("rate-limited", { retryAt: NOW - 5 * SECOND }),
    to: { state: "cooling", until: NOW + SECOND },
  },
  {
    name: "a rate limit of 40 days cools for 24 h",
    outcome: failed("rate-limited", { retryAt: NOW + 960 * HOUR }),
    to: { state: "cooling", until: NOW + 24 * HOUR },
  },
  {
    name: "a rate limit without a time cools for 60 s",
    outcome: failed("rate-limited"),
    to: { state: "cooling", until: NOW + MINUTE, rateLimits: 1 },
  },
  {
    name: "a retry time that is no number cools for 60 s",
    outcome: failed("rate-limited", { retryAt: Number.NaN }),
    to: { state: "cooling", until: NOW + MINUTE },
  },
  {
    name: "the third rate limit in a row cools for 240 s",
    from: { rateLimits: 2 },
    outcome: failed("rate-limited"),
    to: { until: NOW + 4 * MINUTE, rateLimits: 3 },
  },
  {
    name: "the hundredth rate limit cools for 15 min and disables nothing",
    from: { rateLimits: 99, rotationFailures: 4 },
    outcome: failed("rate-limited"),
    to: { state: "cooling", until: NOW + 15 * MINUTE, rotationFailures: 4 },
  },
  {
    name: "a second turn that meets the same limit does not double the wait",
    from: { ...cooling, rateLimits: 1 },
    outcome: failed("rate-limited"),
    to: { state: "cooling", until: NOW + MINUTE, rateLimits: 1 },
  },
  {
    name: "a longer limit prolongs a shorter one",
    from: cooling,
    outcome: failed("rate-limited", { retryAt: NOW + HOUR }),
    to: { until: NOW + HOUR },
  },
  {
    name: "R17 a spent quota rests until its reset",
    outcome: failed("quota-exhausted", { retryAt: NOW + 72 * HOUR }),
    to: { state: "exhausted", until: NOW + 72 * HOUR },
  },
  {
    name: "a spent quota without a reset rests until the next UTC day",
    outcome: failed("quota-exhausted"),
    to: { state: "exhausted", until: Date.UTC(2026, 10, 21) },
  },
  {
    name: "a challenge cools for at least 5 min and counts nothing",
    outcome: failed("challenge"),
    to: { state: "cooling", until: NOW + 5 * MINUTE, rotationFailures: 0 },
  },
  {
    name: "R18 the 4th rejection in a row leaves the account in rotation",
    from: { rotationFailures: 3 },
    outcome: failed("auth-rejected"),
    to: { state: "ready", rotationFailures: 4 },
  },
  {
    name: "the 5th rejection in a row disables with the reason kept",
    from: { rotationFailures: 4 },
    outcome: failed("auth-rejected"),
    to: { state: "disabled_auto", rotationFailures: 5, reason: "Because.", reasonKind: "auth-rejected", since: NOW },
  },
  {
    name: "R20 a renewal that was refused for good needs a login at once",
    outcome: failed("auth-rejected", { needsLogin: true }),
    to: { state: "needs_login", reason: "Because." },
  },
  { name: "a suspended account is off at once", outcome: failed("suspended"), to: { state: "disabled_auto" } },
  { name: "an upstream fault does not touch the account", outcome: failed("upstream-broken"), to: READY },
  { name: "a timeout does not touch the account", outcome: failed("upstream-timeout"), to: READY },
  { name: "a caller's mistake costs nothing", outcome: failed("invalid-request"), to: READY },
  { name: "R40 a client that left costs nothing", outcome: failed("cancelled"), to: READY },
  {
    name: "a success resets the counts in a row",
    from: { rotationFailures: 4, rateLimits: 3 },
    outcome: {},
    to: { state: "ready", rotationFailures: 0, rateLimits: 0 },
  },
  {
    name: "a late success does not end a cooldown",
    from: { ...cooling, rotationFailures: 2 },
    outcome: {},
    to: { ...cooling, rotationFailures: 0 },
  },
  {
    name: "a late success cannot re-enable what failures disabled",
    from: { state: "disabled_auto" },
    outcome: {},
    to: { state: "disabled_auto" },
  },
  {
    name: "a late failure does not change what a person switched off",
    from: { state: "disabled_by_user" },
    outcome: failed("rate-limited"),
    to: { state: "disabled_by_user", until: undefined },
  },
  {
    name: "R18 a good probe cannot undo a person's switch",
    from: { state: "disabled_by_user" },
    outcome: { revives: true },
    to: { state: "disabled_by_user" },
  },
  {
    name: "a good probe revives disabled_auto",
    from: { state: "disabled_auto", rotationFailures: 5, reason: "Because." },
    outcome: { revives: true },
    to: readyHealth(NOW),
  },
  {
    name: "a good probe revives needs_login",
    from: { state: "needs_login" },
    outcome: { revives: true },
    to: readyHealth(NOW),
  },
  { name: "a good probe ends a cooldown", from: cooling, outcome: { revives: true }, to: readyHealth(NOW) },
];

test.each(cases)("$name", ({ from, outcome, to }) => {
  expect(settle({ ...READY, ...from }, { at: NOW, ...outcome }, RULES)).toMatchObject(to);
});

test("jitter stays within a tenth for limits and within 15 min for challenges", () => {
  const last = { ...RULES, random: () => 1 };
  expect(settle(READY, { at: NOW, ...failed("rate-limited") }, last).until).toBe(NOW + 66 * SECOND);
  expect(settle(READY, { at: NOW, ...failed("challenge") }, last).until).toBe(NOW + 15 * MINUTE);
});

test("an outcome that changes nothing gives back the same object, so that nothing is written", () => {
  expect(settle(READY, { at: NOW }, RULES)).toBe(READY);
});

test("fault 40 a clock that jumped back 400 days leaves at most 24 h of cooldown", () => {
  expect(restMs({ ...READY, ...cooling }, NOW - 400 * 24 * HOUR)).toBe(24 * HOUR);
  expect(restMs({ ...READY, ...cooling }, NOW + 400 * 24 * HOUR)).toBe(0);
});
