/** One answer, frame by frame (protocol.md, "Frames" and "The end"). */
import { GatewayError } from "../../chat/error.ts";
import type { Citation, StopReason, UpstreamEvent, Usage } from "../../chat/event.ts";
import type { AnswerState } from "../../lib/answer-stream.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { countOf, textOf } from "../service-fields.ts";
import { errorRefusal, type Asked } from "../service-refusal.ts";
import type { ServiceAnswer } from "../service.ts";
import { failureOf } from "./failure.ts";
import { ToolCalls } from "./tool-calls.ts";

type Json = Readonly<Record<string, unknown>>;

const REASONS: Readonly<Record<string, StopReason>> = {
  length: "length",
  max_tokens: "length",
  model_length: "length",
  tool_calls: "tool-calls",
  tool_use: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  sensitive: "content-filter",
  stop_sequence: "stop-sequence",
  refusal: "refusal",
};
/** Reasons that tell of a turn which the service gave up. */
const BROKEN = /^(error|abort|aborted|cancelled|network_error|insufficient_system_resource)$/;

/** The state of one answer. `read` turns the data of frames into events; `end` gives the closing ones. */
export class Answer implements ServiceAnswer {
  /** After "finished" usage or `[DONE]` may still follow. */
  state: AnswerState = "open";
  readonly #asked: Asked;
  readonly #now: () => number;
  readonly #calls = new ToolCalls();
  #reason: StopReason = "stop";
  #refused = false;
  #usage: Usage | undefined;

  /** @param now epoch ms */
  constructor(asked: Asked, now: () => number) {
    this.#asked = asked;
    this.#now = now;
  }

  /** Reads one event's data. @throws GatewayError of the error it carries; upstream-changed when it is no JSON */
  read(data: string, out: UpstreamEvent[]): void {
    if (data.trim() === "[DONE]") {
      this.state = "last";
      return;
    }
    const parsed = parseJson(data);
    if (!parsed.ok) {
      const text = `${this.#asked.name} sent an event whose \`data\` is not JSON.`;
      throw new GatewayError("upstream-changed", text, { field: "data", cause: parsed.reason });
    }
    if (isObject(parsed.value)) this.readWhole(parsed.value, out);
  }

  /** Reads a whole `chat.completion`, or a chunk of one: they differ in one name. */
  readWhole(frame: Json, out: UpstreamEvent[]): void {
    if (frame["error"]) throw failureOf(errorRefusal(frame["error"], this.#now()), this.#asked);
    const choices = Array.isArray(frame["choices"]) ? (frame["choices"] as unknown[]) : [];
    for (const choice of choices) {
      if (!isObject(choice) || (typeof choice["index"] === "number" && choice["index"] !== 0)) continue;
      const said = choice["delta"] ?? choice["message"];
      if (isObject(said)) this.#readSaid(said, out);
      if (isObject(choice["error"])) throw failureOf(errorRefusal(choice["error"], this.#now()), this.#asked);
      this.#readFinish(choice["finish_reason"]);
      this.#readUsage(choice["usage"]);
    }
    this.#readUsage(frame["usage"]);
  }

  /**
   * The closing events, once the stream has ended or need not be read on.
   * @throws GatewayError upstream-broken when the answer is not whole
   */
  end(out: UpstreamEvent[]): void {
    if (this.state === "open") {
      throw new GatewayError("upstream-broken", `${this.#asked.name}'s answer ended before it was complete.`);
    }
    const cut = this.#reason === "length" || this.#reason === "content-filter";
    this.#calls.end(cut, out);
    out.push({ type: "end", reason: this.#endReason(), usage: this.#usage });
  }

  /** Agents go on only after "tool-calls", and some services say "stop" there, or say it of an answer without calls. */
  #endReason(): StopReason {
    if (this.#refused && this.#reason === "stop") return "refusal";
    if (this.#reason === "stop" && this.#calls.count > 0) return "tool-calls";
    return this.#reason === "tool-calls" && this.#calls.count === 0 ? "stop" : this.#reason;
  }

  #readSaid(said: Json, out: UpstreamEvent[]): void {
    // Some services send their thinking under two names at once.
    const thinking = textOf(said["reasoning_content"]) || textOf(said["reasoning"]);
    if (thinking !== "") out.push({ type: "reasoning-delta", text: thinking });
    const { content } = said;
    if (Array.isArray(content)) for (const part of content as unknown[]) readPart(part, out);
    else if (textOf(content) !== "") out.push({ type: "text-delta", text: textOf(content) });
    const refusal = textOf(said["refusal"]);
    if (refusal !== "") {
      this.#refused = true;
      out.push({ type: "text-delta", text: refusal });
    }
    if (Array.isArray(said["tool_calls"])) {
      for (const entry of said["tool_calls"] as unknown[]) this.#calls.read(entry, out);
    }
    if (isObject(said["function_call"])) this.#calls.read({ index: 0, function: said["function_call"] }, out);
    const citations = citationsOf(said["annotations"]);
    if (citations.length > 0) out.push({ type: "citations", citations });
  }

  #readFinish(finish: unknown): void {
    if (typeof finish !== "string" || finish === "") return;
    if (BROKEN.test(finish)) {
      throw new GatewayError("upstream-broken", `${this.#asked.name} gave the answer up (${finish}).`);
    }
    this.#reason = REASONS[finish] ?? "stop";
    if (this.state === "open") this.state = "finished";
  }

  #readUsage(value: unknown): void {
    if (!isObject(value)) return;
    const inputTokens = countOf(value["prompt_tokens"] ?? value["input_tokens"]);
    const outputTokens = countOf(value["completion_tokens"] ?? value["output_tokens"]);
    if (!inputTokens && !outputTokens) return;
    const input = isObject(value["prompt_tokens_details"]) ? value["prompt_tokens_details"] : {};
    const output = isObject(value["completion_tokens_details"]) ? value["completion_tokens_details"] : {};
    const cacheRead = countOf(input["cached_tokens"] ?? value["prompt_cache_hit_tokens"] ?? value["cached_tokens"]);
    const cacheWrite = countOf(input["cache_write_tokens"] ?? input["cache_creation_tokens"]);
    const reasoning = countOf(output["reasoning_tokens"]);
    this.#usage = {
      inputTokens: inputTokens ?? 0,
      outputTokens: outputTokens ?? 0,
      ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
      ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
      ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
      estimated: false,
    };
  }
}

/** Content as a list: text, and thinking as Mistral sends it. */
function readPart(part: unknown, out: UpstreamEvent[]): void {
  if (!isObject(part)) return;
  if (Array.isArray(part["thinking"])) {
    for (const piece of part["thinking"] as unknown[]) {
      const text = isObject(piece) ? textOf(piece["text"]) : "";
      if (text !== "") out.push({ type: "reasoning-delta", text });
    }
  } else if (textOf(part["text"]) !== "") out.push({ type: "text-delta", text: textOf(part["text"]) });
}

function citationsOf(annotations: unknown): Citation[] {
  if (!Array.isArray(annotations)) return [];
  return annotations.flatMap((annotation): Citation[] => {
    const cited: unknown = isObject(annotation) ? annotation["url_citation"] : undefined;
    if (!isObject(cited) || typeof cited["url"] !== "string") return [];
    return [{ title: textOf(cited["title"]) || cited["url"], url: cited["url"] }];
  });
}
