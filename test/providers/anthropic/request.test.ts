import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ChatRequest, Message, ReasoningRequest } from "../../../src/chat/request.ts";
import {
  error,
  json,
  startAnthropicSim,
  steps,
  stream,
  textEvents,
  type Json,
  type ServiceSim,
} from "../../sims/anthropic.ts";
import { ask, type Ask } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startAnthropicSim();
});
afterEach(() => expect(sim.violations).toEqual([]));
afterAll(() => sim.stop());

const fine = stream(steps(...textEvents("ok")));
const refuse = (words: string) => json(400, error("invalid_request_error", words));
const sent = async (request: Partial<ChatRequest>, options: Ask = {}): Promise<Json> =>
  (await ask(sim, fine, { ...options, request })).bodies[0] ?? {};
/** What is sent of these messages, without cache marks. */
const conversation = async (...messages: Message[]) => {
  const { system, messages: list } = await sent({ messages });
  return JSON.parse(JSON.stringify({ system, messages: list }, (key, value: unknown) => (key === "cache_control" ? undefined : value))) as { system?: Json[]; messages: Json[] }; // prettier-ignore
};
const text = (words: string) => ({ type: "text", text: words }) as const;
const user = (...parts: Message["parts"]): Message => ({ role: "user", parts });
const assistant = (...parts: Message["parts"]): Message => ({ role: "assistant", parts });
const system = (words: string): Message => ({ role: "system", parts: [text(words)] });
const call = (id: string) => ({ type: "tool-call", id, name: "now", json: '{"a":1}' }) as const;
const result = (callId: string, ...content: readonly (typeof PNG | ReturnType<typeof text>)[]) =>
  ({ type: "tool-result", callId, content, isError: false }) as const;
const PNG = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } } as const;
const use = (id: string) => ({ type: "tool_use", id, name: "now", input: { a: 1 } });
const TOOL = { name: "now", description: "Tells", parameters: { type: "object", properties: {} } };

describe("messages", () => {
  const cases: { name: string; messages: Message[]; want: Json }[] = [
    {
      name: "O11 system texts at the head become `system`, one block each",
      messages: [system("a"), system("b"), user(text("hi"))],
      want: { system: [text("a"), text("b")], messages: [{ role: "user", content: [text("hi")] }] },
    },
    {
      name: "a system text later on keeps its place",
      messages: [user(text("hi")), system("be brief"), assistant(text("ok")), user(text("go"))],
      want: {
        messages: [
          { role: "user", content: [text("hi"), text("<system>\nbe brief\n</system>")] },
          { role: "assistant", content: [text("ok")] },
          { role: "user", content: [text("go")] },
        ],
      },
    },
    {
      name: "system texts alone ask the last one",
      messages: [system("a"), system("b")],
      want: { system: [text("a")], messages: [{ role: "user", content: [text("b")] }] },
    },
    {
      name: "O12 results of several messages stand together, before anything else",
      messages: [assistant(call("x"), call("y")), user(result("x", text("1"))), system("note"), user(text("and?"), result("y", text("2"), PNG))],
      want: {
        messages: [
          { role: "assistant", content: [use("x"), use("y")] },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "x", content: "1" },
              { type: "tool_result", tool_use_id: "y", content: [text("2"), { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] },
              text("<system>\nnote\n</system>"),
              text("and?"),
            ],
          },
        ],
      },
    },
    {
      name: "a failed call says so, an empty result has no content",
      messages: [assistant(call("x"), call("y")), user({ ...result("x", text("no")), isError: true }, result("y"))],
      want: {
        messages: [
          { role: "assistant", content: [use("x"), use("y")] },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "x", content: "no", is_error: true },
              { type: "tool_result", tool_use_id: "y" },
            ],
          },
        ],
      },
    },
    {
      name: "another service's ids are written as this one takes them, calls and results alike",
      messages: [assistant(call("functions.now:0")), user(result("functions.now:0", text("1")))],
      want: {
        messages: [
          { role: "assistant", content: [use("functions_now_0")] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "functions_now_0", content: "1" }] },
        ],
      },
    },
    {
      name: "arguments that are no object stay readable",
      messages: [assistant({ ...call("x"), json: "[1]" }), user(result("x", text("1")))],
      want: {
        messages: [
          { role: "assistant", content: [{ ...use("x"), input: { arguments: "[1]" } }] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "x", content: "1" }] },
        ],
      },
    },
    {
      name: "R39 empty texts, and messages of nothing else, are left out",
      messages: [user(text("a")), assistant(text("")), user(text("")), user(text("b"))],
      want: { messages: [{ role: "user", content: [text("a"), text("b")] }] },
    },
    {
      name: "a text to go on with does not end in white space",
      messages: [user(text("a")), assistant(text("The answer is \n"))],
      want: { messages: [{ role: "user", content: [text("a")] }, { role: "assistant", content: [text("The answer is")] }] },
    },
    {
      name: "thinking goes back only signed or encrypted",
      messages: [
        user(text("a")),
        assistant({ type: "reasoning", text: "Hm", signature: "s" }, { type: "reasoning", text: "", redacted: "r" }, { type: "reasoning", text: "plain" }, text("b")),
        user(text("c")),
      ],
      want: {
        messages: [
          { role: "user", content: [text("a")] },
          { role: "assistant", content: [{ type: "thinking", thinking: "Hm", signature: "s" }, { type: "redacted_thinking", data: "r" }, text("b")] },
          { role: "user", content: [text("c")] },
        ],
      },
    },
    {
      name: "O13 images go along, as bytes and by address",
      messages: [user(PNG, { type: "image", source: { kind: "url", url: "https://example.com/a.png" } })],
      want: {
        messages: [
          {
            role: "user",
            content: [
              { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
              { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
            ],
          },
        ],
      },
    },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ messages, want }) =>
    expect(await conversation(...messages)).toEqual(want as never),
  );
});

