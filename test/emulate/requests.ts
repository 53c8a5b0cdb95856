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
