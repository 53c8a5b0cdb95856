/** A run's events as text: cumulative content becomes exact deltas (protocol.md, "Events"). Pure. */
import type { StopReason } from "../../chat/event.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { textIn } from "./fields.ts";

/** One `execution:chunk` as far as it is known. */
export interface Chunk {
  readonly executionId: string | undefined;
  readonly status: string | undefined;
  /** The whole text so far. */
  readonly content: string | undefined;
  readonly finishReason: string | undefined;
  readonly error: unknown;
  /** There is content, and it is no text. */
  readonly strange: boolean;
}

/** A payload in any of its forms: an object, a string that holds one, or the plain text so far. */
export function readChunk(payload: unknown): Chunk {
  const value = objectOf(payload);
  if (!value) {
    const content = typeof payload === "string" ? payload : undefined;
    return {
      executionId: undefined,
      status: undefined,
      content,
      finishReason: undefined,
      error: undefined,
      strange: false,
    };
  }
  const { status, content, finish_reason: finishReason, error } = value;
  return {
    executionId: textIn(value["executionId"] ?? value["execution_id"]),
    status: textIn(status),
    content: typeof content === "string" ? content : undefined,
    finishReason: textIn(finishReason),
    error: error === null || error === false || error === "" ? undefined : error,
    strange: content !== undefined && content !== null && typeof content !== "string",
  };
}

/** The names under which a payload says which run, execution or job it belongs to. */
const RUN_ID = /^(execution|job|run)_?id$/i;

/** The ids by which a payload names its run, execution or job; none when it does not say whose it is. */
export function idsIn(payload: unknown): string[] {
  const value = objectOf(payload) ?? {};
  return Object.entries(value).flatMap(([name, id]) =>
    RUN_ID.test(name) && typeof id === "string" && id !== "" ? [id] : [],
  );
}

function objectOf(payload: unknown): Record<string, unknown> | undefined {
  if (isObject(payload)) return payload;
  if (typeof payload !== "string" || !payload.trimStart().startsWith("{")) return undefined;
  const json = parseJson(payload);
  if (!json.ok || !isObject(json.value)) return undefined;
  // A text that is itself a JSON answer is content, not a chunk.
  const isChunk = ["executionId", "execution_id", "status", "content", "finish_reason", "error"].some(
    (name) => name in (json.value as object),
  );
  return isChunk || namesRun(json.value) ? json.value : undefined;
}

function namesRun(value: Record<string, unknown>): boolean {
  return Object.keys(value).some((name) => RUN_ID.test(name));
}

/** Longer than any answer: whoever sends it has lost count. Characters. */
const LONGEST_ANSWER = 8_388_608;

const REASONS: Readonly<Record<string, StopReason>> = {
  length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  content_filter: "content-filter",
};

/** Why an answer cannot go on; `error` is what the service said, if it said anything. */
export interface AnswerFault {
  readonly kind: "failed" | "changed" | "too-long";
  readonly error?: unknown;
}

/**
 * The answer of one run. It holds the text so far and gives out what is new; chunks that nobody has read yet fold into
 * one, so that a slow reader costs no more than the answer itself.
 */
export class Answer {
  #text = "";
  #taken = 0;
  #revised = false;
  #reason: StopReason = "stop";
  #ended = false;
  #fault: AnswerFault | undefined;
  /** Chunks read so far. */
  chunks = 0;

  /** The whole text so far. */
  get text(): string {
    return this.#text;
  }

  /** The text was changed after a part of it was read: no more deltas can be right. */
  get revised(): boolean {
    return this.#revised;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get reason(): StopReason {
    return this.#reason;
  }

  get fault(): AnswerFault | undefined {
    return this.#fault;
  }

  /** Folds a chunk in. What comes after the end or a fault changes nothing. */
  read({ status, content, finishReason, error, strange }: Chunk): void {
    if (this.#ended || this.#fault) return;
    this.chunks += 1;
    const done = status === "completed" || status === "done";
    if (content !== undefined) this.#grow(done ? content : wellEnded(content));
    if (this.#fault) return;
    if (finishReason !== undefined) this.#reason = REASONS[finishReason] ?? "stop";
    if (error !== undefined) this.#fault = { kind: "failed", error };
    else if (strange && this.#text === "") this.#fault = { kind: "changed" };
    else if (done) this.#ended = true;
    else if (status !== undefined && status !== "in_progress") this.#fault = { kind: "failed", error: status };
  }

  /** The run is over, whatever its last chunk said. */
  finish(): void {
    if (!this.#fault) this.#ended = true;
  }

  /** What is new since the last call; "" when nothing is. A surrogate pair is never given in halves. */
  take(): string {
    if (this.#revised) return "";
    let end = this.#text.length;
    const last = this.#text.charCodeAt(end - 1);
    if (!this.#ended && last >= 0xd800 && last <= 0xdbff) end -= 1;
    if (end <= this.#taken) return "";
    const fresh = this.#text.slice(this.#taken, end);
    this.#taken = end;
    return fresh;
  }

  #grow(content: string): void {
    if (content.length > LONGEST_ANSWER) this.#fault = { kind: "too-long" };
    else if (content.startsWith(this.#text)) this.#text = content;
    else if (!this.#text.startsWith(content)) {
      this.#text = content;
      this.#revised = true;
    }
  }
}

/** A text cut inside a character by whoever wrote it ends in replacement characters; the next chunk has the whole one. */
function wellEnded(content: string): string {
  return content.endsWith("\uFFFD") ? content.replace(/\uFFFD{1,3}$/, "") : content;
}