describe("fields", () => {
  const cases: { name: string; request: Partial<ChatRequest>; model?: string; want: Json }[] = [
    { name: "a limit is always sent", request: {}, want: { max_tokens: 32_000, stream: true } },
    { name: "an old model's limit", request: {}, model: "claude-3-haiku-20240307", want: { max_tokens: 4096 } },
    { name: "a 3.5 model's limit", request: {}, model: "claude-3-5-sonnet-20241022", want: { max_tokens: 8192 } },
    { name: "another service's limit", request: {}, model: "LongCat-Flash-Chat", want: { max_tokens: 8192 } },
    { name: "the client's limit", request: { maxOutputTokens: 9 }, want: { max_tokens: 9 } },
    { name: "tools", request: { tools: [{ ...TOOL, strict: true }] }, want: { tools: [{ name: "now", description: "Tells", input_schema: { type: "object", properties: {} }, strict: true }], tool_choice: { type: "auto" } } },
    { name: "one tool at a time", request: { tools: [TOOL], parallelToolCalls: false }, want: { tool_choice: { type: "auto", disable_parallel_tool_use: true } } },
    { name: "any tool", request: { tools: [TOOL], toolChoice: { type: "required" } }, want: { tool_choice: { type: "any" } } },
    { name: "a named tool", request: { tools: [TOOL], toolChoice: { type: "tool", name: "now" } }, want: { tool_choice: { type: "tool", name: "now" } } },
    { name: "no tool", request: { tools: [TOOL], toolChoice: { type: "none" } }, want: { tool_choice: { type: "none" } } },
    { name: "sampling, cut to the range", request: { sampling: { temperature: 1.7, topK: 4, seed: 1, presencePenalty: 1 } }, want: { temperature: 1, top_k: 4 } },
    { name: "stop sequences without blank ones", request: { stop: ["END", "\n\n"] }, want: { stop_sequences: ["END"] } },
    { name: "a schema", request: { responseFormat: { type: "json-schema", name: "x", schema: { type: "object" }, strict: true } }, want: { output_config: { format: { type: "json_schema", schema: { type: "object" } } } } },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ request, model, want }) => {
    expect(await sent(request, model === undefined ? {} : { model })).toMatchObject(want);
  });

  test("a JSON answer without a schema is asked for in words", async () => {
    const { system: asked } = await sent({ responseFormat: { type: "json" } });
    expect(asked).toEqual([text(expect.stringContaining("JSON object") as unknown as string)]);
  });

  test("the key goes in both headers, to Anthropic itself in its own alone", async () => {
    const { headers } = await ask(sim, fine, { login: { apiKey: "key-headers" } });
    expect(headers[0]).toMatchObject({
      "x-api-key": "key-headers",
      authorization: "Bearer key-headers",
      "anthropic-version": "2023-06-01",
    });
  });

  test("a name of the account's own list is sent as the service's", async () => {
    const login = { models: [{ id: "LongCat", upstream: "LongCat-Flash-Chat" }] };
    expect((await sent({}, { model: "LongCat", login }))["model"]).toBe("LongCat-Flash-Chat");
  });

  test("only a history that goes on is marked for the cache", async () => {
    const marks = async (request: Partial<ChatRequest>) =>
      (JSON.stringify(await sent(request)).match(/cache_control/g) ?? []).length;
    expect(await marks({})).toBe(0);
    expect(await marks({ messages: [system("s"), user(text("a")), assistant(text("b")), user(text("c"))] })).toBe(2);
    expect(await marks({ tools: [TOOL] })).toBe(1);
  });
});

