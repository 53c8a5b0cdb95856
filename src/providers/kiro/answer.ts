import type { StopReason, UpstreamEvent, Usage } from "../../chat/event.ts";
import type { EventFrame } from "../../lib/event-stream.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { KiroRefusal, refusalOf, statusOfException } from "./refusal.ts";
import { ThinkingSplitter, type Piece } from "./thinking-splitter.ts";
import { tokenWeight } from "./tokens.ts";

export interface AnswerOptions {
  /** Thinking comes between tags in the text. */
  readonly tagged: boolean;
  /** The service's tool names, in lower case, to the client's. */
  readonly names: ReadonlyMap<string, string>;
  readonly contextTokens: number;
  /** Epoch ms. */
  now(): number;
}

interface OpenCall {
  readonly name: string;
  json: string;
}

type Fields = Record<string, unknown>;

/** Folds the messages of one answer into events; protocol.md, "Answer stream". */
export class Answer {
  readonly #options: AnswerOptions;
  readonly #splitter: ThinkingSplitter | undefined;
  readonly #open = new Map<string, OpenCall>();
  readonly #ids = new Set<string>();
  #tail = false;
  #cut = false;
  #filtered = false;
  #percentage: number | undefined;
  #measured: Usage | undefined;
  /** Estimated tokens given out so far. */
  #weight = 0;
  #gave = false;

  constructor(options: AnswerOptions) {
    this.#options = options;
    this.#splitter = options.tagged ? new ThinkingSplitter() : undefined;
  }

  /** The answer holds something, even a call that was cut, or says why it holds nothing. */
  get hasContent(): boolean {
    return this.#gave || this.#cut || this.#open.size > 0 || this.#filtered || this.#isFull;
  }

  /** @throws KiroRefusal for an exception or an error in place of an event, and for an event that is no JSON object */
  take(frame: EventFrame): UpstreamEvent[] {
    const type = frame.headers[":message-type"];
    if (type === "exception" || type === "error") throw this.#failure(frame);
    const fields = this.#fieldsOf(frame);
    switch (frame.headers[":event-type"]) {
      case "assistantResponseEvent":
      case "codeEvent":
        return this.#text(stringOf(fields["content"]));
      case "reasoningContentEvent":
        return this.#reasoning(fields);
      case "toolUseEvent":
        return this.#toolUse(fields);
      case "metadataEvent":
        this.#metadata(fields);
        return [];
      case "contextUsageEvent":
        this.#tail = true;
        this.#percentage = numberOf(fields["contextUsagePercentage"]) ?? this.#percentage;
        return [];
      case "meteringEvent":
        this.#tail = true;
        return [];
      case "invalidStateEvent":
        throw this.#refuse(500, "", stringOf(fields["message"]), stringOf(fields["reason"]));
      default:
        return [];
    }
  }

  /** The last events, once the body ended properly. */
  finish(): UpstreamEvent[] {
    const events = this.#eventsOf(this.#splitter?.flush() ?? []);
    const usage = this.#usage();
    return [...events, { type: "end", reason: this.#reason(), usage }];
  }

  #text(text: string): UpstreamEvent[] {
    if (text === "") return [];
    return this.#eventsOf(this.#splitter ? this.#splitter.push(text) : [{ kind: "text", text }]);
  }

  #eventsOf(pieces: readonly Piece[]): UpstreamEvent[] {
    return pieces.map(({ kind, text }): UpstreamEvent => {
      this.#gave = true;
      this.#weight += tokenWeight(text);
      return kind === "text" ? { type: "text-delta", text } : { type: "reasoning-delta", text };
    });
  }

