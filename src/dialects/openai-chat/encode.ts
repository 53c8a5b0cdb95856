import type { ChatResult } from "../../chat/collect.ts";
import type { GatewayError } from "../../chat/error.ts";
import type { ChatEvent, Citation, StopReason, Usage } from "../../chat/event.ts";
import type { ChatRequest } from "../../chat/request.ts";
import { chatCompletionId } from "../../lib/id.ts";
import { jsonText } from "../../lib/json.ts";
import type {
  AnswerMessage,
  AnswerToolCall,
  ChatCompletion,
  CompletionUsage,
  FinishReason,
  UrlCitation,
} from "../../wire/openai-chat.ts";
import type { AnswerHead, StreamEncoder } from "../dialect.ts";
import { failureBody } from "./failure.ts";

const FINISH: Record<StopReason, FinishReason> = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  refusal: "content_filter",
};

/** Agents go on only after `tool_calls`, so an answer that stopped at calls says so whatever the upstream said. */
const finishOf = (reason: StopReason, calls: number): FinishReason =>
  calls > 0 && reason === "stop" ? "tool_calls" : FINISH[reason];

interface OpenCall {
  readonly index: number;
  wrote: boolean;
}

/**
 * Writes `chat.completion.chunk` frames: the role first, one finish reason, a usage frame only if the client set
 * `stream_options.include_usage`, one `[DONE]`. Text is the hot path: a prefix made once, and the text as JSON.
 */
export class ChunkEncoder implements StreamEncoder {
  private readonly beforeChoices: string;
  private readonly delta: string;
  private readonly afterDelta: string;
  private readonly requestId: string;
  private readonly includeUsage: boolean;
  private calls: Map<string, OpenCall> | undefined;
  private citations: Citation[] | undefined;
  private callCount = 0;
  private ended = false;

  constructor({ includeUsage }: Pick<ChatRequest, "includeUsage">, { requestId, created, model }: AnswerHead) {
    this.requestId = requestId;
    this.includeUsage = includeUsage;
    const chunk = { id: chatCompletionId(requestId), object: "chat.completion.chunk", created, model };
    this.beforeChoices = `data: ${JSON.stringify(chunk).slice(0, -1)},"choices":`;
    this.delta = `${this.beforeChoices}[{"index":0,"delta":{`;
    this.afterDelta = `},"finish_reason":null}]${this.noUsage}}\n\n`;
  }

  start(): string {
    return `${this.delta}"role":"assistant","content":""${this.afterDelta}`;
  }

  event(event: ChatEvent): string {
    if (this.ended) return "";
    switch (event.type) {
      case "text-delta":
        return `${this.delta}"content":${jsonText(event.text)}${this.afterDelta}`;
      case "reasoning-delta":
        return `${this.delta}"reasoning_content":${jsonText(event.text)}${this.afterDelta}`;
      case "tool-call-start":
        return this.callStart(event.id, event.name);
      case "tool-call-delta":
        return this.callDelta(event.id, event.json);
      case "tool-call-end":
        // A call without arguments: clients parse the joined pieces, and nothing is no JSON.
        return this.calls?.get(event.id)?.wrote === false ? this.callDelta(event.id, "{}") : "";
      case "citations":
        this.citations = [...(this.citations ?? []), ...event.citations];
        return "";
      case "reasoning-signature":
        return "";
      default:
        return this.end(event.reason, event.usage);
    }
  }

  failure(error: GatewayError): string {
    this.ended = true;
    return `data: ${JSON.stringify(failureBody(error, this.requestId))}\n\n`;
  }

  /** The id stands in the first delta alone: some clients begin a new call at each id. */
  private callStart(id: string, name: string): string {
    const index = this.callCount++;
    this.calls ??= new Map();
    this.calls.set(id, { index, wrote: false });
    const call = { index, id, type: "function", function: { name, arguments: "" } };
    return `${this.delta}"tool_calls":[${JSON.stringify(call)}]${this.afterDelta}`;
  }

  private callDelta(id: string, json: string): string {
    const call = this.calls?.get(id);
    if (!call || json === "") return "";
    call.wrote = true;
    const piece = `{"index":${call.index},"function":{"arguments":${JSON.stringify(json)}}}`;
    return `${this.delta}"tool_calls":[${piece}]${this.afterDelta}`;
  }

  private end(reason: StopReason, usage: Usage): string {
    this.ended = true;
    const { citations, callCount } = this;
    let frames = "";
    if (citations && citations.length > 0) {
      frames += `${this.delta}"annotations":${JSON.stringify(citations.map(annotationOf))}${this.afterDelta}`;
    }
    frames += `${this.delta}},"finish_reason":"${finishOf(reason, callCount)}"}]${this.noUsage}}\n\n`;
    if (this.includeUsage) frames += `${this.beforeChoices}[],"usage":${JSON.stringify(usageOf(usage))}}\n\n`;
    return `${frames}data: [DONE]\n\n`;
  }

  /** A client that wants usage finds the field in every frame, null but in the last. */
  private get noUsage(): string {
    return this.includeUsage ? ',"usage":null' : "";
  }
}

/** The body of an answer that was not streamed. */
export function encodeWhole(result: ChatResult, head: AnswerHead): ChatCompletion {
  let text = "";
  let reasoning = "";
  const calls: AnswerToolCall[] = [];
  for (const part of result.parts) {
    if (part.type === "text") text += part.text;
    else if (part.type === "reasoning") reasoning += part.text;
    else calls.push({ id: part.id, type: "function", function: { name: part.name, arguments: part.json } });
  }
  const message: { -readonly [K in keyof AnswerMessage]: AnswerMessage[K] } = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
  };
  if (reasoning !== "") message.reasoning_content = reasoning;
  if (result.citations.length > 0) message.annotations = result.citations.map(annotationOf);
  if (calls.length > 0) message.tool_calls = calls;
  return {
    id: chatCompletionId(head.requestId),
    object: "chat.completion",
    created: head.created,
    model: head.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(result.reason, calls.length) }],
    usage: usageOf(result.usage),
  };
}

/** Upstreams tell which sources they read, not which words came from them: the range is empty. */
const annotationOf = ({ url, title }: Citation): UrlCitation => ({
  type: "url_citation",
  url_citation: { start_index: 0, end_index: 0, url, title },
});

const usageOf = (usage: Usage): CompletionUsage => ({
  prompt_tokens: usage.inputTokens,
  completion_tokens: usage.outputTokens,
  total_tokens: usage.inputTokens + usage.outputTokens,
  prompt_tokens_details: { cached_tokens: usage.cacheReadTokens ?? 0 },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
});
