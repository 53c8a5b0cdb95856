import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { ChatRequest, Part } from "../../../src/chat/request.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { decoded } from "./answers.ts";

const say = (content: unknown, role = "user") => ({ role, content });
const partsOf = (...messages: unknown[]): readonly Part[] =>
  decoded({ messages }).messages.flatMap(({ parts }) => parts);
const textPart = (text: string) => ({ type: "text", text });

const weather = {
  type: "function",
  function: { name: "get_weather", description: "Looks", parameters: { type: "object" } },
};
const call = { id: "call_a", type: "function", function: { name: "get_weather", arguments: '{"city":"Ulm"}' } };

/** What was refused, by its field; an answer that is no such refusal fails the test. */
function refusal(fields: Record<string, unknown>): { field: string | undefined; message: string } {
  try {
    decoded(fields);
  } catch (error) {
    if (error instanceof GatewayError && error.kind === "invalid-request") return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("defaults", () => {
  test("a message alone asks for nothing else", () => {
    const request = openaiChat.decode({ messages: [say("Hi")] }, new Headers(), { id: "req_a", receivedAt: 5 });
    expect(request).toEqual({
      id: "req_a",
      receivedAt: 5,
      messages: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }],
      tools: [],
      toolChoice: { type: "auto" },
      parallelToolCalls: true,
      sampling: {},
      stop: [],
      reasoning: {},
      responseFormat: { type: "text" },
      stream: false,
      includeUsage: false,
    });
  });

  test("null means not given in every optional field", () => {
    const names = [
      "model stream stream_options tools tool_choice parallel_tool_calls functions function_call temperature top_p",
      "top_k presence_penalty frequency_penalty seed max_tokens max_completion_tokens n stop reasoning_effort",
      "response_format user metadata store logit_bias",
    ];
    const nulls = Object.fromEntries(names.flatMap((line) => line.split(" ")).map((name) => [name, null]));
    expect(decoded(nulls)).toEqual(decoded({ model: "" }));
  });

  test("unknown fields are ignored at every level", () => {
    const message = { ...say([{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }]), extra: [1] };
    expect(decoded({ messages: [message], whatever: { deep: [null] }, user: 5 })).toEqual(decoded());
  });
});

