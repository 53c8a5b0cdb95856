import type { Capabilities } from "../../src/chat/capabilities.ts";
import type { ChatRequest } from "../../src/chat/request.ts";

/** A request of one short message, with these fields changed. */
export const request = (fields: Partial<ChatRequest> = {}): ChatRequest => ({
  id: "req_a",
  receivedAt: 0,
  messages: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }],
  tools: [],
  toolChoice: { type: "auto" },
  parallelToolCalls: true,
  sampling: {},
  stop: [],
  reasoning: {},
  responseFormat: { type: "text" },
  stream: true,
  includeUsage: false,
  ...fields,
});

/** An upstream that takes everything. */
export const ALL: Capabilities = {
  history: "messages",
  tools: true,
  images: "any",
  stop: true,
  maxOutputTokens: true,
  responseFormat: true,
};
/** What a web chat takes. A provider's capabilities are taken as they are. */
export const TEXT: Capabilities = {
  ...ALL,
  history: "prompt",
  tools: false,
  images: "none",
  stop: false,
  maxOutputTokens: false,
  responseFormat: false,
};
