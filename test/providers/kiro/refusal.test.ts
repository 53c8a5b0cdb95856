import { describe, expect, test } from "bun:test";
import { nextRemedy, retryWaitMs, type Tried } from "../../../src/providers/kiro/chat.ts";
import {
  refusalOf,
  statusOfException,
  tooLong,
  type Refusal,
  type UpstreamAnswer,
} from "../../../src/providers/kiro/refusal.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR_MS = 3_600_000;

const refused = (status: number, message = "", reason = "", over: Partial<UpstreamAnswer> = {}): Refusal =>
  refusalOf({ status, type: "", message, reason, html: false, ...over }, NOW);

describe("the table of refusals", () => {
  const BEARER = "The bearer token included in the request is";
  const SUSPICIOUS = "Due to suspicious activity, we are imposing temporary limits on your account.";
  const rows: { name: string; refusal: Refusal; is: Partial<Refusal> }[] = [
    {
      name: "too long by reason",
      refusal: refused(400, "x", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"),
      is: { kind: "context-too-long", remedies: [] },
    },
    { name: "too long by text", refusal: refused(400, "Input is too long."), is: { kind: "context-too-long" } },
    {
      name: "a body that is too long",
      refusal: refused(413, "Failed to buffer the request body: length limit exceeded"),
      is: { kind: "context-too-long" },
    },
    {
      name: "malformed",
      refusal: refused(400, "Improperly formed request."),
      is: { kind: "invalid-request", remedies: [], malformed: true },
    },
    {
      name: "malformed by reason",
      refusal: refused(400, "x", "REQUEST_BODY_INVALID"),
      is: { kind: "invalid-request", malformed: true },
    },
    {
      name: "a missing profile",
      refusal: refused(400, "profileArn is required for this request."),
      is: { kind: "auth-rejected", remedies: ["profile"] },
    },
    { name: "a wrong profile", refusal: refused(400, "Invalid profileArn."), is: { remedies: ["profile"] } },
    {
      name: "a model that is not served",
      refusal: refused(400, "Invalid model. Please select a different model to continue."),
      is: { kind: "model-unavailable", field: "modelId", tells: "lacks-model", remedies: [] },
    },
    {
      name: "a stale signature",
      refusal: refused(400, "x", "THINKING_SIGNATURE_INVALID"),
      is: { kind: "invalid-request", remedies: ["reasoning"] },
    },
    { name: "401", refusal: refused(401, "whatever"), is: { kind: "auth-rejected", remedies: ["renew", "host"] } },
    {
      name: "an invalid bearer",
      refusal: refused(403, `${BEARER} invalid.`),
      is: { kind: "auth-rejected", remedies: ["renew", "host"] },
    },
    { name: "an expired bearer", refusal: refused(403, `${BEARER} expired.`), is: { remedies: ["renew", "host"] } },
    {
      name: "the management host's 400",
      refusal: refused(400, "no", "", { type: "AccessDeniedException" }),
      is: { remedies: ["renew", "host"] },
    },
    {
      name: "suspended, old text",
      refusal: refused(403, "Your User ID (d-1.2) temporarily is suspended."),
      is: { kind: "suspended", remedies: [] },
    },
    {
      name: "suspended, new text",
      refusal: refused(403, "Your account is temporarily suspended."),
      is: { kind: "suspended", remedies: [] },
    },
    {
      name: "not authorized",
      refusal: refused(403, "User is not authorized to make this call."),
      is: { kind: "auth-rejected", remedies: ["profile", "host"] },
    },
    {
      name: "402",
      refusal: refused(402, "", "MONTHLY_REQUEST_COUNT"),
      is: { kind: "quota-exhausted", tells: "exhausted", remedies: [] },
    },
    {
      name: "402 over the overage",
      refusal: refused(402, "", "OVERAGE_REQUEST_LIMIT_EXCEEDED"),
      is: { kind: "quota-exhausted" },
    },
    {
      name: "429 with a request count",
      refusal: refused(429, "", "DAILY_REQUEST_COUNT"),
      is: { kind: "quota-exhausted", tells: "exhausted-today" },
    },
    {
      name: "429 with a usage limit",
      refusal: refused(429, "", "USAGE_LIMIT_REACHED"),
      is: { kind: "quota-exhausted" },
    },
    {
      name: "429 without capacity",
      refusal: refused(429, "", "INSUFFICIENT_MODEL_CAPACITY"),
      is: { kind: "model-overloaded", remedies: [] },
    },
    {
      name: "500 under high load",
      refusal: refused(500, "Encountered unexpectedly high load"),
      is: { kind: "model-overloaded", remedies: ["retry"] },
    },
    { name: "429", refusal: refused(429), is: { kind: "rate-limited", remedies: [] } },
    {
      name: "429 with a time",
      refusal: refused(429, "", "", { retryAfter: "30" }),
      is: { kind: "rate-limited", retryAt: NOW + 30_000 },
    },
    {
      name: "suspicious activity",
      refusal: refused(429, SUSPICIOUS),
      is: { kind: "rate-limited", retryAt: NOW + HOUR_MS },
    },
    {
      name: "suspicious activity with a later time",
      refusal: refused(429, SUSPICIOUS, "", { retryAfter: "7200" }),
      is: { retryAt: NOW + 2 * HOUR_MS },
    },
    { name: "500", refusal: refused(500), is: { kind: "upstream-broken", remedies: ["retry"] } },
    { name: "408", refusal: refused(408), is: { kind: "upstream-broken", remedies: ["retry"] } },
    {
      name: "a page at 504",
      refusal: refused(504, "", "", { html: true }),
      is: { kind: "upstream-broken", remedies: ["retry"] },
    },
    { name: "a page at 403", refusal: refused(403, "", "", { html: true }), is: { kind: "challenge", remedies: [] } },
    { name: "404", refusal: refused(404), is: { kind: "upstream-changed", remedies: ["host"] } },
    { name: "a redirect", refusal: refused(307), is: { kind: "upstream-changed", remedies: [] } },
    { name: "another 400", refusal: refused(400, "Odd."), is: { kind: "invalid-request", remedies: [] } },
  ];
  test.each(rows)("$name", ({ refusal, is }) => {
    expect(refusal).toMatchObject(is);
  });

  test("a suspension shows where to go, and no id", () => {
    const { message } = refused(403, "Your User ID (d-9067.1234) temporarily is suspended.");
    expect(message).toContain("https://support.aws.amazon.com/");
    expect(message).not.toContain("9067");
  });

  test("the service's words lose ARNs, ids and tokens", () => {
    const words = `No arn:aws:codewhisperer:us-east-1:1:profile/ABC (id 42) Bearer aoaAAAAAGk${"x1Y".repeat(30)} end.`;
    const { message } = refused(400, words);
    expect(message).toContain("[arn]");
    for (const secret of ["profile/ABC", "42", "x1Yx1Y"]) expect(message).not.toContain(secret);
  });
});

test.each([
  ["ThrottlingException", 429],
  ["ServiceQuotaExceededException", 402],
  ["AccessDeniedException", 403],
  ["ExpiredTokenException", 401],
  ["ValidationException", 400],
  ["InternalServerException", 500],
  ["error", 500],
])("an exception %s counts as %i", (type, status) => {
  expect(statusOfException(type)).toBe(status);
});

test("the words for a long prompt are those that clients compact on", () => {
  expect(tooLong(250_000, 200_000).message).toBe("prompt is too long: 250000 tokens > 200000 maximum");
  expect(tooLong(1000, 200_000).message).toBe("prompt is too long: 200001 tokens > 200000 maximum");
});

describe("the order of remedies", () => {
  const fresh: Tried = { remedies: new Set(), retries: 0, host: 0, hosts: 2 };
  test.each<{ name: string; remedies: Refusal["remedies"]; tried: Partial<Tried>; next: string | undefined }>([
    { name: "the first", remedies: ["renew", "host"], tried: {}, next: "renew" },
    {
      name: "the next once used",
      remedies: ["renew", "host"],
      tried: { remedies: new Set(["renew"] as const) },
      next: "host",
    },
    {
      name: "none when all is used",
      remedies: ["renew", "host"],
      tried: { remedies: new Set(["renew"] as const), host: 1 },
      next: undefined,
    },
    { name: "three retries", remedies: ["retry"], tried: { retries: 2 }, next: "retry" },
    { name: "no fourth", remedies: ["retry"], tried: { retries: 3 }, next: undefined },
    { name: "nothing where nothing helps", remedies: [], tried: {}, next: undefined },
  ])("$name", ({ remedies, tried, next }) => {
    expect(nextRemedy({ remedies }, { ...fresh, ...tried })).toBe(next as never);
  });

  test("retries wait 200 ms to 2 s", () => {
    expect([1, 2, 3, 4, 5].map(retryWaitMs)).toEqual([200, 400, 800, 1600, 2000]);
  });
});
