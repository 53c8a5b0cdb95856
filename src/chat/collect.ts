import type { ChatEvent, ChatReader, ChatStream, Citation, End, StopReason, Usage } from "./event.ts";
import type { ReasoningPart, TextPart, ToolCallPart } from "./request.ts";

/** A whole answer, for a client that did not ask to stream. */
export interface ChatResult {
  /** In the order of the answer; neighbours of one kind are joined. */
  readonly parts: readonly (TextPart | ReasoningPart | ToolCallPart)[];
  readonly citations: readonly Citation[];
  readonly reason: StopReason;
  readonly stopSequence?: string;
  readonly usage: Usage;
}

type Draft =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string; signature?: string; redacted?: string; closed?: boolean }
  | { type: "tool-call"; id: string; name: string; json: string };

/**
 * Folds an event stream into one result. Where the upstream gave its own whole text, that replaces the streamed pieces.
 * @throws what the stream fails with
 */
export function collect(stream: ChatStream): Promise<ChatResult> {
  return new Promise((resolve, reject) => stream.read(new Collector(stream, resolve, reject)));
}

class Collector implements ChatReader {
  readonly #stream: ChatStream;
  readonly #resolve: (result: ChatResult) => void;
  readonly failed: (failure: unknown) => void;
  readonly #drafts: Draft[] = [];
  readonly #citations: Citation[] = [];

  constructor(stream: ChatStream, resolve: (result: ChatResult) => void, reject: (failure: unknown) => void) {
    this.#stream = stream;
    this.#resolve = resolve;
    this.failed = reject;
  }

  came(batch: readonly ChatEvent[]): void {
    for (const event of batch) {
      if (event.type === "end") return this.#resolve(this.#resultOf(event));
      this.#add(event);
    }
    this.#stream.read(this);
  }

  #add(event: Exclude<ChatEvent, End>): void {
    const drafts = this.#drafts;
    const last = drafts.at(-1);
    switch (event.type) {
      case "text-delta":
        if (last?.type === "text") last.text += event.text;
        else drafts.push({ type: "text", text: event.text });
        break;
      case "reasoning-delta":
        if (last?.type === "reasoning" && !last.closed) last.text += event.text;
        else drafts.push({ type: "reasoning", text: event.text });
        break;
      case "reasoning-signature": {
        const open = last?.type === "reasoning" && !last.closed ? last : undefined;
        const target: Draft & { type: "reasoning" } = open ?? { type: "reasoning", text: "" };
        if (event.signature !== undefined) target.signature = event.signature;
        if (event.redacted !== undefined) target.redacted = event.redacted;
        target.closed = true;
        if (!open) drafts.push(target);
        break;
      }
      case "tool-call-start":
        drafts.push({ type: "tool-call", id: event.id, name: event.name, json: "" });
        break;
      case "tool-call-delta": {
        const call = drafts.findLast((draft) => draft.type === "tool-call" && draft.id === event.id);
        if (call?.type === "tool-call") call.json += event.json;
        break;
      }
      case "tool-call-end":
        break;
      case "citations":
        this.#citations.push(...event.citations);
        break;
    }
  }

  #resultOf({ reason, stopSequence, text, usage }: End): ChatResult {
    const parts = withWholeText(this.#drafts, text).map(toPart);
    const citations = this.#citations;
    return { parts, citations, reason, ...(stopSequence === undefined ? {} : { stopSequence }), usage };
  }
}

function withWholeText(drafts: Draft[], text: string | undefined): Draft[] {
  if (!text) return drafts;
  const first = drafts.findIndex((draft) => draft.type === "text");
  const rest: Draft[] = drafts.filter((draft) => draft.type !== "text");
  rest.splice(first < 0 ? rest.length : first, 0, { type: "text", text });
  return rest;
}

function toPart(draft: Draft): TextPart | ReasoningPart | ToolCallPart {
  if (draft.type === "reasoning") {
    const { closed: _closed, ...part } = draft;
    return part;
  }
  if (draft.type === "tool-call") return { ...draft, json: draft.json || "{}" };
  return draft;
}
