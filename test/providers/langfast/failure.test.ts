import { expect, test } from "bun:test";
import type { FailureKind } from "../../../src/chat/error.ts";
import { refusalOf, saidIn, saidInRun, type Refusal } from "../../../src/providers/langfast/failure.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const NEXT_DAY = Date.UTC(2026, 10, 21);

const reply = (status: number, body: unknown, retryAfter: string | null = null) => ({
  ok: false,
  status,
  json: typeof body === "string" ? undefined : body,
  text: typeof body === "string" ? body : JSON.stringify(body),
  retryAfter,
});

type Case = [
  name: string,
  status: number,
  body: unknown,
  kind: FailureKind,
  more?: Partial<Refusal>,
  retryAfter?: string,
];
const cases: Case[] = [
  [
    "an expired token at PostgREST",
    401,
    { code: "PGRST303", message: "JWT expired" },
    "auth-rejected",
    { remedy: "renew" },
  ],
  ["an older PostgREST", 401, { code: "PGRST301", message: "JWT expired" }, "auth-rejected", { remedy: "renew" }],
  ["an expired token at the edge", 401, { code: 401, message: "Invalid JWT" }, "auth-rejected", { remedy: "renew" }],
  [
    "a token of another project",
    403,
    { code: 403, error_code: "bad_jwt", msg: "invalid JWT" },
    "auth-rejected",
    { remedy: "renew" },
  ],
  ["a 401 without words", 401, "", "auth-rejected", { remedy: "renew" }],
  ["a key that was replaced", 401, { message: "Invalid API key", hint: "x" }, "upstream-changed", { field: "apikey" }],
  ["a key that is missing", 401, { message: "No API key found in request" }, "upstream-changed", { field: "apikey" }],
  [
    "a header that is missing",
    401,
    { code: 401, message: "Missing authorization header" },
    "upstream-changed",
    { field: "authorization" },
  ],
  [
    "create_prompt gone",
    404,
    { code: "PGRST202", message: "Could not find the function" },
    "upstream-changed",
    { remedy: "no-prompts" },
  ],
  [
    "a worker out of resources",
    546,
    { code: "WORKER_LIMIT", message: "not enough compute resources" },
    "upstream-broken",
    { remedy: "retry" },
  ],
  [
    "a function that does not boot",
    503,
    { code: "BOOT_ERROR", message: "failed to start" },
    "upstream-broken",
    { remedy: "retry" },
  ],
  ["a function's timeout", 504, "", "upstream-timeout", { remedy: "retry" }],
  ["any other 5xx", 500, { error: "oops" }, "upstream-broken", {}],
  ["an unknown 4xx", 418, { error: "teapot" }, "upstream-broken", {}],
  ["an unknown call", 404, { message: "Requested function was not found" }, "upstream-changed", { field: "path" }],
  ["a page before the service", 403, "<html>Just a moment</html>", "challenge", {}],
  ["a proxy's error page", 502, "<html>Bad gateway</html>", "upstream-broken", {}],
  ["a redirect", 302, "", "upstream-changed", {}],
  [
    "the daily limit",
    429,
    { error: "You have reached your daily limit of 50 requests" },
    "quota-exhausted",
    { retryAt: NEXT_DAY },
  ],
  [
    "the daily limit with a login hint",
    403,
    { error: "Free limit reached. Sign in or upgrade to continue." },
    "quota-exhausted",
    { retryAt: NEXT_DAY },
  ],
  ["the monthly quota", 402, { message: "monthly quota exceeded" }, "quota-exhausted", { retryAt: NEXT_DAY }],
  [
    "the daily limit with a time",
    429,
    { error: "daily limit reached" },
    "quota-exhausted",
    { retryAt: NOW + 600_000 },
    "600",
  ],
  ["a rate limit with a time", 429, { error: "Too many requests" }, "rate-limited", { retryAt: NOW + 30_000 }, "30"],
  ["a rate limit without one", 429, "", "rate-limited", {}],
  ["a rate limit with a time in the past", 429, "", "rate-limited", { retryAt: NOW + 1000 }, "-5"],
  [
    "a premium model",
    403,
    { error: "This is a premium model" },
    "model-unavailable",
    { lacksModel: true, field: "model" },
  ],
  [
    "a plan that lacks it",
    400,
    { error: { message: "Not included in your plan, please upgrade" } },
    "model-unavailable",
    { lacksModel: true },
  ],
  ["a wish for a login", 403, { error: "Please sign in to run prompts" }, "auth-rejected", { wantsLogin: true }],
  ["guests unwelcome", 403, { error: "anonymous users may not run this" }, "auth-rejected", { wantsLogin: true }],
  [
    "an unknown model",
    400,
    { error: "Model gpt-9 not found" },
    "model-unavailable",
    { field: "model", lacksModel: true },
  ],
  ["a prompt that is gone", 404, { error: "Prompt not found" }, "upstream-changed", { remedy: "new-prompt" }],
  [
    "a parameter",
    400,
    { error: "Unsupported parameter: 'temperature' is not supported with this model." },
    "invalid-request",
    { field: "temperature" },
  ],
  ["a bad value", 400, { error: { message: "Invalid 'messages[0].content'" } }, "invalid-request", {}],
  [
    "a text too long",
    400,
    { error: { message: "maximum context length is 128000 tokens", code: "context_length_exceeded" } },
    "context-too-long",
    {},
  ],
];
test.each(cases)("%s, HTTP %d", (_name, status, body, kind, more = {}, retryAfter) => {
  const refusal = refusalOf(saidIn(reply(status, body, retryAfter ?? null)), NOW);
  expect(refusal).toMatchObject({ kind, ...more });
  expect(refusal.retryAt).toBe(more.retryAt);
  expect(refusal.remedy).toBe(more.remedy);
  expect(refusal.message.endsWith(".")).toBe(true);
});

const inRun: [name: string, error: unknown, kind: FailureKind][] = [
  ["a bare status", "failed", "upstream-broken"],
  ["a limit", { message: "Rate limit reached for requests", code: "rate_limit_exceeded" }, "rate-limited"],
  ["a parameter", "Unsupported parameter: 'top_p' is not supported with this model.", "invalid-request"],
  ["an object without words", {}, "upstream-broken"],
  ["a number", 7, "upstream-broken"],
];
test.each(inRun)("inside a run: %s", (_name, error, kind) => {
  expect(refusalOf(saidInRun(error), NOW).kind).toBe(kind);
});

test("the service's words are quoted without secrets and not for ever", () => {
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  const { message } = refusalOf(saidIn(reply(500, { error: `bad ${token}\n${"x ".repeat(500)}` })), NOW);
  expect(message).not.toContain(token);
  expect(message.length).toBeLessThan(300);
  expect(message).not.toContain("\n");
});
