import type { Capabilities } from "../chat/capabilities.ts";
import type { ChatEvent, ReasoningDelta, TextDelta, UpstreamEvent } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import { cutAtLimit, cutAtStop } from "./stop.ts";
import { UsageMeter } from "./usage.ts";

const NOTHING: readonly ChatEvent[] = [];

type Content = Exclude<UpstreamEvent, { type: "progress" }>;

/**
 * Turns an upstream's events into those that every dialect may rely on: stop sequences and the output limit kept, usage
 * filled in, no progress and no empty events, nothing after the end. Text that arrived together, and thinking, becomes
 * one piece, so that whatever follows handles a network read and not each token in it. It waits for nothing.
 */
export class Supplier {
  readonly #meter: UsageMeter;
  readonly #stage: (event: Content) => void;
  #out: ChatEvent[] = [];
  #ended = false;

  /** @param request as it was sent upstream; an input estimate counts that */
  constructor(request: ChatRequest, capabilities: Capabilities) {
    this.#meter = new UsageMeter(request);
    let stage = (event: Content): void => this.#emit(event);
    if (!capabilities.maxOutputTokens && request.maxOutputTokens !== undefined) {
      stage = cutAtLimit(request.maxOutputTokens, stage);
    }
    if (!capabilities.stop && request.stop.length > 0) stage = cutAtStop(request.stop, stage);
    this.#stage = stage;
  }

  /** What a batch gives, perhaps nothing. When its last event is the end, the rest of the upstream's is not wanted. */
  add(batch: readonly UpstreamEvent[]): readonly ChatEvent[] {
    let kind: (TextDelta | ReasoningDelta)["type"] = "text-delta";
    let text = "";
    for (const event of batch) {
      if (event.type === "progress") continue;
      if (event.type === "text-delta" || event.type === "reasoning-delta") {
        if (event.type !== kind) {
          this.#text(kind, text);
          kind = event.type;
          text = "";
        }
        text += event.text;
        continue;
      }
      if (event.type === "tool-call-delta" && event.json === "") continue;
      this.#text(kind, text);
      text = "";
      this.#stage(event);
      if (this.#ended) break;
    }
    this.#text(kind, text);
    if (this.#out.length === 0) return NOTHING;
    const out = this.#out;
    this.#out = [];
    return out;
  }

  #text(type: (TextDelta | ReasoningDelta)["type"], text: string): void {
    if (text !== "") this.#stage({ type, text });
  }

  #emit(event: Content): void {
    if (this.#ended) return;
    this.#ended = event.type === "end";
    this.#out.push(this.#meter.add(event));
  }
}
