/** The body of an answer that should be an event stream, and may be JSON or a page instead. */
import { readText } from "./body.ts";
import type { UpstreamBody } from "./fetch.ts";
import { EventReader, type ServerEvent } from "./sse.ts";

/** What a body turned out to be by its first character, whatever its headers say. */
export type EventBody =
  { readonly kind: "events"; readonly stream: EventStream } | { readonly kind: "json" | "page"; readonly text: string };

/** Blank text before a body's first character; a stream begins long before this. */
const LONGEST_BLANK = 65_536;

/**
 * Looks at the first bytes of a body. Reading the rest of an event stream is left to the caller, who must read it to
 * its end or `cancel` it.
 * @throws BodyTooLarge, and what the reader throws when the connection fails
 */
export async function openEventBody(body: UpstreamBody): Promise<EventBody> {
  try {
    let first: Uint8Array = new Uint8Array();
    while (firstSign(first) === "" && first.length <= LONGEST_BLANK) {
      const bytes = await body.read();
      if (!bytes) break;
      first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
    }
    const sign = firstSign(first);
    if (sign === "{" || sign === "[") return { kind: "json", text: await readText(body, first) };
    if (sign === "<") return { kind: "page", text: await readText(body, first) };
    return { kind: "events", stream: new EventStream(body, first) };
  } catch (error) {
    body.cancel();
    throw error;
  }
}

/** The events of a body, in batches as they arrived together. */
export class EventStream {
  readonly #body: UpstreamBody;
  readonly #events = new EventReader();
  #first: Uint8Array | undefined;
  #pending: ReturnType<UpstreamBody["read"]> | undefined;

  constructor(body: UpstreamBody, first: Uint8Array) {
    this.#body = body;
    this.#first = first;
  }

  /**
   * The next batch, often empty; undefined at the end of the body, or once `unless` resolves.
   * @throws EventTooLarge, and what the reader throws when the connection fails
   */
  async next(unless?: Promise<unknown>): Promise<ServerEvent[] | undefined> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined && first.length > 0) return this.#events.push(first);
    this.#pending ??= this.#body.read();
    const bytes = await (unless ? Promise.race([this.#pending, unless.then(() => undefined)]) : this.#pending);
    if (!bytes) return undefined;
    this.#pending = undefined;
    return this.#events.push(bytes);
  }

  /** The last event of a body that ended without an empty line. @throws EventTooLarge */
  last(): ServerEvent[] {
    return this.#events.end();
  }

  /** Gives the rest up and closes the connection; after the end of the body it does nothing. */
  cancel(): void {
    this.#body.cancel();
  }
}

/** The first character that is neither blank nor a byte order mark; "" when there is none yet. */
export function firstSign(bytes: Uint8Array): string {
  for (const byte of bytes)
    if (byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) return String.fromCharCode(byte);
  return "";
}
