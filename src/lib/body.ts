/** Whole bodies of answers that should be small, read under a cap. */

/** The body is longer than the cap, counted after decompression. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** The default cap, decoded bytes. */
const MAX_BODY_BYTES = 33_554_432;

/**
 * A whole body as text. One of a known length within the cap is read at a stroke.
 * @throws BodyTooLarge, and what the body throws when the connection fails
 */
export async function bodyTextOf(response: Response, maxBytes = MAX_BODY_BYTES): Promise<string> {
  const { headers, body } = response;
  if (!body) return "";
  // What is packed may grow beyond its announced length.
  const announced = headers.has("content-encoding") ? null : headers.get("content-length");
  if (announced !== null && Number(announced) <= maxBytes) return response.text();
  return readText(body.getReader(), undefined, maxBytes);
}

/**
 * The rest of a body as text, bytes that are not UTF-8 as U+FFFD. `first` is what was already read of it.
 * @throws BodyTooLarge after cancelling the rest, and what the reader throws when the connection fails
 */
export async function readText(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  first: Uint8Array = new Uint8Array(),
  maxBytes = MAX_BODY_BYTES,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = decoder.decode(first, { stream: true });
  let size = first.length;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new BodyTooLarge(`The body is longer than ${maxBytes} bytes.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
