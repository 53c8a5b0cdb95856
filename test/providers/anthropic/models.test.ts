import { afterAll, beforeAll, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ServiceLogin } from "../../../src/lib/service-login.ts";
import { credential } from "../../../src/providers/anthropic/credential.ts";
import { createAnthropic } from "../../../src/providers/anthropic/index.ts";
import { error, json, plain, startAnthropicSim, type Behaviour, type ServiceSim } from "../../sims/anthropic.ts";
import { testContext } from "../context.ts";
import { loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startAnthropicSim();
});
afterAll(() => sim.stop());

const provider = createAnthropic();
const MODELS = [{ id: "Mine", upstream: "claude-sonnet-4-5-20250929" }];

/** What a new account knows after a probe that meets `behaviour`. */
async function probed(behaviour: Behaviour | undefined, over: Partial<ServiceLogin> = {}) {
  const login = loginAt(sim, over);
  if (behaviour) sim.account(login.apiKey).nextModels(behaviour);
  const context = testContext(login);
  const failure = await provider.probe?.(context).catch((thrown: unknown) => thrown);
  const models = provider.modelsOf?.({ credential: login, memory: context.remembered.at(-1) });
  return { kind: failure instanceof GatewayError ? failure.kind : undefined, models };
}

test("a probe asks for the models and keeps them, with their dates", async () => {
  const created = Date.UTC(2025, 8, 29) / 1000;
  expect(await probed(undefined)).toEqual({
    kind: undefined,
    models: [{ id: "claude-sonnet-4-5-20250929", created, ownedBy: "Test" }],
  });
  expect(await probed(undefined, { models: MODELS })).toEqual({
    kind: undefined,
    models: [{ id: "Mine", created, ownedBy: "Test" }],
  });
  expect(sim.hits.at(-1)).toBe("GET /v1/models");
});

test("a service without a list passes when the account names its models", async () => {
  expect((await probed(plain(404, {}, ""), { models: MODELS })).kind).toBeUndefined();
  expect(await probed(plain(404, {}, ""))).toEqual({ kind: "upstream-changed", models: [] });
});

test("a dead key is told", async () => {
  const refused = json(401, error("authentication_error", "invalid x-api-key"));
  expect((await probed(refused, { models: MODELS })).kind).toBe("auth-rejected");
});

test("OpenAI's form of the list is read too, and no list is a failure", async () => {
  expect((await probed(json(200, { data: [{ id: "a", created: 5 }] }))).models?.[0]?.created).toBe(5);
  expect((await probed(json(200, { hello: 1 }))).kind).toBe("upstream-changed");
});

const bases: [string, string][] = [
  ["https://api.anthropic.com", "https://api.anthropic.com/v1"],
  ["https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1"],
  ["https://api.example.com/anthropic/", "https://api.example.com/anthropic/v1"],
  ["https://api.longcat.chat", "https://api.longcat.chat/anthropic/v1"],
];
test.each(bases)("%s becomes %s", (baseUrl, normal) => {
  expect(credential.parse(JSON.stringify({ baseUrl, apiKey: "sk-ant-x" }))[0]?.baseUrl).toBe(normal);
});

test("a login without a key is refused with where to find it", () => {
  expect(() => credential.parse('{"baseUrl": "https://api.anthropic.com"}')).toThrow(/`apiKey` is missing.*console/);
});
