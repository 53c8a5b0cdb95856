import { describe, expect, test } from "bun:test";
import type { ChatRequest, Message } from "../../../src/chat/request.ts";
import { loadModels } from "../../../src/providers/langfast/models.ts";
import { messagesOf, metaOf } from "../../../src/providers/langfast/wire.ts";
import { chatRequest } from "../context.ts";

const table = loadModels({});
const said = (role: Message["role"], text: string, name?: string): Message => ({
  role,
  parts: [{ type: "text", text }],
  ...(name === undefined ? {} : { name }),
});
const TALK = [said("system", "Be brief."), said("user", "Hi"), said("assistant", "Yes?"), said("user", "Bye")];

const roles: [model: string, roles: string[]][] = [
  ["gpt-4o", ["system", "user", "assistant", "user"]],
  ["gpt-5", ["developer", "user", "assistant", "user"]],
  ["o3", ["developer", "user", "assistant", "user"]],
  ["o1-mini", ["user", "assistant", "user"]],
];
test.each(roles)("%s gets the roles it knows", (model, expected) => {
  expect(messagesOf(TALK, table.row(model)).map(({ role }) => role)).toEqual(expected);
});

test("o1-mini reads the system text in front of the first user message", () => {
  expect(messagesOf(TALK, table.row("o1-mini"))[0]).toEqual({ role: "user", content: "Be brief.\n\nHi" });
  expect(messagesOf([said("system", "Alone.")], table.row("o1-mini"))).toEqual([{ role: "user", content: "Alone." }]);
});

test("names that the model's maker would refuse, thinking and empty messages are left out", () => {
  const thought: Message = { role: "assistant", parts: [{ type: "reasoning", text: "hm" }] };
  const messages = messagesOf([said("user", "a", "Ann"), said("user", "b", "Ann B."), thought], table.row("gpt-4o"));
  expect(messages).toEqual([
    { role: "user", content: "a", name: "Ann" },
    { role: "user", content: "b" },
  ]);
  expect(() => messagesOf([thought], table.row("gpt-4o"))).toThrow("hold no text");
});

const ALL: Partial<ChatRequest> = {
  sampling: { temperature: 3, topP: 0.5, topK: 5, presencePenalty: -9, frequencyPenalty: 1, seed: 7 },
  maxOutputTokens: 1_000_000,
  reasoning: { effort: "xhigh" },
};
const metas: [model: string, meta: object][] = [
  [
    "gpt-4o",
    {
      stream: true,
      temperature: 2,
      top_p: 0.5,
      presence_penalty: -2,
      frequency_penalty: 1,
      max_completion_tokens: 16_384,
      response_format: "text",
    },
  ],
  ["gpt-5", { stream: true, max_completion_tokens: 128_000, reasoning_effort: "high", response_format: "text" }],
  ["o3", { max_completion_tokens: 100_000, reasoning_effort: "high", response_format: "text" }],
  ["o1-mini", { stream: true, max_completion_tokens: 65_536 }],
];
test.each(metas)("trap 7: %s gets what its row allows, clamped, and nothing else", (model, meta) => {
  const { messages: _messages, ...rest } = metaOf(chatRequest("Hi", ALL), table.row(model));
  expect(rest).toEqual({ model, ...meta });
});

test("trap 7: no limit is made up, and the client's own is kept", () => {
  expect(metaOf(chatRequest("Hi"), table.row("gpt-3.5-turbo"))).not.toHaveProperty("max_completion_tokens");
  expect(metaOf(chatRequest("Hi", { maxOutputTokens: 12 }), table.row("gpt-3.5-turbo"))).toHaveProperty(
    "max_completion_tokens",
    12,
  );
});

const efforts: [model: string, reasoning: ChatRequest["reasoning"], effort: string | undefined][] = [
  ["gpt-5", {}, undefined],
  ["gpt-5", { effort: "none" }, "minimal"],
  ["gpt-5", { enabled: false }, "minimal"],
  ["gpt-5", { enabled: true }, undefined],
  ["o3", { effort: "minimal" }, "low"],
  ["o3", { budgetTokens: 8000 }, "medium"],
  ["gpt-4o", { effort: "high" }, undefined],
];
test.each(efforts)("%s with %p thinks at %p", (model, reasoning, effort) => {
  expect(metaOf(chatRequest("Hi", { reasoning }), table.row(model))["reasoning_effort"]).toBe(effort);
});

describe("response_format", () => {
  const json = { responseFormat: { type: "json" } } as const;
  const schema = {
    responseFormat: { type: "json-schema", name: "cat", schema: { type: "object" }, strict: true },
  } as const;

  test("is native where the row has it", () => {
    expect(metaOf(chatRequest("Hi", json), table.row("gpt-4"))["response_format"]).toBe("json_object");
    expect(metaOf(chatRequest("Hi", schema), table.row("gpt-5"))["response_format"]).toEqual({
      type: "json_schema",
      json_schema: { name: "cat", schema: { type: "object" }, strict: true },
    });
  });
  test("is asked for in words where the row has none", () => {
    const meta = metaOf(chatRequest("Hi", json), table.row("o1-mini"));
    expect(meta).not.toHaveProperty("response_format");
    expect(JSON.stringify(meta["messages"])).toContain("one valid JSON object");
  });
  test("a schema that the row cannot hold is refused in words", () => {
    expect(() => metaOf(chatRequest("Hi", schema), table.row("gpt-4"))).toThrow("JSON schema");
  });
});
