/** One answer, event by event (protocol.md, "Events" and "The end"). */
import { GatewayError } from "../../chat/error.ts";
import type { StopReason, UpstreamEvent, Usage } from "../../chat/event.ts";
import type { AnswerState } from "../../lib/answer-stream.ts";
import { newId } from "../../lib/id.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { countOf, textOf } from "../service-fields.ts";
import { errorRefusal, type Asked } from "../service-refusal.ts";
import type { ServiceAnswer } from "../service.ts";
import { failureOf } from "./failure.ts";

type Json = Readonly<Record<string, unknown>>;

/** A content block under way. */
interface Block {
  readonly type: string;
  /** Of a tool_use. */
  readonly id: string;
  json: string;
  /** Arguments that came whole with the block's start, used when no pieces follow. */
  readonly input: string;
  signature: string;
}

const REASONS: Readonly<Record<string, StopReason>> = {
  max_tokens: "length",
  model_context_window_exceeded: "length",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  refusal: "refusal",
};

/** The state of one answer. `read` turns the data of events into neutral events; `end` gives the closing ones. */
export class Answer implements ServiceAnswer {
  /** After "finished" only `message_stop` is missing. */
  state: AnswerState = "open";
  readonly #asked: Asked;
  readonly #now: () => number;
  readonly #open = new Map<number, Block>();
  #calls = 0;
  #reason: StopReason = "stop";
  #stopSequence: string | undefined;
  /** A call's arguments are not whole: right only for an answer that met its limit. */
  #cut = false;
  #counts: Record<"input" | "output" | "cacheRead" | "cacheWrite", number | undefined> = {
    input: undefined,
    output: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  };

  /** @param now epoch ms */
  constructor(asked: Asked, now: () => number) {
    this.#asked = asked;
    this.#now = now;
  }

  /** Reads one event's data. @throws GatewayError of the error it carries; upstream-changed when it is no JSON */
  read(data: string, out: UpstreamEvent[]): void {
    if (data.trim() === "[DONE]") {
      if (this.state !== "open") this.state = "last";
      return;
    }
    const parsed = parseJson(data);
    if (!parsed.ok) {
      const text = `${this.#asked.name} sent an event whose \`data\` is not JSON.`;
      throw new GatewayError("upstream-changed", text, { field: "data", cause: parsed.reason });
    }
    if (isObject(parsed.value)) this.#readEvent(parsed.value, out);
  }

  readWhole(message: Json, out: UpstreamEvent[]): void {
    const content = Array.isArray(message["content"]) ? (message["content"] as unknown[]) : [];
    for (const [index, block] of content.entries()) {
      if (!isObject(block)) continue;
      this.#begin(index, block, out);
      this.#stop(index, out);
    }
    this.#count(message["usage"]);
    this.#finish(message);
  }

  /**
   * The closing events, once the stream has ended or need not be read on.
   * @throws GatewayError upstream-broken when the answer is not whole
   */
  end(out: UpstreamEvent[]): void {
    if (this.state === "open") {
      throw new GatewayError("upstream-broken", `${this.#asked.name}'s answer ended before it was complete.`);
    }
    for (const index of [...this.#open.keys()]) this.#stop(index, out);
    if (this.#cut && this.#reason !== "length") {
      const text = `${this.#asked.name} cut a tool call short: its arguments are no JSON object.`;
      throw new GatewayError("upstream-broken", text);
    }
    const reason = this.#reason === "stop" && this.#calls > 0 ? "tool-calls" : this.#reason;
    const stopSequence = this.#stopSequence;
    out.push({ type: "end", reason, usage: this.#usage(), ...(stopSequence === undefined ? {} : { stopSequence }) });
  }

  #readEvent(event: Json, out: UpstreamEvent[]): void {
    const index = typeof event["index"] === "number" ? event["index"] : 0;
    switch (event["type"]) {
      case "message_start":
        if (isObject(event["message"])) this.#count(event["message"]["usage"]);
        return;
      case "content_block_start":
        // A service that never closes its blocks, or numbers them all alike.
        if (this.#open.has(index)) this.#stop(index, out);
        if (isObject(event["content_block"])) this.#begin(index, event["content_block"], out);
        return;
      case "content_block_delta":
        if (isObject(event["delta"])) this.#delta(index, event["delta"], out);
        return;
      case "content_block_stop":
        return this.#stop(index, out);
      case "message_delta":
        this.#count(event["usage"]);
        if (isObject(event["delta"])) this.#finish(event["delta"]);
        return;
      case "message_stop":
        this.state = "last";
        return;
      case "ping":
        out.push({ type: "progress" });
        return;
      default: {
        const error = event["error"] ?? (event["type"] === "error" ? event : undefined);
        if (error) throw failureOf(errorRefusal(error, this.#now()), this.#asked);
      }
    }
  }

  #begin(index: number, start: Json, out: UpstreamEvent[]): void {
    const type = textOf(start["type"]);
    const input = isObject(start["input"]) && Object.keys(start["input"]).length > 0 ? start["input"] : undefined;
    const block: Block = {
      type,
      id: textOf(start["id"]) || newId("toolu"),
      json: "",
      input: input ? JSON.stringify(input) : "",
      signature: textOf(start["signature"]),
    };
    this.#open.set(index, block);
    if (type === "text") pushText(out, textOf(start["text"]));
    else if (type === "thinking") pushThinking(out, textOf(start["thinking"]));
    else if (type === "redacted_thinking") {
      const redacted = textOf(start["data"]);
      if (redacted !== "") out.push({ type: "reasoning-signature", redacted });
    } else if (type === "tool_use") {
      this.#calls++;
      out.push({ type: "tool-call-start", id: block.id, name: textOf(start["name"]) });
    }
  }

  #delta(index: number, delta: Json, out: UpstreamEvent[]): void {
    const block = this.#open.get(index);
    switch (delta["type"]) {
      case "text_delta":
        return pushText(out, textOf(delta["text"]));
      case "thinking_delta":
        return pushThinking(out, textOf(delta["thinking"]));
      case "signature_delta":
        if (block) block.signature += textOf(delta["signature"]);
        return;
      case "input_json_delta": {
        const json = textOf(delta["partial_json"]);
        if (block?.type !== "tool_use" || json === "") return;
        block.json += json;
        out.push({ type: "tool-call-delta", id: block.id, json });
        return;
      }
      case "citations_delta": {
        const cited = delta["citation"];
        if (!isObject(cited) || typeof cited["url"] !== "string") return;
        const snippet = textOf(cited["cited_text"]);
        const title = textOf(cited["title"]) || cited["url"];
        out.push({ type: "citations", citations: [{ title, url: cited["url"], ...(snippet ? { snippet } : {}) }] });
      }
    }
  }

  #stop(index: number, out: UpstreamEvent[]): void {
    const block = this.#open.get(index);
    if (!block) return;
    this.#open.delete(index);
    if (block.type === "thinking" && block.signature !== "") {
      out.push({ type: "reasoning-signature", signature: block.signature });
    }
    if (block.type !== "tool_use") return;
    if (block.json === "" && block.input !== "") {
      block.json = block.input;
      out.push({ type: "tool-call-delta", id: block.id, json: block.json });
    }
    const parsed = parseJson(block.json || "{}");
    if (parsed.ok && isObject(parsed.value)) out.push({ type: "tool-call-end", id: block.id });
    else this.#cut = true;
  }

  #finish(delta: Json): void {
    const reason = textOf(delta["stop_reason"]);
    if (reason === "") return;
    this.#reason = REASONS[reason] ?? "stop";
    const stopSequence = textOf(delta["stop_sequence"]);
    if (stopSequence !== "") this.#stopSequence = stopSequence;
    if (this.state === "open") this.state = "finished";
  }

  /** Later totals win; a zero never replaces a count. */
  #count(usage: unknown): void {
    if (!isObject(usage)) return;
    const counts = this.#counts;
    counts.input = countOf(usage["input_tokens"]) || counts.input;
    counts.output = countOf(usage["output_tokens"]) || counts.output;
    counts.cacheRead = countOf(usage["cache_read_input_tokens"]) ?? counts.cacheRead;
    counts.cacheWrite = countOf(usage["cache_creation_input_tokens"]) ?? counts.cacheWrite;
  }

  #usage(): Usage | undefined {
    const { input, output, cacheRead, cacheWrite } = this.#counts;
    const inputTokens = (input ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0);
    if (inputTokens === 0 && output === undefined) return undefined;
    return {
      inputTokens,
      outputTokens: output ?? 0,
      ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
      ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
      estimated: false,
    };
  }
}

function pushText(out: UpstreamEvent[], text: string): void {
  if (text !== "") out.push({ type: "text-delta", text });
}

function pushThinking(out: UpstreamEvent[], text: string): void {
  if (text !== "") out.push({ type: "reasoning-delta", text });
}
