import { GatewayError } from "../chat/error.ts";
import type { Agenda } from "../lib/agenda.ts";
import { within } from "./within.ts";

/** An honest slow upload is done by then. */
const BODY_DEADLINE_MS = 120_000;

/**
 * Reads a request's body as text.
 *
 * @throws GatewayError too-large before reading when the length is announced, else as soon as it is passed; too-slow
 *   when the body is not there within 120 s; cancelled when the client left
 */
export type BodyReader = (request: Request) => Promise<string>;

/** A reader of bodies of at most `maxBytes`. */
export function bodyReader(maxBytes: number, agenda: Agenda): BodyReader {
  return async (request) => {
    const announced = request.headers.get("content-length");
    if (announced !== null && Number(announced) > maxBytes) throw tooLarge(maxBytes);
    // To ask for the body as a stream costs a stream, which then lives as long as the request.
    const stream = announced === null ? request.body : undefined;
    if (stream === null) return "";
    let text: string | undefined;
    try {
      text = await within(stream ? readCounted(stream, maxBytes) : request.text(), BODY_DEADLINE_MS, agenda);
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError("cancelled", "The client left before its request was complete.", { cause: error });
    }
    if (text !== undefined) return text;
    throw new GatewayError("too-slow", "The request's body did not arrive within 120 seconds.");
  };
}

async function readCounted(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(maxBytes: number): GatewayError {
  const megabytes = Math.round(maxBytes / 1024 / 1024);
  return new GatewayError(
    "too-large",
    `The request's body is larger than ${megabytes} MB, the limit here (MAX_BODY_MB).`,
  );
}
