import { afterAll, beforeAll, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import { createAnthropic } from "../../../src/providers/anthropic/index.ts";
import { error, json, plain, startAnthropicSim, type Behaviour, type ServiceSim } from "../../sims/anthropic.ts";
import { chatRequest, listen, testContext } from "../context.ts";
import { ask, loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startAnthropicSim();
});
afterAll(() => sim.stop());

const refusal = (status: number, type: string, message: string, headers?: Record<string, string>): Behaviour =>
  json(status, error(type, message), headers);
const INVALID = "invalid_request_error";

const cases: { name: string; answer: Behaviour; kind: FailureKind; seconds?: number }[] = [
  { name: "a wrong key", answer: refusal(401, "authentication_error", "invalid x-api-key"), kind: "auth-rejected" },
  { name: "a key without the right", answer: refusal(403, "permission_error", "Your API key does not have permission"), kind: "auth-rejected" },
  { name: "no credit", answer: refusal(400, INVALID, "Your credit balance is too low to access the Anthropic API."), kind: "quota-exhausted" },
  { name: "a spent limit", answer: refusal(400, INVALID, "You have reached your specified API usage limits."), kind: "quota-exhausted" },
  { name: "billing", answer: refusal(402, "billing_error", "x"), kind: "quota-exhausted" },
  { name: "a suspended account", answer: refusal(400, INVALID, "This organization has been disabled."), kind: "suspended" },
  { name: "8 a limit with a time", answer: refusal(429, "rate_limit_error", "This request would exceed your rate limit", { "retry-after": "30" }), kind: "rate-limited", seconds: 30 },
  { name: "8 a limit with a garbage time", answer: refusal(429, "rate_limit_error", "slow", { "retry-after": "later" }), kind: "rate-limited" },
  { name: "a limit on the context, though it is one on the rate", answer: refusal(429, "rate_limit_error", "Extra usage is required for long context requests."), kind: "rate-limited" },
  { name: "overloaded", answer: refusal(529, "overloaded_error", "Overloaded"), kind: "model-overloaded" },
  { name: "overloaded with another status", answer: refusal(503, "overloaded_error", "Overloaded"), kind: "model-overloaded" },
  { name: "an unknown model", answer: refusal(404, "not_found_error", "model: claude-9"), kind: "model-unavailable" },
  { name: "an unknown path", answer: refusal(404, "not_found_error", "Not found"), kind: "upstream-changed" },
  { name: "too long a prompt", answer: refusal(400, INVALID, "prompt is too long: 210000 tokens > 200000 maximum"), kind: "context-too-long" },
  { name: "too much with the answer", answer: refusal(400, INVALID, "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000"), kind: "context-too-long" },
  { name: "too large", answer: refusal(413, "request_too_large", "Request exceeds the maximum size"), kind: "too-large" },
  { name: "a wrong request", answer: refusal(400, INVALID, "messages.0.content: Input should be a valid list"), kind: "invalid-request" },
  { name: "a failure", answer: refusal(500, "api_error", "Internal server error"), kind: "upstream-broken" },
  { name: "a timeout", answer: refusal(504, "timeout_error", "Request timed out"), kind: "upstream-timeout" },
  { name: "another service's form", answer: json(401, { error: { message: "bad key", code: "invalid_api_key" } }), kind: "auth-rejected" },
  { name: "a browser check", answer: plain(403, { "cf-mitigated": "challenge" }, "<html>"), kind: "challenge" },
  { name: "a proxy's page", answer: plain(502, {}, "<html>Bad gateway"), kind: "upstream-broken" },
  { name: "nothing but a status", answer: plain(503, {}, ""), kind: "upstream-broken" },
]; // prettier-ignore
test.each(cases)("$name is $kind", async ({ answer, kind, seconds }) => {
  const failure = (await ask(sim, answer)).error as GatewayError;
  expect(failure).toBeInstanceOf(GatewayError);
  expect(failure.kind).toBe(kind);
  expect(failure.retryAt).toBe(seconds === undefined ? undefined : Date.UTC(2026, 10, 20, 12) + seconds * 1000);
});

test("46 the key never stands in an error", async () => {
  const apiKey = "Zq7-secret-of-the-account-0042";
  const answer = refusal(400, INVALID, `You sent ${apiKey} and sk-ant-api03-abcdefghijkl`);
  const message = ((await ask(sim, answer, { login: { apiKey } })).error as GatewayError).message;
  expect(message).not.toContain(apiKey);
  expect(message).not.toContain("sk-ant");
});

test("24 a redirect is not followed", async () => {
  const elsewhere = await startAnthropicSim();
  const answer = plain(308, { location: `${elsewhere.url}/v1/messages` }, "");
  expect(((await ask(sim, answer)).error as GatewayError).kind).toBe("upstream-changed");
  expect(elsewhere.hits).toEqual([]);
  await elsewhere.stop();
});

test("45 an address is checked at each use", async () => {
  for (const [address, words] of [["192.168.1.5", "private"], ["169.254.169.254", "metadata"]] as const) {
    const provider = createAnthropic({ lookup: async () => [address] });
    const login = loginAt(sim, { baseUrl: "https://service.example/v1", allowPrivate: false });
    const turn = provider.chat(chatRequest("hi"), testContext(login).turn("claude-sonnet-4-5"));
    const failure = (await listen(turn)).error as GatewayError;
    expect([failure.kind, failure.message]).toEqual(["suspended", expect.stringContaining(words)]);
  }
}); // prettier-ignore

test("a model that the service lacks is not asked for again at this account", async () => {
  const memory = { models: [{ id: "claude-9" }, { id: "claude-8" }] };
  const answer = refusal(404, "not_found_error", "model: claude-9");
  const { error: failure, remembered } = await ask(sim, answer, { model: "claude-9", memory });
  expect(failure).toMatchObject({ kind: "model-unavailable", field: "model", blames: "nobody", status: 404 });
  const served = createAnthropic().modelsOf?.({ credential: loginAt(sim), memory: remembered.at(-1) });
  expect(served?.map(({ id }) => id)).toEqual(["claude-8"]);
});
