/** Server-sent events: bytes in, events out, however the bytes were cut; and events out as frames. */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** One event. `event` is its type when the stream names one; `data` holds its data lines joined by line feeds. */
export type ServerEvent = EventSourceMessage;

/** The default cap of one event, in characters. */
const MAX_EVENT_CHARS = 1_048_576;

/** An event, or a line without its end, grew over the cap. Nothing can be read after it. */
export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";
}

/**
 * Reads an event stream piece by piece. Lines end in LF, CR or CRLF; bytes that are not UTF-8 become U+FFFD; comments
 * give nothing. It holds at most one unfinished event.
 */
export class EventReader {
  readonly #decoder = new TextDecoder();
  readonly #maxEventChars: number;
  readonly #parser;
  #events: ServerEvent[] = [];
  #overflow = false;

  constructor({ maxEventChars = MAX_EVENT_CHARS }: { readonly maxEventChars?: number } = {}) {
    this.#maxEventChars = maxEventChars;
    this.#parser = createParser({
      maxBufferSize: maxEventChars,
      onEvent: (event) => {
        // The parser's own cap counts what it holds between reads; an event within one read passes it by.
        if (event.data.length > maxEventChars) this.#overflow = true;
        else this.#events.push(event);
      },
      onError: (error) => {
        if (error.type === "max-buffer-size-exceeded") this.#overflow = true;
      },
    });
  }

  /** The events that these bytes complete, often none. @throws EventTooLarge */
  push(bytes: Uint8Array): ServerEvent[] {
    return this.#feed(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The last event of a stream that ended without an empty line; none when it ended properly. @throws EventTooLarge */
  end(): ServerEvent[] {
    return this.#feed(`${this.#decoder.decode()}\n\n`);
  }

  #feed(text: string): ServerEvent[] {
    this.#parser.feed(text);
    if (this.#overflow) throw new EventTooLarge(`An event is longer than ${this.#maxEventChars} characters.`);
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }
}

/** One event as a frame. Line ends within `data` become further data lines, so that text can never end the frame. */
export function eventFrame(data: string, event?: string): string {
  const head = event === undefined ? "" : `event: ${event}\n`;
  return `${head}data: ${/[\r\n]/.test(data) ? data.replace(/\r\n|\r|\n/g, "\ndata: ") : data}\n\n`;
}

/** A comment, which clients ignore and which keeps the connection alive. */
export function commentFrame(text: string): string {
  return `: ${text}\n\n`;
}
