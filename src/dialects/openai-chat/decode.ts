import { GatewayError } from "../../chat/error.ts";
import type { ChatRequest, ReasoningRequest, ResponseFormat, Sampling } from "../../chat/request.ts";
import { ChatCompletionRequest } from "../../wire/openai-chat.ts";
import { bodyChecker } from "../check-body.ts";
import { isObject } from "../../lib/json.ts";
import { messagesOf } from "./messages.ts";
import { toolsOf } from "./tools.ts";

const check = bodyChecker(ChatCompletionRequest);

/** What most requests do not say. A request lives as long as its stream, so these are shared. */
const NO_STOP: readonly string[] = [];
const NO_REASONING: ReasoningRequest = {};
const TEXT: ResponseFormat = { type: "text" };

/**
 * A Chat Completions body as a ChatRequest. The messages keep the client's order and count, so that a later error can
 * name one by its index. Fields that the neutral model does not know are ignored.
 * @throws GatewayError invalid-request with the field that is wrong
 */
export function decode(body: unknown, head: { id: string; receivedAt: number }): ChatRequest {
  refuseOtherFormats(body);
  const wire = check(body);
  if (wire.n !== undefined && wire.n !== null && wire.n !== 1) {
    throw new GatewayError("invalid-request", "`n` must be 1: send one request for each answer you want.", {
      field: "n",
    });
  }
  const maxOutputTokens = wire.max_completion_tokens ?? wire.max_tokens;
  const { tools, toolChoice, parallelToolCalls } = toolsOf(wire);
  const request: { -readonly [K in keyof ChatRequest]: ChatRequest[K] } = {
    id: head.id,
    receivedAt: head.receivedAt,
    messages: messagesOf(wire.messages),
    tools,
    toolChoice,
    parallelToolCalls,
    sampling: samplingOf(wire),
    stop: stopOf(wire.stop),
    reasoning: reasoningOf(wire),
    responseFormat: responseFormatOf(wire),
    stream: wire.stream ?? false,
    includeUsage: wire.stream_options?.include_usage ?? false,
  };
  if (wire.model) request.model = wire.model;
  if (maxOutputTokens) request.maxOutputTokens = maxOutputTokens;
  return request;
}

/** Bodies of OpenAI's other formats come here from clients with a wrong path; the remedy is not in the schema. */
function refuseOtherFormats(body: unknown): void {
  if (!isObject(body) || body.messages !== undefined) return;
  if (body.input !== undefined) {
    throw new GatewayError("invalid-request", "`messages` is missing: `input` belongs to the Responses format.", {
      field: "messages",
    });
  }
  if (body.prompt !== undefined) {
    throw new GatewayError(
      "invalid-request",
      '`messages` is missing: send the `prompt` as `messages: [{"role": "user", "content": "..."}]`.',
      { field: "messages" },
    );
  }
}

function samplingOf(wire: ChatCompletionRequest): Sampling {
  const sampling: { -readonly [K in keyof Sampling]: Sampling[K] } = {};
  if (typeof wire.temperature === "number") sampling.temperature = wire.temperature;
  if (typeof wire.top_p === "number") sampling.topP = wire.top_p;
  if (typeof wire.top_k === "number") sampling.topK = wire.top_k;
  if (typeof wire.presence_penalty === "number") sampling.presencePenalty = wire.presence_penalty;
  if (typeof wire.frequency_penalty === "number") sampling.frequencyPenalty = wire.frequency_penalty;
  if (typeof wire.seed === "number") sampling.seed = wire.seed;
  return sampling;
}

function stopOf(stop: ChatCompletionRequest["stop"]): readonly string[] {
  if (!stop) return NO_STOP;
  return typeof stop === "string" ? [stop] : stop.filter((text) => text !== "");
}

const reasoningOf = (wire: ChatCompletionRequest): ReasoningRequest =>
  wire.reasoning_effort ? { effort: wire.reasoning_effort } : NO_REASONING;

function responseFormatOf(wire: ChatCompletionRequest): ResponseFormat {
  const format = wire.response_format;
  if (format?.type === "json_object") return { type: "json" };
  if (format?.type !== "json_schema") return TEXT;
  const schema = format.json_schema?.schema;
  if (!schema) {
    throw new GatewayError("invalid-request", "`response_format.json_schema.schema` must be a JSON Schema object.", {
      field: "response_format.json_schema.schema",
    });
  }
  const { name, strict } = format.json_schema ?? {};
  return { type: "json-schema", name: name ?? "response", schema, strict: strict ?? false };
}