describe("messages", () => {
  const cases: { name: string; messages: unknown[]; parts: unknown[] }[] = [
    { name: "a string", messages: [say("Hi")], parts: [textPart("Hi")] },
    {
      name: "L6 an array of texts, each a part of its own",
      messages: [say([textPart("one"), textPart("two")])],
      parts: [textPart("one"), textPart("two")],
    },
    {
      name: "L7 null assistant content never becomes the text null",
      messages: [say("Hi"), say(null, "assistant"), say("Still there?")],
      parts: [textPart("Hi"), textPart("Still there?")],
    },
    {
      name: "L7 an assistant without content, as NextChat sends it",
      messages: [say("Hi"), { role: "assistant", tool_calls: [call] }],
      parts: [textPart("Hi"), { type: "tool-call", id: "call_a", name: "get_weather", json: '{"city":"Ulm"}' }],
    },
    {
      name: "empty texts are stripped",
      messages: [say([textPart(""), textPart("Hi"), { type: "text", text: null }]), say("", "assistant")],
      parts: [textPart("Hi")],
    },
    {
      name: "a tool result, with its text",
      messages: [say(null, "assistant"), { role: "tool", tool_call_id: "call_a", name: "x", content: "21 °C" }],
      parts: [{ type: "tool-result", callId: "call_a", content: [textPart("21 °C")], isError: false }],
    },
    {
      name: "a tool result without any text",
      messages: [{ role: "tool", tool_call_id: "call_a", content: null }],
      parts: [{ type: "tool-result", callId: "call_a", content: [], isError: false }],
    },
    {
      name: "a call without arguments has an empty object",
      messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "now", arguments: "" } }] }],
      parts: [{ type: "tool-call", id: "a", name: "now", json: "{}" }],
    },
    {
      name: "the older calls without ids: a result belongs to the last call of its name",
      messages: [
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "1" },
        { role: "assistant", content: null, function_call: { name: "f", arguments: '{"a":2}' } },
        { role: "function", name: "f", content: "2" },
      ],
      parts: [
        { type: "tool-call", id: "call_legacy_0", name: "f", json: "{}" },
        { type: "tool-result", callId: "call_legacy_0", content: [textPart("1")], isError: false },
        { type: "tool-call", id: "call_legacy_1", name: "f", json: '{"a":2}' },
        { type: "tool-result", callId: "call_legacy_1", content: [textPart("2")], isError: false },
      ],
    },
    {
      name: "thinking that a client sends back",
      messages: [say("Hi"), { role: "assistant", reasoning_content: "Hm.", content: "Yes" }],
      parts: [textPart("Hi"), { type: "reasoning", text: "Hm." }, textPart("Yes")],
    },
    {
      name: "a refusal in either place",
      messages: [
        say([{ type: "refusal", refusal: "No." }], "assistant"),
        { role: "assistant", content: null, refusal: "Never." },
      ],
      parts: [textPart("No."), textPart("Never.")],
    },
    {
      name: "an image of bytes",
      messages: [say([{ type: "image_url", image_url: { url: "data:image/PNG;base64,aGk=", detail: "low" } }])],
      parts: [{ type: "image", source: { kind: "base64", mediaType: "image/png", data: "aGk=" }, detail: "low" }],
    },
    {
      name: "an image at an address",
      messages: [say([{ type: "image_url", image_url: "https://pictures.example/a.png" }])],
      parts: [{ type: "image", source: { kind: "url", url: "https://pictures.example/a.png" } }],
    },
  ];
  test.each(cases)("$name", ({ messages, parts }) => {
    expect(partsOf(...messages)).toEqual(parts as Part[]);
  });

  test("each role has its place, and a developer is a system", () => {
    const messages = ["system", "developer", "user", "assistant"].map((role) => say("a", role));
    const roles = decoded({ messages }).messages.map(({ role }) => role);
    expect(roles).toEqual(["system", "system", "user", "assistant"]);
  });

  test("messages stay one for one, so that an error can name one by its index", () => {
    const messages = [say("", "system"), say("Hi"), say(null, "assistant"), say("Hi", "user")];
    expect(decoded({ messages }).messages).toHaveLength(4);
  });

  test("the name of a speaker is kept", () => {
    expect(decoded({ messages: [{ ...say("Hi"), name: "Ann" }] }).messages[0]?.name).toBe("Ann");
  });
});

describe("tools", () => {
  const tool = { name: "get_weather", description: "Looks", parameters: { type: "object" } };
  const cases: { name: string; fields: Record<string, unknown>; expected: Partial<ChatRequest> }[] = [
    { name: "a function", fields: { tools: [weather] }, expected: { tools: [tool], toolChoice: { type: "auto" } } },
    {
      name: "a function of a name alone",
      fields: { tools: [{ type: "function", function: { name: "now", strict: true } }] },
      expected: {
        tools: [{ name: "now", description: "", parameters: { type: "object", properties: {} }, strict: true }],
      },
    },
    {
      name: "a choice by word",
      fields: { tools: [weather], tool_choice: "required" },
      expected: { toolChoice: { type: "required" } },
    },
    { name: "none", fields: { tools: [weather], tool_choice: "none" }, expected: { toolChoice: { type: "none" } } },
    {
      name: "a choice by name",
      fields: { tools: [weather], tool_choice: { type: "function", function: { name: "get_weather" } } },
      expected: { toolChoice: { type: "tool", name: "get_weather" } },
    },
    {
      name: "allowed tools narrow the list",
      fields: {
        tools: [weather, { type: "function", function: { name: "other" } }],
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "get_weather" } }] },
        },
      },
      expected: { tools: [tool], toolChoice: { type: "required" } },
    },
    {
      name: "one call at a time",
      fields: { tools: [weather], parallel_tool_calls: false },
      expected: { parallelToolCalls: false },
    },
    {
      name: "the older functions",
      fields: { functions: [weather.function], function_call: { name: "get_weather" } },
      expected: { tools: [tool], toolChoice: { type: "tool", name: "get_weather" }, parallelToolCalls: false },
    },
    { name: "an empty list", fields: { tools: [], tool_choice: "auto" }, expected: { tools: [] } },
  ];
  test.each(cases)("$name", ({ fields, expected }) => {
    expect(decoded(fields)).toMatchObject(expected);
  });
});

