import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ServiceLogin } from "../../../src/lib/service-login.ts";
import { createOpenaiCompatible } from "../../../src/providers/openai-compatible/index.ts";
import { json, plain, startOpenaiSim, type Behaviour, type ServiceSim } from "../../sims/openai.ts";
import { testContext } from "../context.ts";
import { loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterAll(() => sim.stop());

const provider = createOpenaiCompatible();

/** The models of a new account after it asked the service, which answers with `behaviour`. */
async function refreshed(behaviour: Behaviour | undefined, over: Partial<ServiceLogin> = {}, memory?: unknown) {
  const login = loginAt(sim, over);
  if (behaviour) sim.account(login.apiKey).nextModels(behaviour);
  const context = testContext(login, { memory });
  const error = await provider.refreshModels?.(context).catch((thrown: unknown) => thrown);
  const known = context.remembered.at(-1) ?? memory;
  return { error, models: provider.modelsOf?.({ credential: login, memory: known }), remembered: context.remembered };
}

describe("the list", () => {
  const lists: [string, unknown, string[]][] = [
    ["OpenAI's form", { object: "list", data: [{ id: "gpt-4o" }, { id: "o3" }] }, ["gpt-4o", "o3"]],
    ["a bare array", [{ id: "a" }, { id: "b" }], ["a", "b"]],
    ["names", { data: ["a", "b"] }, ["a", "b"]],
    ["Gemini's names", { data: [{ id: "models/gemini-3-pro" }] }, ["gemini-3-pro"]],
    ["a list under models", { models: [{ name: "llama3:8b" }] }, ["llama3:8b"]],
    ["models that do not chat", { data: [{ id: "text-embedding-3-small" }, { id: "whisper-1" }, { id: "tts-1" }, { id: "dall-e-3" }, { id: "gpt-4o" }] }, ["gpt-4o"]],
    ["entries that are none", { data: [null, {}, { id: "" }, { id: 5 }, { id: "a" }, { id: "a" }] }, ["a"]],
    ["no models at all", { data: [] }, []],
  ]; // prettier-ignore
  test.each(lists)("%s", async (_name, body, ids) => {
    const { error, models } = await refreshed(json(200, body));
    expect([error, models?.map(({ id }) => id)]).toEqual([undefined, ids]);
  });

  test("dates and windows are kept, and the service's name owns them", async () => {
    const data = [
      { id: "a", created: 123.4, context_length: 128_000 },
      { id: "b", max_model_len: 4096 },
    ];
    expect((await refreshed(json(200, { data }), { name: "Mine" })).models).toEqual([
      { id: "a", created: 123, ownedBy: "Mine", contextTokens: 128_000 },
      { id: "b", created: 0, ownedBy: "Mine", contextTokens: 4096 },
    ]);
  });

  test("the account's own names stand in its place", async () => {
    const models = [{ id: "LongCat", upstream: "LongCat-Flash-Chat" }];
    const data = [{ id: "LongCat-Flash-Chat", created: 7 }, { id: "other" }];
    expect((await refreshed(json(200, { data }), { models })).models).toEqual([
      { id: "LongCat", created: 7, ownedBy: "Test" },
    ]);
  });

  test("before it is known the account serves nothing, unless it names its models", () => {
    const of = (over: Partial<ServiceLogin>) =>
      provider.modelsOf?.({ credential: loginAt(sim, over), memory: undefined });
    expect(of({})).toEqual([]);
    expect(of({ models: [{ id: "a", upstream: "a" }] })?.map(({ id }) => id)).toEqual(["a"]);
  });

  test("a reset forgets what was lacking and keeps what was learned", () => {
    const memory = { models: [{ id: "a" }], lacking: ["a"], notes: { a: ["no-top-k"] } };
    const context = testContext(loginAt(sim), { memory });
    createOpenaiCompatible().forgetLacks?.(context);
    expect(context.remembered).toEqual([{ ...memory, lacking: [] }]);
  });

  test("a new list forgets what was lacking and keeps what was learned", async () => {
    const memory = { models: [], lacking: ["a"], notes: { a: ["no-top-k"] } };
    const { models, remembered } = await refreshed(json(200, { data: [{ id: "a" }] }), {}, memory);
    expect(models?.map(({ id }) => id)).toEqual(["a"]);
    expect(remembered).toEqual([{ models: [{ id: "a" }], lacking: [], notes: { a: ["no-top-k"] } }]);
  });

  test("a refusal leaves the old list as it is", async () => {
    const memory = { models: [{ id: "a" }] };
    const { error, models } = await refreshed(plain(500, {}, ""), {}, memory);
    expect([(error as GatewayError).kind, models?.map(({ id }) => id)]).toEqual(["upstream-broken", ["a"]]);
  });

  test("a memory that cannot be read counts as none", () => {
    for (const memory of [5, "x", { models: "x" }, { models: [5, { id: 5 }] }, { lacking: 5, notes: 5 }])
      expect(provider.modelsOf?.({ credential: loginAt(sim), memory })).toEqual([]);
  });
});

describe("a probe", () => {
  const probe = async (behaviour: Behaviour | undefined, over: Partial<ServiceLogin> = {}) => {
    const login = loginAt(sim, over);
    if (behaviour) sim.account(login.apiKey).nextModels(behaviour);
    const context = testContext(login);
    const failure = await provider.probe?.(context).catch((error: unknown) => error);
    return failure instanceof GatewayError ? failure.kind : { remembered: context.remembered.length };
  };
  const models = [{ id: "a", upstream: "a" }];

  test("asks for the models, free of charge, and keeps them", async () => {
    expect(await probe(undefined)).toEqual({ remembered: 1 });
    expect(sim.hits.at(-1)).toBe("GET /v1/models");
  });
  test("tells a dead key", async () => {
    expect(await probe(json(401, { error: { message: "bad key" } }), { models })).toBe("auth-rejected");
  });
  test("passes a service without a list when the account names its models", async () => {
    expect(await probe(plain(404, {}, ""), { models })).toEqual({ remembered: 0 });
    expect(await probe(plain(404, {}, ""))).toBe("upstream-changed");
  });
  test("a page instead of a list is no list", async () => {
    expect(await probe(plain(200, { "content-type": "text/html" }, "<html>Sign in"), { models })).toBe(
      "upstream-changed",
    );
  });
  test("a service of one's own may want no key", async () => {
    expect(await probe(undefined, { apiKey: "" })).toEqual({ remembered: 1 });
  });
});
