import type { UpstreamEvent } from "../chat/event.ts";
import { TokenCounter } from "./estimate.ts";

type Content = Exclude<UpstreamEvent, { type: "progress" }>;
type Emit = (event: Content) => void;

/**
 * Ends the answer where a stop sequence begins. Only text is searched, not thinking or arguments. What may still
 * become a stop sequence is held back, and no more than that. However the text is cut into pieces, the answer is the
 * same: of several sequences the one that is whole first counts.
 */
export function cutAtStop(sequences: readonly string[], emit: Emit): Emit {
  let held = "";
  const emitText = (text: string): void => {
    if (text !== "") emit({ type: "text-delta", text });
  };
  return (event) => {
    if (event.type === "text-delta") {
      const text = held + event.text;
      const met = firstMet(text, sequences);
      const until = met ? met.at : beginOfPartial(text, sequences);
      held = met ? "" : text.slice(until);
      emitText(text.slice(0, until));
      if (met) emit({ type: "end", reason: "stop-sequence", stopSequence: met.sequence, usage: undefined });
      return;
    }
    if (event.type !== "citations") {
      const rest = held;
      held = "";
      emitText(rest);
    }
    const met = event.type === "end" && event.text ? firstMet(event.text, sequences) : undefined;
    if (event.type === "end" && met) {
      const text = event.text?.slice(0, met.at) ?? "";
      return emit({ ...event, text, reason: "stop-sequence", stopSequence: met.sequence });
    }
    emit(event);
  };
}

/** A short word is one token to a service, and up to two by the estimate: no limit leaves an answer empty. */
const LEAST_TOKENS = 2;

/** Ends the answer with reason "length" when its estimate reaches `wantedTokens`; thinking and arguments count too. */
export function cutAtLimit(wantedTokens: number, emit: Emit): Emit {
  const maxTokens = Math.max(wantedTokens, LEAST_TOKENS);
  const counter = new TokenCounter();
  const end = (): void => emit({ type: "end", reason: "length", usage: undefined });
  return (event) => {
    if (event.type === "text-delta" || event.type === "reasoning-delta") {
      const fits = counter.add(event.text, maxTokens);
      if (fits === event.text.length) return emit(event);
      if (fits > 0) emit({ type: event.type, text: event.text.slice(0, fits) });
      return end();
    }
    if (event.type === "tool-call-delta") {
      const fits = counter.add(event.json, maxTokens);
      if (fits === event.json.length) return emit(event);
      if (fits > 0) emit({ type: event.type, id: event.id, json: event.json.slice(0, fits) });
      return end();
    }
    if (event.type === "end" && event.text) {
      const fits = new TokenCounter().add(event.text, maxTokens);
      if (fits < event.text.length) return emit({ ...event, text: event.text.slice(0, fits), reason: "length" });
    }
    emit(event);
  };
}

/** The sequence that ends first in the text; of two that end together, the one that begins first. */
function firstMet(text: string, sequences: readonly string[]): { at: number; sequence: string } | undefined {
  let met: { at: number; sequence: string } | undefined;
  for (const sequence of sequences) {
    const at = text.indexOf(sequence);
    if (at < 0) continue;
    const sooner = met === undefined ? -1 : at + sequence.length - (met.at + met.sequence.length);
    if (met === undefined || sooner < 0 || (sooner === 0 && at < met.at)) met = { at, sequence };
  }
  return met;
}

/** Where the longest end of the text begins that is the beginning of a sequence; the text's length if there is none. */
function beginOfPartial(text: string, sequences: readonly string[]): number {
  let begin = text.length;
  for (const sequence of sequences) {
    const first = sequence.charAt(0);
    let at = text.indexOf(first, Math.max(0, text.length - sequence.length + 1));
    while (at >= 0 && at < begin) {
      if (sequence.startsWith(text.slice(at))) begin = at;
      else at = text.indexOf(first, at + 1);
    }
  }
  return begin;
}
