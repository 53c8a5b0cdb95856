import type { Capabilities } from "../chat/capabilities.ts";
import type { ChatEvent, UpstreamEvent } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import { cutAtLimit, cutAtStop } from "./stop.ts";
import { fillUsage } from "./usage.ts";

/**
 * Turns an upstream's events into those that every dialect may rely on: stop sequences and the output limit kept, usage
 * filled in, no progress and no empty events, nothing after the end. It waits for nothing, so that a batch costs one call
 * however many stages it passes.
 */
export class Supplier {
  readonly #stage: (event: Exclude<UpstreamEvent, { type: "progress" }>) => void;
  #out: ChatEvent[] = [];
  #ended = false;

  /** @param request as it was sent upstream; an input estimate counts that */
  constructor(request: ChatRequest, capabilities: Capabilities) {
    let stage = fillUsage(request, (event) => {
      if (this.#ended) return;
      this.#out.push(event);
      this.#ended = event.type === "end";
    });
    if (!capabilities.maxOutputTokens && request.maxOutputTokens !== undefined) {
      stage = cutAtLimit(request.maxOutputTokens, stage);
    }
    if (!capabilities.stop && request.stop.length > 0) stage = cutAtStop(request.stop, stage);
    this.#stage = stage;
  }

  /** What a batch gives, perhaps nothing. When its last event is the end, the rest of the upstream's is not wanted. */
  add(batch: readonly UpstreamEvent[]): readonly ChatEvent[] {
    for (const event of batch) {
      if (event.type === "progress") continue;
      if ((event.type === "text-delta" || event.type === "reasoning-delta") && event.text === "") continue;
      if (event.type === "tool-call-delta" && event.json === "") continue;
      this.#stage(event);
      if (this.#ended) break;
    }
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }
}
