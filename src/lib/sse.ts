/** Server-sent events: bytes in, events out, however the bytes were cut. */
import { EMPTY_LINE, type DataForm } from "./data-form.ts";
import { endOfPlain } from "./json.ts";

/** One event. `event` is its type when the stream names one; `data` holds its data lines joined by line feeds. */
export interface ServerEvent {
  readonly data: string;
  readonly event: string | undefined;
}

/** The default cap of one event, in characters. */
const MAX_EVENT_CHARS = 1_048_576;

/** An event, or a line without its end, grew over the cap. Nothing can be read after it. */
export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";
}

const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const BOM = 0xfeff;

const UTF8 = { ignoreBOM: true } as const;
const STREAM = { stream: true } as const;
/** For bytes that end with a whole character, as nearly all do: it keeps nothing, so it serves every stream. */
const decoder = new TextDecoder("utf-8", UTF8);

/**
 * Reads an event stream piece by piece, by the grammar of the HTML standard ("Server-sent events", "Parsing an event
 * stream"). Lines end in LF, CR or CRLF; bytes that are not UTF-8 become U+FFFD; comments, ids and retry times give
 * nothing. Between pieces it holds at most one unfinished event.
 *
 * `push` and `end` give events in lists. Where many events come at once, `add`, then `next` and `nextText` until nothing
 * more comes, and `close` make none.
 */
export class EventReader {
  readonly #maxEventChars: number;
  /** Made for the first piece that ends within a character. */
  #decoder: TextDecoder | undefined;
  #hasBegun = false;
  /** What came and is read up to `#at`; its first CR from there on is at `#cr`, or nowhere below 0. */
  #text = "";
  #at = 0;
  #cr = -1;
  /** The last line ended in CR, and so did the text: a line feed after it belongs to it. */
  #endedInCr = false;
  /** A line without its end. Nothing looks into it while it grows, so that its pieces are joined only once. */
  #line = "";
  #data: string | undefined;
  #event: string | undefined;

  constructor({ maxEventChars = MAX_EVENT_CHARS }: { readonly maxEventChars?: number } = {}) {
    this.#maxEventChars = maxEventChars;
  }

  /** The events that these bytes complete, often none. @throws EventTooLarge */
  push(bytes: Uint8Array): ServerEvent[] {
    this.add(bytes);
    return this.#rest();
  }

  /** The last event of a stream that ended without an empty line; none when it ended properly. @throws EventTooLarge */
  end(): ServerEvent[] {
    this.close();
    return this.#rest();
  }

  /** Takes the next bytes and keeps none of them. */
  add(bytes: Uint8Array): void {
    const endsWhole = (bytes[bytes.length - 1] ?? 0) < 0x80;
    if (!endsWhole) this.#decoder ??= new TextDecoder("utf-8", UTF8);
    this.#take(this.#decoder ? this.#decoder.decode(bytes, STREAM) : decoder.decode(bytes));
  }

  /** Ends the stream: an event without its empty line counts. */
  close(): void {
    this.#take(`${this.#decoder?.decode() ?? ""}\n\n`);
  }

  /** The next event; undefined when its end has not come yet. @throws EventTooLarge */
  next(): ServerEvent | undefined {
    const text = this.#text;
    while (this.#at < text.length) {
      const from = this.#at;
      let end = text.indexOf("\n", from);
      let next = end + 1;
      if (this.#cr >= 0 && (end < 0 || this.#cr < end)) {
        if (end !== this.#cr + 1) next = this.#cr + 1;
        end = this.#cr;
        this.#endedInCr = next === end + 1 && next === text.length;
        this.#cr = text.indexOf("\r", next);
      }
      if (end < 0) {
        this.#hold(text.slice(from));
        break;
      }
      this.#at = next;
      if (this.#line !== "") {
        const line = this.#line + text.slice(from, end);
        this.#line = "";
        this.#readLine(line, 0, line.length);
      } else if (end > from) this.#readLine(text, from, end);
      else {
        const data = this.#data;
        const event = this.#event;
        this.#data = this.#event = undefined;
        if (data !== undefined) return { data, event };
      }
    }
    this.#text = "";
    this.#at = 0;
    return undefined;
  }

  /**
   * The text of the next event, when all of that is one line of data in this form, a text without escapes and an empty
   * line. Any other event is left to `next`: undefined.
   * @param joins gives the texts of all such events that follow each other, joined
   */
  nextText({ before, after }: DataForm, joins = false): string | undefined {
    const text = this.#text;
    const at = this.#at;
    if (this.#line !== "" || this.#data !== undefined || this.#event !== undefined) return undefined;
    // No character beyond the end is asked for here either.
    if (!text.startsWith("data:", at) || text.length - at < 6) return undefined;
    const value = text.charCodeAt(at + 5) === SPACE ? at + 6 : at + 5;
    if (!text.startsWith(before, value)) return undefined;
    let from = value + before.length;
    const head = text.slice(at, from);
    const mostChars = this.#maxEventChars - before.length - after.length + EMPTY_LINE.length;
    let texts = "";
    for (;;) {
      const to = endOfPlain(text, from);
      if (to - from > mostChars || !text.startsWith(after, to)) break;
      texts += text.slice(from, to);
      this.#at = to + after.length;
      if (!joins || !text.startsWith(head, this.#at)) break;
      from = this.#at + head.length;
    }
    return this.#at > at ? texts : undefined;
  }

  #rest(): ServerEvent[] {
    const events: ServerEvent[] = [];
    for (let event = this.next(); event; event = this.next()) events.push(event);
    return events;
  }

  #take(text: string): void {
    if (text === "") return;
    const first = text.charCodeAt(0);
    const skips = this.#hasBegun ? this.#endedInCr && first === LF : first === BOM;
    this.#hasBegun = true;
    this.#endedInCr = false;
    const came = skips ? text.slice(1) : text;
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + came : came;
    this.#at = 0;
    this.#cr = this.#text.indexOf("\r");
  }

  /** Keeps the beginning of a line. One that says nothing is kept as a comment without words. */
  #hold(text: string): void {
    const isKnown = this.#line.length >= LONGEST_FIELD;
    this.#line += text;
    if (!isKnown && !FIELDS.some((field) => field.startsWith(this.#line.slice(0, field.length)))) this.#line = ":";
    this.#check(this.#line.length - LONGEST_FIELD + (this.#data?.length ?? 0));
  }

  #readLine(text: string, from: number, end: number): void {
    const data = valueOf("data", text, from, end);
    if (data !== undefined) {
      this.#data = this.#data === undefined ? data : `${this.#data}\n${data}`;
      this.#check(this.#data.length);
      return;
    }
    const event = valueOf("event", text, from, end);
    if (event !== undefined) this.#event = event || undefined;
  }

  #check(chars: number): void {
    if (chars > this.#maxEventChars)
      throw new EventTooLarge(`An event is longer than ${this.#maxEventChars} characters.`);
  }
}

/** The fields that count, as they may begin a line. */
const FIELDS = ["data:", "event:"] as const;
const LONGEST_FIELD = 6;

/** The value of the line from `from` to `end` when it is of that field. */
function valueOf(field: string, text: string, from: number, end: number): string | undefined {
  if (!text.startsWith(field, from)) return undefined;
  const colon = from + field.length;
  if (colon >= end) return colon === end ? "" : undefined;
  if (text.charCodeAt(colon) !== COLON) return undefined;
  const value = colon + 1;
  return text.slice(value < end && text.charCodeAt(value) === SPACE ? value + 1 : value, end);
}
