/** A turn as a Messages body (protocol.md, "A turn"). */
import { JSON_ONLY, type ChatRequest, type Tool as NeutralTool } from "../../chat/request.ts";
import type { MessagesRequest, Tool, ToolChoice } from "../../wire/anthropic-messages.ts";
import { conversationOf, type Conversation } from "./messages.ts";
import type { Form } from "./quirks.ts";
import { claudeVersion, thinkingOf } from "./thinking.ts";

/** @param model the service's own name of it */
export function bodyOf(request: ChatRequest, model: string, form: Form): MessagesRequest {
  const { tools, toolChoice } = request;
  const maxTokens = Math.min(request.maxOutputTokens ?? usualLimit(model), form.mostTokens ?? Infinity);
  const conversation = conversationOf(request.messages, !form.withoutThinking);
  if (request.responseFormat.type === "json") conversation.system.push({ type: "text", text: JSON_ONLY });
  if (!form.quirks.has("no-cache") && isContinued(request)) markForCache(conversation);
  const forced = tools.length > 0 && (toolChoice.type === "required" || toolChoice.type === "tool");
  const { thinking, output_config: effort } = thinkingOf(
    request.reasoning,
    { model, maxTokens, forced },
    conversation.messages,
    form,
  );
  const isThinking = thinking !== undefined && thinking?.type !== "disabled";
  const config = { ...effort, ...formatOf(request.responseFormat) };
  const stop = request.stop.filter((text) => text.trim() !== "");
  return {
    model,
    max_tokens: maxTokens,
    stream: true,
    ...(conversation.system.length === 0 ? {} : { system: conversation.system }),
    messages: conversation.messages,
    ...(tools.length === 0 ? {} : { tools: tools.map(toolOf), tool_choice: choiceOf(request) }),
    ...(thinking ? { thinking } : {}),
    ...(Object.keys(config).length === 0 ? {} : { output_config: config }),
    ...samplingOf(request, isThinking, form),
    ...(stop.length === 0 ? {} : { stop_sequences: stop }),
  };
}

/** The format demands a limit: what the model can give at most, for models that do not tell. */
function usualLimit(model: string): number {
  const version = claudeVersion(model);
  if (version === undefined) return 8192;
  if (version < 305) return 4096;
  return version < 307 ? 8192 : 32_000;
}

/** A history that grows from turn to turn pays for the cache; a single question does not. */
function isContinued({ tools, messages }: ChatRequest): boolean {
  return tools.length > 0 || messages.some(({ role }) => role === "assistant");
}

/** Marks end what is cached: tools and system, and everything so far. */
function markForCache({ system, messages }: Conversation): void {
  const cache = { cache_control: { type: "ephemeral" } };
  const lastSystem = system.at(-1);
  if (lastSystem) Object.assign(lastSystem, cache);
  const content = messages.at(-1)?.content;
  const block = Array.isArray(content) ? content.at(-1) : undefined;
  // Thinking takes no mark.
  if (block && !/thinking/.test(block.type)) Object.assign(block, cache);
}

function toolOf({ name, description, parameters, strict }: NeutralTool): Tool {
  return {
    name,
    ...(description ? { description } : {}),
    // A schema without a type is refused.
    input_schema: { type: "object", ...parameters },
    ...(strict ? { strict } : {}),
  };
}

function choiceOf({ toolChoice, parallelToolCalls }: ChatRequest): ToolChoice {
  if (toolChoice.type === "none") return { type: "none" };
  const one = parallelToolCalls ? {} : { disable_parallel_tool_use: true };
  if (toolChoice.type === "tool") return { type: "tool", name: toolChoice.name, ...one };
  return { type: toolChoice.type === "required" ? "any" : "auto", ...one };
}

function formatOf(format: ChatRequest["responseFormat"]): NonNullable<MessagesRequest["output_config"]> {
  return format.type === "json-schema" ? { format: { type: "json_schema", schema: { ...format.schema } } } : {};
}

/** Thinking allows no sampling. Other formats go up to 2 where this one ends at 1; penalties and seeds it has none. */
function samplingOf({ sampling }: ChatRequest, isThinking: boolean, { quirks }: Form) {
  if (isThinking || quirks.has("no-sampling")) return {};
  const { temperature, topP, topK } = sampling;
  const both = temperature !== undefined && topP !== undefined;
  return {
    ...(temperature === undefined ? {} : { temperature: Math.min(Math.max(temperature, 0), 1) }),
    ...(topP === undefined || (both && quirks.has("one-sampling")) ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
  };
}
