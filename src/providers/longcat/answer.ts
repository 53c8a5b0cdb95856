/** One answer, from its bytes to events: both formats, chosen per frame (protocol.md, "Frames", "The answer", "The end"). */
import { GatewayError } from "../../chat/error.ts";
import type { StopReason, UpstreamEvent, Usage } from "../../chat/event.ts";
import { dataFormOf, type DataForm } from "../../lib/data-form.ts";
import { EventReader } from "../../lib/sse.ts";
import { failureOf } from "./failure.ts";
import type { Mode } from "./models.ts";
import { SaidText, TextTrack } from "./text-track.ts";
import { asNumber, asObject, asText, citationsOf, frameOf, usageOf } from "./wire.ts";

/** A frame as it came: any key may be missing or null. */
type Frame = Readonly<Record<string, unknown>>;

/** "open": more must come. "finished": whole, but `lastOne` may still follow. "last": nothing follows. */
export type Progress = "open" | "finished" | "last";

/** In a thinking turn, answer text is held back to this length: until then it may turn out to be thinking. */
const PREAMBLE_CHARS = 256;
/** And so long, ms: whoever speaks slowly is not kept from speaking. */
const PREAMBLE_MS = 2000;

const PROGRESS: UpstreamEvent = { type: "progress" };

/**
 * The state of one answer. `read` turns bytes into events; `end` gives the closing event.
 *
 * With thinking on and search off, text may come before the answer and turn out to be thinking when more thinking
 * follows it. So the first PREAMBLE_CHARS of each group of text, or what comes in its first PREAMBLE_MS, is held back
 * there: a thinking event or another group makes it reasoning, more text of the same group or the end makes it answer.
 * Without thinking, or with search, nothing is held back.
 */
export class Answer {
  progress: Progress = "open";
  readonly #mayHavePreambles: boolean;
  #reasoning = new TextTrack();
  #content = new TextTrack();
  #segment: "reasoning" | "content" | undefined;
  /** Answer text of this group that may still be a preamble. */
  #held = "";
  /** Monotonic ms at which it began to be held. */
  #heldSince = 0;
  #groupReleased = false;
  /** All text that was handed out as answer. */
  readonly #sent = new SaidText();
  #said = false;
  #groups = 0;
  #final = "";
  #sensitive = false;
  #usage: Usage | undefined;
  #urls: Set<string> | undefined;
  readonly #events: EventReader;
  /** The form of the last frame of answer text: most of the others have it too, and are not parsed. */
  #form: DataForm | undefined;

  readonly #now: () => number;

  /**
   * @param maxEventChars the cap of one event
   * @param now monotonic ms
   */
  constructor(mode: Mode, maxEventChars: number, now: () => number) {
    this.#now = now;
    this.#events = new EventReader({ maxEventChars });
    this.#mayHavePreambles = mode.reason && !mode.search;
  }

  /**
   * Reads the next bytes up to the last frame. What they give is appended to `out`, progress if that is nothing yet.
   * @throws EventTooLarge, GatewayError of the error that a frame carries
   */
  read(bytes: Uint8Array, out: UpstreamEvent[]): void {
    try {
      this.#events.add(bytes);
      this.#readEvents(out);
    } catch (error) {
      if (this.progress === "open") throw error;
      // The answer was whole before: what fails behind it takes nothing away.
      this.progress = "last";
    }
  }

  /** Hands out what is held back of an answer that will not be whole. */
  breakOff(out: UpstreamEvent[]): void {
    this.#endSegment(out);
    this.#release(out);
  }

