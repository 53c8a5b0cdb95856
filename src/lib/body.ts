/** Whole bodies of answers that should be small, read under a cap. */
import type { UpstreamBody } from "./fetch.ts";

/** The body is longer than the cap, counted after decompression. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** The default cap, decoded bytes. */
const MAX_BODY_BYTES = 33_554_432;

const utf8 = new TextDecoder();

/** Bytes of UTF-8 as text, others as U+FFFD. */
export function textIn(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** The body as text when all of it has arrived, which is usual for short ones; undefined when it must be read. */
export function arrivedText(body: UpstreamBody): string | undefined {
  const bytes = body.rest();
  return bytes && utf8.decode(bytes);
}

/**
 * The rest of a body as text, bytes that are not UTF-8 as U+FFFD. `first` is what was already read of it.
 * @throws BodyTooLarge after cancelling the rest, and what the body throws when the connection fails
 */
export async function readText(
  body: UpstreamBody,
  first?: Uint8Array,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<string> {
  const pieces = first ? [first] : [];
  let size = first?.length ?? 0;
  for (let bytes = await body.read(); bytes; bytes = await body.read()) {
    size += bytes.length;
    if (size > maxBytes) {
      body.cancel();
      throw new BodyTooLarge(`The body is longer than ${maxBytes} bytes.`);
    }
    pieces.push(bytes);
  }
  const [only] = pieces;
  return utf8.decode(pieces.length > 1 ? Buffer.concat(pieces) : only);
}