  #reasoning(fields: Fields): UpstreamEvent[] {
    const text = stringOf(fields["text"]);
    const signature = stringOf(fields["signature"]);
    const redacted = stringOf(fields["redactedContent"]);
    const events = text === "" ? [] : this.#eventsOf([{ kind: "thinking", text }]);
    if (signature !== "") events.push({ type: "reasoning-signature", signature });
    if (redacted !== "") events.push({ type: "reasoning-signature", redacted });
    if (events.length > 0) this.#gave = true;
    return events;
  }

  /** Pieces are held until the call is whole, so that a client never gets half of one. */
  #toolUse(fields: Fields): UpstreamEvent[] {
    const id = stringOf(fields["toolUseId"]);
    const name = stringOf(fields["name"]);
    const events = this.#eventsOf(this.#splitter?.flush() ?? []);
    const call = this.#open.get(id) ?? { name, json: "" };
    const { input } = fields;
    if (typeof input === "string") call.json += input;
    else if (isObject(input) && Object.keys(input).length > 0) call.json = JSON.stringify(input);
    this.#open.set(id, call);
    if (fields["stop"] !== true) return [...events, { type: "progress" }];
    this.#open.delete(id);
    const json = call.json.trim() === "" ? "{}" : call.json;
    const parsed = parseJson(json);
    if (!parsed.ok || !isObject(parsed.value)) {
      this.#cut = true;
      return events;
    }
    this.#gave = true;
    this.#weight += tokenWeight(json) + tokenWeight(call.name);
    const given = this.#freshId(id);
    const original = this.#options.names.get(call.name.toLowerCase()) ?? call.name;
    return [
      ...events,
      { type: "tool-call-start", id: given, name: original },
      { type: "tool-call-delta", id: given, json },
      { type: "tool-call-end", id: given },
    ];
  }

  #freshId(id: string): string {
    let fresh = id;
    for (let copy = 2; this.#ids.has(fresh) || fresh === ""; copy++) fresh = `${id || "tooluse"}_${copy}`;
    this.#ids.add(fresh);
    return fresh;
  }

  #metadata(fields: Fields): void {
    this.#tail = true;
    if (fields["stopReason"] === "CONTENT_FILTERED") this.#filtered = true;
    const counts = fields["tokenUsage"];
    if (!isObject(counts)) return;
    this.#percentage = numberOf(counts["contextUsagePercentage"]) ?? this.#percentage;
    const uncached = numberOf(counts["uncachedInputTokens"]);
    const outputTokens = numberOf(counts["outputTokens"]);
    if (uncached === undefined || outputTokens === undefined) return;
    const read = numberOf(counts["cacheReadInputTokens"]);
    const written = numberOf(counts["cacheWriteInputTokens"]);
    this.#measured = {
      inputTokens: uncached + (read ?? 0) + (written ?? 0),
      outputTokens,
      ...(read === undefined ? {} : { cacheReadTokens: read }),
      ...(written === undefined ? {} : { cacheWriteTokens: written }),
      estimated: false,
    };
  }

  /** The upstream's own stop reason says END_TURN beside tool calls: it is read off the answer instead. */
  #reason(): StopReason {
    if (this.#open.size > 0 || this.#cut || !this.#tail) return "length";
    if (this.#ids.size > 0) return "tool-calls";
    if (this.#filtered) return "content-filter";
    return this.#isFull ? "length" : "stop";
  }

  get #isFull(): boolean {
    return (this.#percentage ?? 0) >= 100;
  }

  /** The percentage is taken after the answer and counts it too. */
  #usage(): Usage | undefined {
    if (this.#measured) return this.#measured;
    if (this.#percentage === undefined) return undefined;
    const total = Math.round((Math.min(this.#percentage, 100) / 100) * this.#options.contextTokens);
    const outputTokens = Math.ceil(this.#weight);
    return { inputTokens: Math.max(total - outputTokens, 0), outputTokens, estimated: true };
  }

  #failure({ headers, payload }: EventFrame): KiroRefusal {
    const parsed = parseJson(new TextDecoder().decode(payload));
    const fields = parsed.ok && isObject(parsed.value) ? parsed.value : {};
    const type = headers[":exception-type"] ?? headers[":error-code"] ?? "";
    const message = stringOf(fields["message"]) || (headers[":error-message"] ?? "");
    return this.#refuse(statusOfException(type), type, message, stringOf(fields["reason"]));
  }

  #refuse(status: number, type: string, message: string, reason: string): KiroRefusal {
    return new KiroRefusal(refusalOf({ status, type, message, reason, html: false }, this.#options.now()));
  }

  #fieldsOf({ headers, payload }: EventFrame): Fields {
    const name = headers[":event-type"] ?? "";
    if (!KNOWN.has(name)) return {};
    const parsed = parseJson(new TextDecoder().decode(payload));
    if (parsed.ok && isObject(parsed.value)) return parsed.value;
    const message = `An event of Kiro's answer (${name}) is no JSON object.`;
    throw new KiroRefusal({ kind: "upstream-broken", message, remedies: ["retry"] });
  }
}

/** The events whose payload is read; all others may be anything. */
const KNOWN = new Set([
  "assistantResponseEvent",
  "codeEvent",
  "reasoningContentEvent",
  "toolUseEvent",
  "metadataEvent",
  "contextUsageEvent",
  "meteringEvent",
  "invalidStateEvent",
]);

const stringOf = (value: unknown): string => (typeof value === "string" ? value : "");

const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
