/** The official SDK through the whole gateway, at services of both formats. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { type Gateway, startGateway } from "../../gateway.ts";
import {
  callBlock,
  start,
  startAnthropicSim,
  steps,
  stop,
  stream as anthropicStream,
  textBlock,
} from "../../sims/anthropic.ts";
import {
  answerSteps,
  chunk,
  json,
  startOpenaiSim,
  stream,
  type Behaviour,
  type ServiceSim,
} from "../../sims/openai.ts";

let gateway: Gateway;
let openai: ServiceSim;
let anthropic: ServiceSim;
let client: OpenAI;

beforeAll(async () => {
  [gateway, openai, anthropic] = await Promise.all([startGateway(), startOpenaiSim(), startAnthropicSim()]);
  const add = (provider: string, login: object) =>
    gateway.app.admin.accounts.add(provider, JSON.stringify({ allowPrivate: true, ...login }));
  await add("openai-compatible", { name: "First", baseUrl: openai.url, apiKey: "sk-first-000000" });
  await add("openai-compatible", { name: "Second", baseUrl: openai.url, apiKey: "sk-second-00000" });
  const models = [{ id: "LongCat-Mine", upstream: "LongCat-Flash-Chat" }];
  await add("openai-compatible", {
    name: "Named",
    baseUrl: openai.url,
    apiKey: "sk-named-000000",
    models,
    priority: 5,
  });
  await add("anthropic", { name: "Claude", baseUrl: anthropic.url, apiKey: "sk-ant-00000000" });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
});
afterAll(async () => {
  await gateway.stop();
  expect([openai.violations, anthropic.violations]).toEqual([[], []]);
  await openai.stop();
  await anthropic.stop();
});

/** The next turn at either of the two accounts that serve `gpt-4o`, and no later one. */
const KEYS = ["sk-first-000000", "sk-second-00000"];
const script = (behaviour: Behaviour) => KEYS.forEach((key) => openai.account(key).next(behaviour));
afterEach(() => KEYS.forEach((key) => openai.account(key).clear()));

const CLAUDE = "claude-sonnet-4-5-20250929";
const messages = [{ role: "user", content: "Hi" }] as const;
const ask = (model: string) => ({ model, messages: [...messages] });
const tools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } },
];

describe("the official SDK", () => {
  test("lists what the accounts serve", async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["gpt-4o", "LongCat-Mine", CLAUDE]));
  });

  test.each(["gpt-4o", "LongCat-Mine", CLAUDE])("gets whole and streamed answers from %s", async (model) => {
    const whole = await client.chat.completions.create(ask(model));
    expect(whole.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "Hello" } });
    expect(whole.usage?.completion_tokens).toBe(7);
    let text = "";
    let usage: OpenAI.CompletionUsage | undefined;
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    for await (const piece of await client.chat.completions.create({ ...ask(model), ...options })) {
      text += piece.choices[0]?.delta.content ?? "";
      usage = piece.usage ?? usage;
    }
    expect([text, usage?.completion_tokens]).toEqual(["Hello", 7]);
  });

  test("accounts are named and ordered as their logins say", async () => {
    const views = await gateway.app.admin.accounts.list();
    expect(views.map(({ label, settings }) => [label, settings.priority])).toEqual([
      ["First", 0],
      ["Second", 0],
      ["Named", 5],
      ["Claude", 0],
    ]);
  });

  test("a renamed model goes out under the service's name", () => {
    expect(openai.account("sk-named-000000").turns.at(-1)?.body["model"]).toBe("LongCat-Flash-Chat");
  });

  test("runs a tool and comes back with its result, at both formats", async () => {
    const call = { index: 0, id: "call_1", type: "function", function: { name: "now", arguments: '{"a": 1}' } };
    script(stream(answerSteps({ text: [], calls: [call] })));
    const events = [start(), ...textBlock(0, "Let me look."), ...callBlock(1, "call_1", "now", '{"a"', ": 1}")];
    anthropic.account("sk-ant-00000000").next(anthropicStream(steps(...events, ...stop("tool_use"))));
    for (const model of ["gpt-4o", CLAUDE]) {
      const first = await client.chat.completions.stream({ ...ask(model), tools }).finalChatCompletion();
      expect(first.choices[0]?.finish_reason).toBe("tool_calls");
      const message = first.choices[0]?.message;
      expect(message?.tool_calls?.[0]).toMatchObject({
        id: "call_1",
        function: { name: "now", arguments: '{"a": 1}' },
      });
      const answered = { role: "tool", tool_call_id: "call_1", content: "12:00" } as const;
      const history = [...messages, message as OpenAI.ChatCompletionMessage, answered];
      KEYS.forEach((key) => openai.account(key).clear());
      const second = await client.chat.completions.create({ model, tools, messages: history });
      expect(second.choices[0]?.message.content).toBe("Hello");
    }
  });

  test("8 an account that is limited is left for the next, before the first event", async () => {
    for (const apiKey of ["sk-limited-00000", "sk-spare-0000000"]) {
      const login = { baseUrl: openai.url, apiKey, allowPrivate: true, models: ["shared-model"] };
      await gateway.app.admin.accounts.add("openai-compatible", JSON.stringify(login));
    }
    const limited = openai.account("sk-limited-00000");
    limited.next(json(429, { error: { message: "Rate limit reached" } }, { "retry-after": "30" }));
    for (let asked = 0; asked < 6; asked++) {
      const { choices } = await client.chat.completions.create(ask("shared-model"));
      expect(choices[0]?.message.content).toBe("Hello");
    }
    expect([limited.turns.length, openai.account("sk-spare-0000000").turns.length]).toEqual([1, 6]);
  });

  test("a stream that breaks is an error and never a clean end", async () => {
    script(stream([{ frame: chunk({ content: "Half" }) }]));
    let text = "";
    const read = async () => {
      const pieces = await client.chat.completions.create({ ...ask("gpt-4o"), stream: true });
      for await (const piece of pieces) text += piece.choices[0]?.delta.content ?? "";
    };
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect([text, error instanceof APIError]).toEqual(["Half", true]);
  });

  test("46 no key of an account stands in the log or in what pages show", async () => {
    const shown = gateway.log() + JSON.stringify(await gateway.app.admin.accounts.list());
    expect(shown).not.toMatch(/sk-(first|second|named|ant)-0/);
  });
});
