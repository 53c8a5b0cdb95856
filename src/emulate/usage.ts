import type { ChatEvent, UpstreamEvent, Usage } from "../chat/event.ts";
import type { ChatRequest, Part } from "../chat/request.ts";
import { TokenCounter, estimateTokens } from "./estimate.ts";

/** What roles and separators of one message cost. */
const MESSAGE_TOKENS = 4;
/** A middle-sized picture at the upstreams that publish a price. */
const IMAGE_TOKENS = 800;

type Content = Exclude<UpstreamEvent, { type: "progress" }>;

/**
 * Fills in the usage that the upstream did not measure, marked as estimated. A measured zero beside text that was made
 * counts as not measured.
 */
export function fillUsage(request: ChatRequest, emit: (event: ChatEvent) => void): (event: Content) => void {
  const text = new TokenCounter();
  const calls = new TokenCounter();
  const reasoning = new TokenCounter();
  return (event) => {
    switch (event.type) {
      case "text-delta":
        text.add(event.text);
        return emit(event);
      case "reasoning-delta":
        reasoning.add(event.text);
        return emit(event);
      case "tool-call-start":
        calls.add(event.name);
        return emit(event);
      case "tool-call-delta":
        calls.add(event.json);
        return emit(event);
      case "end": {
        const answer = text.tokens || estimateTokens(event.text ?? "");
        const made = { output: answer + calls.tokens + reasoning.tokens, reasoning: reasoning.tokens };
        return emit({ ...event, usage: complete(event.usage, made, request) });
      }
      default:
        return emit(event);
    }
  };
}

function complete(
  measured: Usage | undefined,
  made: { output: number; reasoning: number },
  request: ChatRequest,
): Usage {
  const inputMissing = !measured?.inputTokens;
  const outputMissing = !measured || (measured.outputTokens === 0 && made.output > 0);
  if (measured && !inputMissing && !outputMissing) return measured;
  return {
    ...measured,
    inputTokens: inputMissing ? inputTokensOf(request) : measured.inputTokens,
    outputTokens: outputMissing ? made.output : measured.outputTokens,
    ...(outputMissing && made.reasoning > 0 ? { reasoningTokens: made.reasoning } : {}),
    estimated: true,
  };
}

/** An estimate of what a request costs to read; at least 1. */
export function inputTokensOf(request: Pick<ChatRequest, "messages" | "tools">): number {
  const counter = new TokenCounter();
  let tokens = 0;
  const add = (part: Part): void => {
    if (part.type === "image") tokens += IMAGE_TOKENS;
    else if (part.type === "tool-result") part.content.forEach(add);
    else if (part.type === "tool-call") counter.add(`${part.name}${part.json}`);
    else counter.add(part.text);
  };
  for (const message of request.messages) {
    tokens += MESSAGE_TOKENS;
    message.parts.forEach(add);
  }
  if (request.tools.length > 0) counter.add(JSON.stringify(request.tools));
  return Math.max(1, tokens + counter.tokens);
}