  /**
   * The closing event and the text that is still owed, once the stream has ended or need not be read on.
   * @throws GatewayError upstream-broken when the answer is not whole or says nothing
   */
  end(out: UpstreamEvent[]): void {
    if (this.progress === "open") {
      this.#events.close();
      this.#readEvents(out);
    }
    if (this.progress === "open")
      throw new GatewayError("upstream-broken", "LongCat's answer ended before it was complete.");
    this.breakOff(out);
    // A last group that thinking followed was taken for a preamble, but no other answer came.
    if (!this.#said) this.#say(this.#content.text, out);
    if (!this.#said && !this.#sensitive)
      throw new GatewayError("upstream-broken", "LongCat finished with an empty answer.");
    const reason: StopReason = this.#sensitive ? "content-filter" : "stop";
    const lastGroup = this.#mayHavePreambles && this.#groups > 1 ? this.#content.text : "";
    const text = this.#final || lastGroup;
    out.push({ type: "end", reason, usage: this.#usage, ...(text ? { text } : {}) });
  }

  #readEvents(out: UpstreamEvent[]): void {
    let hasCome = false;
    while (this.progress !== "last") {
      const text = this.#nextText();
      if (text === undefined) {
        const event = this.#events.next();
        if (!event) break;
        if (event.data !== "") this.#readFrame(event.data, out);
      } else this.#readContent(text, out);
      hasCome = true;
    }
    if (hasCome && out.length === 0) out.push(PROGRESS);
  }

  /** The text of the next frame if it has the form of the last; of all such frames up to another when texts add up. */
  #nextText(): string | undefined {
    return this.#form && this.#events.nextText(this.#form, this.#segment === "content" && this.#content.addsUp);
  }

  #readFrame(data: string, out: UpstreamEvent[]): void {
    if (data.trim() === "[DONE]") {
      this.progress = "last";
      return;
    }
    const frame = frameOf(data);
    if (!frame) return;
    const event = asObject(frame["event"]);
    if (event && typeof event["type"] === "string") {
      this.#readEvent(event["type"], event, frame, out);
      const text = saysTextAlone(frame, event);
      if (text !== undefined) this.#form = dataFormOf(data, "content", text);
    } else if (
      Array.isArray(frame["choices"]) ||
      typeof frame["content"] === "string" ||
      typeof frame["contentStatus"] === "string"
    )
      this.#readLegacy(frame, out);
    else {
      const { code } = frame;
      if (typeof code === "number" && code !== 0)
        throw failureOf({ code, text: asText(frame["message"]) || asText(frame["msg"]) });
    }
    if (frame["lastOne"] === true) this.progress = "last";
  }

  #readEvent(type: string, event: Frame, frame: Frame, out: UpstreamEvent[]): void {
    const { content } = event;
    switch (type) {
      case "content":
        if (typeof content === "string") this.#readContent(content, out);
        break;
      case "think":
      case "reason":
        if (typeof content === "string" && content !== "") {
          if (this.#segment !== "reasoning") this.#openReasoning(content, out);
          think(this.#reasoning.piece(content), out);
        }
        break;
      case "summary":
      case "create":
        this.#endSegment(out);
        break;
      case "common_search":
      case "general_search":
      case "local_life_search":
      case "search":
        this.#cite(content, out);
        break;
      case "finish":
        this.#usage = usageOf(event["usage"]) ?? this.#usage;
        this.#sensitive ||= event["finishType"] === "sensitive";
        this.#finish(asText(event["finalContentX"]) || asText(event["finalContent"]), out);
        break;
      case "event_error":
      case "eventError":
        throw failureOf({ code: asNumber(frame["code"]), text: asText(event["message"]) || asText(content) });
    }
    this.#usage = usageOf(frame["tokenInfo"]) ?? this.#usage;
    this.#sensitive ||= frame["sensitive"] === true;
  }

  #readContent(text: string, out: UpstreamEvent[]): void {
    if (text === "" || this.progress !== "open") return;
    if (this.#segment !== "content") this.#openGroup(text, out);
    this.#text(this.#content.piece(text), out);
  }

  #readLegacy(frame: Frame, out: UpstreamEvent[]): void {
    const { choices } = frame;
    const choice = asObject(Array.isArray(choices) ? choices[0] : undefined);
    const delta = asObject(choice?.["delta"]);
    const thought = asText(delta?.["reasoningContent"]);
    const allThoughts = asText(frame["reasonContent"]);
    if (thought) think(this.#reasoning.delta(thought), out);
    if (allThoughts) think(this.#reasoning.whole(allThoughts), out);
    const text = asText(delta?.["content"]);
    const all = asText(frame["content"]);
    if (text || all.length > this.#content.text.length) {
      // This format keeps thinking in fields of its own: its text is never a preamble, and its totals span segments.
      if (this.#segment === "reasoning") this.#endSegment(out);
      this.#release(out);
      this.#groupReleased = true;
      this.#segment = "content";
      if (text) this.#text(this.#content.delta(text), out);
      if (all) this.#text(this.#content.whole(all), out);
    }
    if (frame["searchResults"]) this.#cite(frame["searchResults"], out);
    this.#usage = usageOf(frame["tokenInfo"]) ?? this.#usage;
    this.#sensitive ||= frame["sensitive"] === true;
    const finished = frame["contentStatus"] === "FINISHED" || asText(choice?.["finishReason"]) !== "";
    if (finished || frame["lastOne"] === true) this.#finish(all, out);
  }

  /** Settles the answer by the service's own whole text: what is missing follows, nothing is said twice. */
  #finish(final: string, out: UpstreamEvent[]): void {
    if (this.progress === "open") this.progress = "finished";
    if (!final) return;
    this.#final = final;
    const { text: sent, forgotten } = this.#sent;
    if (forgotten || !final.startsWith(sent)) {
      this.#endSegment(out);
      this.#release(out);
      return;
    }
    const owed = final.slice(sent.length);
    if (!final.startsWith(sent + this.#held)) {
      const held = this.#held + this.#content.close();
      // Nothing need part a preamble from the answer: what is told as answer is not told as thinking, too.
      think(held.endsWith(owed) ? held.slice(0, held.length - owed.length) : held, out);
    }
    this.#held = "";
    this.#say(owed, out);
    this.#content = new TextTrack();
    this.#content.whole(final);
  }

  /** A new group of answer text begins: what is still held of the one before was a preamble. */
  #openGroup(piece: string, out: UpstreamEvent[]): void {
    this.#endSegment(out);
    this.#segment = "content";
    if (this.#content.continues(piece)) return;
    think(this.#held, out);
    this.#held = "";
    this.#groups++;
    this.#content = new TextTrack();
    this.#groupReleased = !this.#mayHavePreambles;
  }

  #openReasoning(piece: string, out: UpstreamEvent[]): void {
    this.#endSegment(out);
    this.#segment = "reasoning";
    think(this.#held, out);
    this.#held = "";
    if (!this.#reasoning.continues(piece)) this.#reasoning = new TextTrack();
  }

  /** Hands out what the open segment's track holds back. */
  #endSegment(out: UpstreamEvent[]): void {
    if (this.#segment === "content") this.#text(this.#content.close(), out);
    if (this.#segment === "reasoning") think(this.#reasoning.close(), out);
    this.#segment = undefined;
  }

  /** New answer text, unless it may be a preamble. */
  #text(text: string, out: UpstreamEvent[]): void {
    if (text === "") return;
    if (this.#groupReleased) return this.#say(text, out);
    if (this.#held === "") this.#heldSince = this.#now();
    this.#held += text;
    if (this.#held.length > PREAMBLE_CHARS || this.#now() - this.#heldSince >= PREAMBLE_MS) this.#release(out);
  }

  /** The held text is answer after all. */
  #release(out: UpstreamEvent[]): void {
    if (this.#held === "") return;
    this.#say(this.#held, out);
    this.#held = "";
    this.#groupReleased = true;
  }

  #say(text: string, out: UpstreamEvent[]): void {
    if (text === "") return;
    this.#said = true;
    this.#sent.say(text);
    add("text-delta", text, out);
  }

  #cite(hits: unknown, out: UpstreamEvent[]): void {
    const urls = (this.#urls ??= new Set());
    const citations = citationsOf(hits).filter(({ url }) => !urls.has(url) && urls.add(url));
    if (citations.length > 0) out.push({ type: "citations", citations });
  }
}

/** The text of a frame that says nothing else; undefined for any other frame. */
function saysTextAlone(frame: Frame, { type, content }: Frame): string | undefined {
  const isAlone = type === "content" && frame["sensitive"] !== true && !usageOf(frame["tokenInfo"]);
  return isAlone && typeof content === "string" ? content : undefined;
}

function think(text: string, out: UpstreamEvent[]): void {
  if (text) add("reasoning-delta", text, out);
}

function add(type: "text-delta" | "reasoning-delta", text: string, out: UpstreamEvent[]): void {
  const last = out.at(-1);
  if (last?.type === type) out[out.length - 1] = { type, text: last.text + text };
  else out.push({ type, text });
}