describe("thinking", () => {
  const on = (budget: number) => ({ type: "enabled", budget_tokens: budget });
  const cases: { name: string; reasoning: ReasoningRequest; model?: string; over?: Partial<ChatRequest>; want: unknown; effort?: string }[] = [
    { name: "nothing said", reasoning: {}, want: undefined },
    { name: "off", reasoning: { enabled: false }, want: { type: "disabled" } },
    { name: "off by level", reasoning: { effort: "none" }, want: { type: "disabled" } },
    { name: "a budget", reasoning: { enabled: true, budgetTokens: 5000 }, want: on(5000) },
    { name: "a budget below the least", reasoning: { budgetTokens: 10 }, want: on(1024) },
    { name: "a budget beyond the limit", reasoning: { budgetTokens: 9000 }, over: { maxOutputTokens: 3000 }, want: on(2999) },
    { name: "a limit that leaves no room", reasoning: { enabled: true }, over: { maxOutputTokens: 500 }, want: undefined },
    { name: "on without a level", reasoning: { enabled: true }, want: on(8192) },
    { name: "a level", reasoning: { effort: "high" }, want: on(16_384) },
    { name: "a forced tool", reasoning: { effort: "high" }, over: { tools: [TOOL], toolChoice: { type: "required" } }, want: undefined },
    { name: "sampling is left out", reasoning: { effort: "low" }, over: { sampling: { temperature: 0.2, topK: 3 } }, want: on(2048) },
    { name: "a model that decides by itself", reasoning: { enabled: true, budgetTokens: 9000 }, model: "claude-opus-4-6", want: { type: "adaptive" } },
    { name: "its level", reasoning: { effort: "medium" }, model: "claude-sonnet-5", want: { type: "adaptive" }, effort: "medium" },
    { name: "its least level", reasoning: { effort: "minimal" }, model: "claude-opus-4-7", want: { type: "adaptive" }, effort: "low" },
    { name: "its highest level before 4.7", reasoning: { effort: "xhigh" }, model: "claude-opus-4-6", want: { type: "adaptive" }, effort: "high" },
    { name: "its highest level since", reasoning: { effort: "xhigh" }, model: "claude-opus-4.7", want: { type: "adaptive" }, effort: "xhigh" },
    { name: "a dated name is no version", reasoning: { effort: "low" }, model: "claude-sonnet-4-20250514", want: on(2048) },
    { name: "results of calls that were made without signed thinking", reasoning: { effort: "low" }, over: { messages: [user(text("a")), assistant(call("x")), user(result("x", text("1")))] }, want: undefined },
    { name: "results of calls that were made with it", reasoning: { effort: "low" }, over: { messages: [user(text("a")), assistant({ type: "reasoning", text: "h", signature: "s" }, call("x")), user(result("x", text("1")))] }, want: on(2048) },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ reasoning, model, over, want, effort }) => {
    const body = await sent({ reasoning, ...over }, model === undefined ? {} : { model });
    expect([body["thinking"], (body["output_config"] as Json | undefined)?.["effort"]]).toEqual([want, effort]);
  });
});