describe("options", () => {
  const cases: { name: string; fields: Record<string, unknown>; expected: Partial<ChatRequest> }[] = [
    { name: "stop as a string", fields: { stop: "END" }, expected: { stop: ["END"] } },
    {
      name: "stop as many strings, without the empty ones",
      fields: { stop: ["a", "", "b", "c", "d", "e"] },
      expected: { stop: ["a", "b", "c", "d", "e"] },
    },
    { name: "max_tokens", fields: { max_tokens: 5 }, expected: { maxOutputTokens: 5 } },
    {
      name: "max_completion_tokens before max_tokens",
      fields: { max_tokens: 5, max_completion_tokens: 7 },
      expected: { maxOutputTokens: 7 },
    },
    { name: "n of 1", fields: { n: 1 }, expected: {} },
    { name: "reasoning effort", fields: { reasoning_effort: "high" }, expected: { reasoning: { effort: "high" } } },
    {
      name: "a JSON object",
      fields: { response_format: { type: "json_object" } },
      expected: { responseFormat: { type: "json" } },
    },
    {
      name: "a JSON schema",
      fields: {
        response_format: { type: "json_schema", json_schema: { name: "s", schema: { type: "object" }, strict: true } },
      },
      expected: { responseFormat: { type: "json-schema", name: "s", schema: { type: "object" }, strict: true } },
    },
    {
      name: "usage frames",
      fields: { stream: true, stream_options: { include_usage: true } },
      expected: { stream: true, includeUsage: true },
    },
    {
      name: "sampling as NextChat sends it",
      fields: { temperature: 0.5, top_p: 1, presence_penalty: 0, frequency_penalty: 0, seed: 3, top_k: 5 },
      expected: { sampling: { temperature: 0.5, topP: 1, presencePenalty: 0, frequencyPenalty: 0, seed: 3, topK: 5 } },
    },
  ];
  test.each(cases)("$name", ({ fields, expected }) => {
    expect(decoded(fields)).toMatchObject(expected);
  });
});

