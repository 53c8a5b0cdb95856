/** A turn as a Chat Completions body (protocol.md, "A turn"). */
import type { ChatRequest, ReasoningEffort, ReasoningRequest, ResponseFormat, Tool } from "../../chat/request.ts";
import type { ChatCompletionRequest } from "../../wire/openai-chat.ts";
import { messagesOf } from "./messages.ts";
import type { Form } from "./quirks.ts";

/** @param model the service's own name of it */
export function bodyOf(request: ChatRequest, model: string, quirks: Form): ChatCompletionRequest {
  const { sampling, maxOutputTokens, tools, toolChoice, stop } = request;
  const effort = request.reasoning.effort ?? (quirks.has("no-effort") ? undefined : effortOf(request.reasoning));
  const format = formatOf(request.responseFormat);
  return {
    model,
    messages: messagesOf(request.messages, {
      flat: quirks.has("flat-content"),
      reasoning: !quirks.has("no-reasoning-text"),
    }),
    stream: true,
    ...(quirks.has("no-stream-options") ? {} : { stream_options: { include_usage: true } }),
    ...(tools.length === 0 ? {} : { tools: tools.map(toolOf), tool_choice: choiceOf(toolChoice) }),
    ...(tools.length === 0 || request.parallelToolCalls || quirks.has("no-parallel-tool-calls")
      ? {}
      : { parallel_tool_calls: false }),
    ...given("temperature", sampling.temperature),
    ...given("top_p", sampling.topP),
    ...given("top_k", quirks.has("no-top-k") ? undefined : sampling.topK),
    ...given("presence_penalty", sampling.presencePenalty),
    ...given("frequency_penalty", sampling.frequencyPenalty),
    ...given("seed", sampling.seed),
    ...given(limitField(model, quirks), maxOutputTokens),
    ...given("reasoning_effort", effort),
    ...(stop.length === 0 ? {} : { stop: [...stop] }),
    ...(format ? { response_format: format } : {}),
  };
}

function given<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: V };
}

/** OpenAI's reasoning models know only the newer name, most other services only the older. */
function limitField(model: string, quirks: Form): "max_tokens" | "max_completion_tokens" {
  const newer = /(^|\/)(o\d|gpt-5|gpt-[6-9])/i.test(model);
  return newer === quirks.has("other-token-limit") ? "max_tokens" : "max_completion_tokens";
}

const SMALL_BUDGET = 4096;
const MEDIUM_BUDGET = 16_384;

/** The level that a switch or a budget comes nearest to; undefined leaves the service its default. */
function effortOf({ enabled, budgetTokens }: ReasoningRequest): ReasoningEffort | undefined {
  if (enabled === false || budgetTokens === 0) return "none";
  if (budgetTokens === undefined) return undefined;
  if (budgetTokens <= SMALL_BUDGET) return "low";
  return budgetTokens <= MEDIUM_BUDGET ? "medium" : "high";
}

function toolOf({ name, description, parameters, strict }: Tool) {
  return {
    type: "function",
    function: {
      name,
      ...(description ? { description } : {}),
      parameters: { ...parameters },
      ...given("strict", strict),
    },
  };
}

function choiceOf(choice: ChatRequest["toolChoice"]): NonNullable<ChatCompletionRequest["tool_choice"]> {
  return choice.type === "tool" ? { type: "function", function: { name: choice.name } } : choice.type;
}

function formatOf(format: ResponseFormat): ChatCompletionRequest["response_format"] {
  if (format.type === "text") return undefined;
  if (format.type === "json") return { type: "json_object" };
  const { name, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, schema: { ...schema }, strict } };
}