describe("what is refused is sent otherwise, once and for all", () => {
  const cases: { name: string; words: string; request: Partial<ChatRequest>; model?: string; want: Json }[] = [
    { name: "more tokens than the model gives", words: "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for x", request: {}, want: { max_tokens: 8192 } },
    { name: "more tokens, in another service's words", words: "Invalid max_tokens value, the valid range of max_tokens is [1, 4096]", request: {}, want: { max_tokens: 4096 } },
    { name: "a budget where the model decides", words: "thinking.type.enabled is not supported for this model; use adaptive", request: { reasoning: { effort: "low" } }, want: { thinking: { type: "adaptive" } } },
    { name: "a model that cannot decide", words: "thinking.type: adaptive thinking is not supported on this model", request: { reasoning: { effort: "low" } }, model: "claude-opus-4-6", want: { thinking: { type: "enabled", budget_tokens: 2048 } } },
    { name: "a model that always thinks", words: "thinking: disabled is not supported for this model", request: { reasoning: { enabled: false } }, want: { thinking: undefined } },
    { name: "a level", words: "output_config.effort: Extra inputs are not permitted", request: { reasoning: { effort: "low" } }, model: "claude-opus-4-6", want: { output_config: undefined } },
    { name: "two ways of sampling", words: "`temperature` and `top_p` cannot both be specified for this model.", request: { sampling: { temperature: 0.5, topP: 0.5 } }, want: { temperature: 0.5, top_p: undefined } },
    { name: "any sampling", words: "`temperature` is deprecated for this model", request: { sampling: { temperature: 0.5 } }, want: { temperature: undefined } },
    { name: "cache marks", words: "messages.0.content.0.cache_control: Extra inputs are not permitted", request: { tools: [TOOL] }, want: { messages: [{ role: "user", content: [text("hi")] }] } },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ words, request, model, want }) => {
    const about = { request, ...(model === undefined ? {} : { model }) };
    const told = await ask(sim, [refuse(words), fine], about);
    expect([told.error, told.bodies.length]).toEqual([undefined, 2]);
    const pick = (body: Json | undefined) => Object.fromEntries(Object.keys(want).map((key) => [key, body?.[key]]));
    expect(pick(told.bodies[1])).toEqual({ ...want });
    expect(pick(told.bodies[0])).not.toEqual({ ...want });
    const later = await ask(sim, fine, { ...about, memory: told.remembered.at(-1) });
    expect([pick(later.bodies[0]), later.remembered]).toEqual([{ ...want }, []]);
  });

  test("another service's signatures: earlier thinking stays behind, for this turn alone", async () => {
    const messages = [
      user(text("a")),
      assistant({ type: "reasoning", text: "h", signature: "s" }, text("b")),
      user(text("c")),
    ];
    const words = "messages.1.content.0: Invalid `signature` in `thinking` block";
    const { bodies, remembered, error: thrown } = await ask(sim, [refuse(words), fine], { request: { messages } });
    expect([thrown, remembered]).toEqual([undefined, []]);
    expect(JSON.stringify(bodies[0])).toContain("signature");
    expect(JSON.stringify(bodies[1])).not.toContain("signature");
  });

  test("a refusal that does not end reaches the client", async () => {
    const words = "thinking: disabled is not supported";
    const told = await ask(sim, [refuse(words), refuse(words)], { request: { reasoning: { enabled: false } } });
    expect([(told.error as GatewayError).kind, told.bodies.length, told.remembered]).toEqual([
      "invalid-request",
      2,
      [],
    ]);
  });
});