describe("refusals name the field and the remedy", () => {
  const part = (value: unknown) => ({ messages: [say("Hi"), say([value])] });
  const cases: { name: string; fields: Record<string, unknown>; field: string; says: RegExp }[] = [
    { name: "no messages", fields: { messages: undefined }, field: "messages", says: /at least one message.*missing/ },
    { name: "empty messages", fields: { messages: [] }, field: "messages", says: /at least one message/ },
    {
      name: "messages without a text",
      fields: { messages: [say(""), say(null)] },
      field: "messages[1].content",
      says: /send some text/,
    },
    {
      name: "an unknown role",
      fields: { messages: [say("Hi", "bot")] },
      field: "messages[0].role",
      says: /"assistant".*"bot"/,
    },
    {
      name: "a number as content",
      fields: { messages: [say("Hi"), say(5)] },
      field: "messages[1].content",
      says: /a string, an array.*it is 5/,
    },
    {
      name: "an object as content",
      fields: { messages: [say({ a: 1 })] },
      field: "messages[0].content",
      says: /an object/,
    },
    {
      name: "audio",
      fields: part({ type: "input_audio", input_audio: {} }),
      field: "messages[1].content[0].type",
      says: /"text" or "image_url"/,
    },
    { name: "a file", fields: part({ type: "file", file: {} }), field: "messages[1].content[0].type", says: /files/ },
    {
      name: "an image address of another kind",
      fields: part({ type: "image_url", image_url: { url: "file:///etc/passwd" } }),
      field: "messages[1].content[0].image_url.url",
      says: /http/,
    },
    {
      name: "an image without an address",
      fields: part({ type: "image_url" }),
      field: "messages[1].content[0].image_url.url",
      says: /base64/,
    },
    {
      name: "a data address that is no image",
      fields: part({ type: "image_url", image_url: { url: "data:text/html;base64,aGk=" } }),
      field: "messages[1].content[0].image_url.url",
      says: /data:image/,
    },
    {
      name: "an image of no bytes",
      fields: part({ type: "image_url", image_url: { url: "data:image/png;base64," } }),
      field: "messages[1].content[0].image_url.url",
      says: /bytes/,
    },
    {
      name: "an image from the system",
      fields: { messages: [say([{ type: "image_url", image_url: { url: "https://a.example/" } }], "system")] },
      field: "messages[0].content[0]",
      says: /user messages/,
    },
    {
      name: "a tool message without its call",
      fields: { messages: [say("x", "tool")] },
      field: "messages[0].tool_call_id",
      says: /repeat the `id`/,
    },
    {
      name: "a function message without its call",
      fields: { messages: [{ role: "function", name: "f", content: "x" }] },
      field: "messages[0].name",
      says: /function_call/,
    },
    {
      name: "arguments as an object",
      fields: { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: {} } }] }] },
      field: "messages[0].tool_calls[0].function.arguments",
      says: /JSON text/,
    },
    {
      name: "a custom call",
      fields: { messages: [{ role: "assistant", tool_calls: [{ id: "a", type: "custom", custom: {} }] }] },
      field: "messages[0].tool_calls[0].function",
      says: /"function"/,
    },
    { name: "n of 2", fields: { n: 2 }, field: "n", says: /one request for each/ },
    { name: "n of 0", fields: { n: 0 }, field: "n", says: /must be 1/ },
    { name: "stream as a word", fields: { stream: "true" }, field: "stream", says: /true or false/ },
    { name: "model as a list", fields: { model: ["a"] }, field: "model", says: /a string/ },
    { name: "stop with a number", fields: { stop: ["a", 5] }, field: "stop[1]", says: /a string/ },
    {
      name: "too many stops",
      fields: { stop: Array.from({ length: 65 }, () => "a") },
      field: "stop",
      says: /at most 64/,
    },
    { name: "max_tokens of 0", fields: { max_tokens: 0 }, field: "max_tokens", says: /1 or more/ },
    {
      name: "a custom tool",
      fields: { tools: [{ type: "custom", custom: { name: "a" } }] },
      field: "tools[0].type",
      says: /"function"/,
    },
    {
      name: "a flat tool",
      fields: { tools: [{ type: "function", name: "a" }] },
      field: "tools[0].function",
      says: /"function": \{/,
    },
    {
      name: "a tool without a name",
      fields: { tools: [{ type: "function", function: { name: "" } }] },
      field: "tools[0].function.name",
      says: /not empty/,
    },
    {
      name: "a choice of an unknown tool",
      fields: { tools: [weather], tool_choice: { type: "function", function: { name: "b" } } },
      field: "tool_choice",
      says: /not among/,
    },
    {
      name: "a custom choice",
      fields: { tools: [weather], tool_choice: { type: "custom", custom: { name: "b" } } },
      field: "tool_choice",
      says: /"required" or/,
    },
    {
      name: "a demanded tool without tools",
      fields: { tool_choice: "required" },
      field: "tool_choice",
      says: /offers none/,
    },
    { name: "an unknown effort", fields: { reasoning_effort: "huge" }, field: "reasoning_effort", says: /"xhigh"/ },
    {
      name: "a schema format without a schema",
      fields: { response_format: { type: "json_schema" } },
      field: "response_format.json_schema.schema",
      says: /JSON Schema/,
    },
    { name: "a Responses body", fields: { messages: undefined, input: "Hi" }, field: "messages", says: /Responses/ },
    { name: "a completions body", fields: { messages: undefined, prompt: "Hi" }, field: "messages", says: /role/ },
  ];
  test.each(cases)("$name", ({ fields, field, says }) => {
    const refused = refusal(fields);
    expect(refused.field).toBe(field);
    expect(refused.message).toMatch(says);
  });

  test.each(["null", "5", '"text"', "[]", "true"])("a body of %s is refused as a whole", (json) => {
    const body: unknown = JSON.parse(json);
    expect(() => openaiChat.decode(body, new Headers(), { id: "req_a", receivedAt: 0 })).toThrow(/The body must be/);
  });

  test("a long string in the wrong place is not repeated: it may be a secret", () => {
    expect(refusal({ stream: "sk-sluice-0123456789abcdefghijklmnopqrstuv" }).message).not.toContain("sk-sluice");
  });
});
