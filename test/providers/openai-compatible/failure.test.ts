import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import { createOpenaiCompatible } from "../../../src/providers/openai-compatible/index.ts";
import { json, plain, startOpenaiSim, type Behaviour, type ServiceSim } from "../../sims/openai.ts";
import { chatRequest, listen, testContext } from "../context.ts";
import { ask, loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterAll(() => sim.stop());

const error = (status: number, body: object | string, headers?: Record<string, string>): Behaviour =>
  json(status, typeof body === "string" ? { error: { message: body } } : { error: body }, headers);

/** As real services word them; keys and names are invented. */
const cases: { name: string; refusal: Behaviour; kind: FailureKind; seconds?: number }[] = [
  { name: "OpenAI: wrong key", refusal: error(401, { message: "Incorrect API key provided: sk-ab****yz.", code: "invalid_api_key" }), kind: "auth-rejected" },
  { name: "a bare 401", refusal: plain(401, {}, ""), kind: "auth-rejected" },
  { name: "a 403 about the key", refusal: error(403, "Forbidden"), kind: "auth-rejected" },
  { name: "OpenAI: country", refusal: error(403, { message: "Country not supported", code: "unsupported_country_region_territory" }), kind: "auth-rejected" },
  { name: "OpenAI: quota", refusal: error(429, { message: "You exceeded your current quota, please check your plan and billing details.", type: "insufficient_quota", code: "insufficient_quota" }), kind: "quota-exhausted" },
  { name: "DeepSeek: balance", refusal: error(402, "Insufficient Balance"), kind: "quota-exhausted" },
  { name: "one-api: quota", refusal: error(403, { message: "用户额度不足, 剩余额度: 0", type: "new_api_error", code: "insufficient_user_quota" }), kind: "quota-exhausted" },
  { name: "8 OpenAI: rate", refusal: error(429, { message: "Rate limit reached. Please try again in 1m20s.", code: "rate_limit_exceeded" }), kind: "rate-limited", seconds: 80 },
  { name: "8 a rate with a header", refusal: error(429, "slow", { "retry-after": "30" }), kind: "rate-limited", seconds: 30 },
  { name: "8 a rate with a header of more than a day", refusal: error(429, "slow", { "retry-after": "999999" }), kind: "rate-limited", seconds: 86_400 },
  { name: "8 a rate with a date", refusal: error(429, "slow", { "retry-after": "Fri, 20 Nov 2026 12:02:00 GMT" }), kind: "rate-limited", seconds: 120 },
  { name: "8 a rate with a negative header", refusal: error(429, "slow", { "retry-after": "-5" }), kind: "rate-limited", seconds: 1 },
  { name: "8 a rate with a garbage header", refusal: error(429, "slow", { "retry-after": "soon" }), kind: "rate-limited" },
  { name: "OpenAI: model", refusal: error(404, { message: "The model `gpt-9` does not exist or you do not have access to it.", code: "model_not_found" }), kind: "model-unavailable" },
  { name: "one-api: channel", refusal: error(503, { message: "当前分组 default 下对于模型 gpt-9 无可用渠道", type: "new_api_error" }), kind: "model-unavailable" },
  { name: "DeepSeek: model", refusal: error(400, { message: "Model Not Exist", type: "invalid_request_error" }), kind: "model-unavailable" },
  { name: "a 404 about the path", refusal: plain(404, {}, "404 page not found"), kind: "upstream-changed" },
  { name: "OpenAI: context", refusal: error(400, { message: "This model's maximum context length is 8192 tokens.", code: "context_length_exceeded" }), kind: "context-too-long" },
  { name: "vLLM: context", refusal: json(400, { object: "error", message: "This model's maximum context length is 4096 tokens. However, you requested 5000.", code: 400 }), kind: "context-too-long" },
  { name: "OpenRouter: context", refusal: error(400, "This endpoint's maximum context length is 128000 tokens."), kind: "context-too-long" },
  { name: "a body that is too large", refusal: plain(413, {}, "Payload Too Large"), kind: "too-large" },
  { name: "a request that is wrong", refusal: error(400, { message: "Invalid type for 'temperature'", param: "temperature", type: "invalid_request_error" }), kind: "invalid-request" },
  { name: "FastAPI: a request that is wrong", refusal: json(422, { detail: [{ loc: ["body", "seed"], msg: "bad" }] }), kind: "invalid-request" },
  { name: "OpenAI: suspended", refusal: error(401, { message: "The account associated with this API key has been deactivated.", code: "account_deactivated" }), kind: "suspended" },
  { name: "OpenAI: overloaded", refusal: error(503, "The engine is currently overloaded, please try again later"), kind: "model-overloaded" },
  { name: "a 500", refusal: error(500, "The server had an error"), kind: "upstream-broken" },
  { name: "a 502 of a proxy", refusal: plain(502, { "content-type": "text/html" }, "<html>Bad Gateway"), kind: "upstream-broken" },
  { name: "a 503", refusal: plain(503, {}, ""), kind: "upstream-broken" },
  { name: "a 504", refusal: plain(504, {}, ""), kind: "upstream-timeout" },
  { name: "a browser check", refusal: plain(403, { "cf-mitigated": "challenge" }, "<html>"), kind: "challenge" },
]; // prettier-ignore
test.each(cases)("$name is $kind", async ({ refusal, kind, seconds }) => {
  const told = await ask(sim, refusal);
  const failure = told.error as GatewayError;
  expect(failure).toBeInstanceOf(GatewayError);
  expect(failure.kind).toBe(kind);
  const now = Date.UTC(2026, 10, 20, 12);
  expect(failure.retryAt).toBe(seconds === undefined ? undefined : now + seconds * 1000);
  expect(failure.message).toEndWith(failure.message.includes("“") ? "”" : ".");
});

test("46 the key never stands in an error, also when the service repeats it", async () => {
  const apiKey = "Zq7-secret-of-the-account-0042";
  const refusal = error(400, `You sent ${apiKey} and sk-proj-abcdefghijklmnop1234 and sk-ab***yz`);
  const { error: failure } = await ask(sim, refusal, { login: { apiKey } });
  const message = (failure as GatewayError).message;
  expect(message).not.toContain(apiKey);
  expect(message).not.toMatch(/sk-/);
});

test("24 a redirect is not followed, not even to the service itself", async () => {
  const elsewhere = await startOpenaiSim();
  for (const to of [`${elsewhere.url}/v1/chat/completions`, "http://169.254.169.254/latest/meta-data/", "/v1/other"]) {
    const before = sim.hits.length;
    const { error: failure } = await ask(sim, plain(307, { location: to }, ""));
    expect((failure as GatewayError).kind).toBe("upstream-changed");
    expect(sim.hits.length).toBe(before + 1);
  }
  expect(elsewhere.hits).toEqual([]);
  await elsewhere.stop();
});

test("a model that the service lacks is not asked for again at this account", async () => {
  const refusal = error(404, { message: "The model does not exist", code: "model_not_found" });
  const memory = { models: [{ id: "gpt-9" }, { id: "gpt-4o" }] };
  const { error: failure, remembered } = await ask(sim, refusal, { model: "gpt-9", memory });
  expect(failure).toMatchObject({ kind: "model-unavailable", field: "model", blames: "nobody", status: 404 });
  const login = loginAt(sim);
  const ids = (known: unknown) =>
    createOpenaiCompatible()
      .modelsOf?.({ credential: login, memory: known })
      ?.map(({ id }) => id);
  expect(ids(memory)).toEqual(["gpt-9", "gpt-4o"]);
  expect(ids(remembered.at(-1))).toEqual(["gpt-4o"]);
});

describe("45 the address at the time of use", () => {
  const refused = async (lookup: (hostname: string) => Promise<string[]>, login: object) => {
    const context = testContext(loginAt(sim, login));
    const provider = createOpenaiCompatible({ lookup });
    const { error: failure } = await listen(provider.chat(chatRequest("hi"), context.turn("gpt-4o")));
    return failure instanceof GatewayError ? [failure.kind, failure.message] : failure;
  };
  const { port } = new URL("http://x:1");
  const name = { baseUrl: `https://service.example:${port || 443}/v1`, allowPrivate: false };

  test("a name that has come to lead home is refused", async () => {
    expect(await refused(async () => ["192.168.1.5"], name)).toEqual([
      "suspended",
      expect.stringContaining("private network"),
    ]);
  });

  test("a name that has come to lead to the metadata is refused, private allowed or not", async () => {
    for (const allowPrivate of [true, false]) {
      const kind = await refused(async () => ["169.254.169.254"], { ...name, allowPrivate });
      expect(kind).toEqual(["suspended", expect.stringContaining("metadata")]);
    }
  });

  test("without TLS a name must lead to a private address", async () => {
    const kind = await refused(async () => ["93.184.216.34"], { baseUrl: "http://box.example/v1" });
    expect(kind).toEqual(["suspended", expect.stringContaining("in clear")]);
  });

  test("a name that cannot be resolved blames the service", async () => {
    const kind = await refused(() => Promise.reject(new Error("ENOTFOUND")), name);
    expect(kind).toEqual(["upstream-broken", "The name service.example cannot be resolved."]);
  });

  test("a look-up that hangs ends with the turn", async () => {
    const controller = new AbortController();
    const context = testContext(loginAt(sim, name), { signal: controller.signal });
    const provider = createOpenaiCompatible({ lookup: () => new Promise(() => {}) });
    const told = listen(provider.chat(chatRequest("hi"), context.turn("gpt-4o")));
    controller.abort(new GatewayError("cancelled", "The client left."));
    expect(((await told).error as GatewayError).kind).toBe("cancelled");
  });
});
