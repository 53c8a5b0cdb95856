/** A rich conversation through the neutral model: nothing of the request or the answer is lost or changed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { collect } from "../../../src/chat/collect.ts";
import type { ChatEvent } from "../../../src/chat/event.ts";
import type { ChatRequest } from "../../../src/chat/request.ts";
import { createAnthropic } from "../../../src/providers/anthropic/index.ts";
import { streamFrom } from "../../chat/streams.ts";
import {
  block,
  callBlock,
  PING,
  start,
  startAnthropicSim,
  steps,
  stop,
  stream,
  textBlock,
  type ServiceSim,
} from "../../sims/anthropic.ts";
import { chatRequest, listen, testContext } from "../context.ts";
import { loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startAnthropicSim();
});
afterAll(async () => {
  expect(sim.violations).toEqual([]);
  await sim.stop();
});

const text = (words: string) => ({ type: "text", text: words }) as const;
const SIGNATURE = "EqoBCkgIARABGAIiQL/signed+by==";
const REDACTED = "EmwKAhgBEgy3va3pzix/LafPsn4a";

const REQUEST: ChatRequest = chatRequest("", {
  messages: [
    { role: "system", parts: [text("You are terse. 你好"), text(" Second.\n")] },
    { role: "user", parts: [text("Look:\n"), { type: "image", source: { kind: "base64", mediaType: "image/webp", data: "UklGRg==" } }, text("and "), { type: "image", source: { kind: "url", url: "https://example.com/c.jpg?w=1" } }] },
    { role: "assistant", parts: [{ type: "reasoning", text: "Two cats. 🐈", signature: SIGNATURE }, { type: "reasoning", text: "", redacted: REDACTED }, text("Let me see."), { type: "tool-call", id: "toolu_1", name: "look", json: '{"at": "🐈", "deep": {"n": [1, 2.5, null]}}' }, { type: "tool-call", id: "toolu_2", name: "now", json: "{}" }] },
    { role: "user", parts: [{ type: "tool-result", callId: "toolu_1", content: [text("a cat"), { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } }], isError: false }, { type: "tool-result", callId: "toolu_2", content: [text("no clock")], isError: true }, text("So?")] },
  ],
  tools: [{ name: "look", description: "Looks", parameters: { type: "object", properties: { at: { type: "string" } }, required: ["at"] }, strict: true }],
  toolChoice: { type: "auto" },
  parallelToolCalls: false,
  maxOutputTokens: 12_000,
  stop: ["END"],
  reasoning: { enabled: true, budgetTokens: 4000 },
  responseFormat: { type: "json-schema", name: "out", schema: { type: "object", additionalProperties: false }, strict: true },
}); // prettier-ignore

const CACHED = { cache_control: { type: "ephemeral" } };
const BODY = {
  model: "claude-sonnet-4-5",
  max_tokens: 12_000,
  stream: true,
  system: [text("You are terse. 你好"), { ...text(" Second.\n"), ...CACHED }],
  messages: [
    { role: "user", content: [text("Look:\n"), { type: "image", source: { type: "base64", media_type: "image/webp", data: "UklGRg==" } }, text("and "), { type: "image", source: { type: "url", url: "https://example.com/c.jpg?w=1" } }] },
    { role: "assistant", content: [{ type: "thinking", thinking: "Two cats. 🐈", signature: SIGNATURE }, { type: "redacted_thinking", data: REDACTED }, text("Let me see."), { type: "tool_use", id: "toolu_1", name: "look", input: { at: "🐈", deep: { n: [1, 2.5, null] } } }, { type: "tool_use", id: "toolu_2", name: "now", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: [text("a cat"), { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] }, { type: "tool_result", tool_use_id: "toolu_2", content: "no clock", is_error: true }, { ...text("So?"), ...CACHED }] },
  ],
  tools: [{ name: "look", description: "Looks", input_schema: { type: "object", properties: { at: { type: "string" } }, required: ["at"] }, strict: true }],
  tool_choice: { type: "auto", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 4000 },
  output_config: { format: { type: "json_schema", schema: { type: "object", additionalProperties: false } } },
  stop_sequences: ["END"],
}; // prettier-ignore

test("the request arrives whole, and so does the answer", async () => {
  const login = loginAt(sim);
  const account = sim.account(login.apiKey);
  const usage = { input_tokens: 12, cache_read_input_tokens: 100, cache_creation_input_tokens: 8, output_tokens: 1 };
  const events = [
    start(usage),
    PING,
    ...block(0, { type: "thinking", thinking: "", signature: "" }, { type: "thinking_delta", thinking: "So " }, { type: "thinking_delta", thinking: "then. 🤔" }, { type: "signature_delta", signature: SIGNATURE }),
    ...block(1, { type: "redacted_thinking", data: REDACTED }),
    ...textBlock(2, "First ", "this: 你"),
    ...callBlock(3, "toolu_3", "look", "", '{"at": "', 'Zürich",  "n": 1.0}'),
    ...textBlock(4, "then this"),
    ...callBlock(5, "toolu_4", "now"),
    ...stop("tool_use", { output_tokens: 60 }),
  ]; // prettier-ignore
  account.next(stream(steps(...events)));
  const told = await listen(createAnthropic().chat(REQUEST, testContext(login).turn("claude-sonnet-4-5")));
  expect(told.error).toBeUndefined();
  expect(account.turns[0]?.body).toEqual(BODY);

  const chatEvents = told.events.filter(({ type }) => type !== "progress") as ChatEvent[];
  expect(await collect(streamFrom((async function* () { yield chatEvents; })()))).toEqual({
    parts: [
      { type: "reasoning", text: "So then. 🤔", signature: SIGNATURE },
      { type: "reasoning", text: "", redacted: REDACTED },
      text("First this: 你"),
      { type: "tool-call", id: "toolu_3", name: "look", json: '{"at": "Zürich",  "n": 1.0}' },
      text("then this"),
      { type: "tool-call", id: "toolu_4", name: "now", json: "{}" },
    ],
    citations: [],
    reason: "tool-calls",
    usage: { inputTokens: 120, outputTokens: 60, cacheReadTokens: 100, cacheWriteTokens: 8, estimated: false },
  }); // prettier-ignore
});
