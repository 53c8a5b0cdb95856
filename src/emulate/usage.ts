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
export class UsageMeter {
  readonly #request: ChatRequest;
  readonly #text = new TokenCounter();
  #calls: TokenCounter | undefined;
  #reasoning: TokenCounter | undefined;

  /** @param request as it was sent upstream; an input estimate counts that */
  constructor(request: ChatRequest) {
    this.#request = request;
  }

  /** The event as it came, and the end with its usage. */
  add(event: Content): ChatEvent {
    switch (event.type) {
      case "text-delta":
        this.#text.add(event.text);
        return event;
      case "reasoning-delta":
        (this.#reasoning ??= new TokenCounter()).add(event.text);
        return event;
      case "tool-call-start":
        (this.#calls ??= new TokenCounter()).add(event.name);
        return event;
      case "tool-call-delta":
        (this.#calls ??= new TokenCounter()).add(event.json);
        return event;
      case "end": {
        const answer = this.#text.tokens || estimateTokens(event.text ?? "");
        const reasoning = this.#reasoning?.tokens ?? 0;
        const output = answer + (this.#calls?.tokens ?? 0) + reasoning;
        return { ...event, usage: complete(event.usage, { output, reasoning }, this.#request) };
      }
      default:
        return event;
    }
  }
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
  for (const { parts } of request.messages) {
    tokens += MESSAGE_TOKENS;
    for (const part of parts) tokens += imageTokensOf(part, counter);
  }
  if (request.tools.length > 0) counter.add(JSON.stringify(request.tools));
  return Math.max(1, tokens + counter.tokens);
}

/** Counts the texts of a part into `counter`, and returns what its images cost. */
function imageTokensOf(part: Part, counter: TokenCounter): number {
  if (part.type === "image") return IMAGE_TOKENS;
  if (part.type === "tool-result") {
    return part.content.reduce((tokens, content) => tokens + imageTokensOf(content, counter), 0);
  }
  counter.add(part.type === "tool-call" ? `${part.name}${part.json}` : part.text);
  return 0;
}
