import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ChatCompletionRequest } from "../../src/wire/openai-chat.ts";

const message = { role: "user", content: "Hi" };

/** First requests of clients as they were recorded, cut to one message. */
const bodies: Readonly<Record<string, unknown>> = {
  "NextChat, gpt-5 names": {
    messages: [{ role: "developer", content: "Formatting re-enabled" }, message],
    stream: true,
    model: "gpt-5",
    temperature: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    top_p: 1,
    max_completion_tokens: 4000,
  },
  opencode: {
    model: "m",
    max_tokens: 8192,
    messages: [message, { role: "assistant", content: "", tool_calls: [] }, message],
    tools: [{ type: "function", function: { name: "write", description: "", parameters: { type: "object" } } }],
    tool_choice: "auto",
    stream: true,
    stream_options: { include_usage: true },
  },
  Continue: { model: "m", messages: [message], parallel_tool_calls: false, stop: null, tools: null, n: null },
  "LobeChat, with a schema": {
    model: "m",
    messages: [message],
    user: "u",
    response_format: { type: "json_schema", json_schema: { name: "o", schema: { type: "object" }, strict: true } },
  },
};

test.each(Object.keys(bodies))("what %s sends fits the format", (client) => {
  expect([...Value.Errors(ChatCompletionRequest, bodies[client])]).toEqual([]);
});

test("every field of the format says what it must be, so that an error can", () => {
  for (const [name, schema] of Object.entries(ChatCompletionRequest.properties)) {
    expect(`${name}: ${schema.description ?? ""}`).toMatch(/^\w+: (?!a valid value).+/);
  }
});
