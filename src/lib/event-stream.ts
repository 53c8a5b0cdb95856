import type { UpstreamBody } from "./fetch.ts";

/** One message of an AWS event stream (`application/vnd.amazon.eventstream`). */
export interface EventFrame {
  /** The string headers by name, such as `:message-type`; headers of other types are left out. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly payload: Uint8Array;
}

export interface EventStreamLimits {
  /** The longest message taken. */
  readonly maxFrameBytes?: number;
  /** The longest stream taken: it was unpacked on the way here and may be far larger than what was sent. */
  readonly maxBytes?: number;
}

/** The bytes are no event stream any more: a wrong checksum, an impossible length, a message cut off. */
export class EventStreamError extends Error {
  override readonly name = "EventStreamError";
}

const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const LEAST_FRAME_BYTES = PRELUDE_BYTES + CHECKSUM_BYTES;
/** Bytes of a header's value by its type; undefined: its own first two say how many follow. */
const VALUE_BYTES: readonly (number | undefined)[] = [0, 0, 1, 2, 4, 8, undefined, undefined, 8, 16];
const STRING = 7;
const MIB = 1024 * 1024;

const utf8 = new TextDecoder();

/** Collects bytes, however they were cut, and gives each message once it is whole and its checksums are right. */
export class EventStreamDecoder {
  readonly #maxFrameBytes: number;
  readonly #maxBytes: number;
  #held = new Uint8Array(4096);
  #start = 0;
  #end = 0;
  #total = 0;
  #failure: EventStreamError | undefined;

  constructor(limits: EventStreamLimits = {}) {
    this.#maxFrameBytes = limits.maxFrameBytes ?? 16 * MIB;
    this.#maxBytes = limits.maxBytes ?? 32 * MIB;
  }

  /** The messages that these bytes complete, up to the first that is broken. Call `check` before going on. */
  push(bytes: Uint8Array): EventFrame[] {
    const frames: EventFrame[] = [];
    if (this.#failure) return frames;
    try {
      this.#total += bytes.length;
      if (this.#total > this.#maxBytes) throw new EventStreamError(`the stream is longer than ${this.#maxBytes} bytes`);
      this.#append(bytes);
      for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    } catch (error) {
      if (!(error instanceof EventStreamError)) throw error;
      this.#failure = error;
    }
    return frames;
  }

  /** @throws EventStreamError when the stream is broken: there is no way to go on */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** @throws EventStreamError also when the stream ended inside a message */
  finish(): void {
    this.check();
    const left = this.#end - this.#start;
    if (left > 0) throw new EventStreamError(`the stream ended inside a message, after ${left} of its bytes`);
  }

  #next(): EventFrame | undefined {
    const size = this.#end - this.#start;
    if (size < PRELUDE_BYTES) return undefined;
    const view = new DataView(this.#held.buffer, this.#start, size);
    const frameBytes = view.getUint32(0);
    // Checked at once: a length that is garbage would otherwise be waited for.
    if (Bun.hash.crc32(this.#held.subarray(this.#start, this.#start + 8)) !== view.getUint32(8)) {
      throw new EventStreamError("the checksum of a prelude is wrong");
    }
    if (frameBytes < LEAST_FRAME_BYTES || view.getUint32(4) > frameBytes - LEAST_FRAME_BYTES) {
      throw new EventStreamError("the lengths of a message contradict each other");
    }
    if (frameBytes > this.#maxFrameBytes) {
      throw new EventStreamError(`a message of ${frameBytes} bytes is longer than ${this.#maxFrameBytes}`);
    }
    if (size < frameBytes) return undefined;
    const frame = decode(this.#held.subarray(this.#start, this.#start + frameBytes), view);
    this.#start += frameBytes;
    return frame;
  }

  #append(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#held.length) {
      const size = this.#end - this.#start;
      const needed = size + bytes.length;
      const roomy = needed <= this.#held.length / 2 ? this.#held : new Uint8Array(needed * 2);
      roomy.set(this.#held.subarray(this.#start, this.#end));
      this.#held = roomy;
      this.#start = 0;
      this.#end = size;
    }
    this.#held.set(bytes, this.#end);
    this.#end += bytes.length;
  }
}

/**
 * Prelude, headers, payload, checksum. A header is the length of its name, the name, its type and its value.
 * @param view over the bytes, or more of them
 */
function decode(bytes: Uint8Array, view: DataView): EventFrame {
  const payloadEnd = bytes.length - CHECKSUM_BYTES;
  if (Bun.hash.crc32(bytes.subarray(0, payloadEnd)) !== view.getUint32(payloadEnd)) {
    throw new EventStreamError("the checksum of a message is wrong");
  }
  const headersEnd = PRELUDE_BYTES + view.getUint32(4);
  const headers: Record<string, string> = {};
  for (let at = PRELUDE_BYTES; at < headersEnd;) {
    const nameAt = at + 1;
    const typeAt = nameAt + view.getUint8(at);
    if (typeAt >= headersEnd) throw new EventStreamError("a header is cut off");
    const type = view.getUint8(typeAt);
    if (type >= VALUE_BYTES.length) throw new EventStreamError(`a header type is unknown: ${type}`);
    const fixed = VALUE_BYTES[type];
    const valueAt = typeAt + (fixed === undefined ? 3 : 1);
    at = valueAt + (fixed ?? (valueAt <= headersEnd ? view.getUint16(typeAt + 1) : 0));
    if (at > headersEnd) throw new EventStreamError("a header is cut off");
    if (type === STRING)
      headers[utf8.decode(bytes.subarray(nameAt, typeAt))] = utf8.decode(bytes.subarray(valueAt, at));
  }
  return { headers, payload: bytes.slice(headersEnd, payloadEnd) };
}

/**
 * The messages of a body, those of one read together. Leaving the loop early cancels the body.
 * @throws EventStreamError as the decoder does, and whatever reading the body throws
 */
export async function* readEventStream(
  body: UpstreamBody,
  limits: EventStreamLimits = {},
): AsyncGenerator<EventFrame[]> {
  const decoder = new EventStreamDecoder(limits);
  try {
    for (let bytes = await body.read(); bytes; bytes = await body.read()) {
      const frames = decoder.push(bytes);
      if (frames.length > 0) yield frames;
      decoder.check();
    }
    decoder.finish();
  } finally {
    body.cancel();
  }
}
