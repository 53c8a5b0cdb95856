import { GatewayError } from "../chat/error.ts";
import type { Agenda, Due } from "../lib/agenda.ts";

/** An honest slow upload is done by then. */
const BODY_DEADLINE_MS = 120_000;

/**
 * Reads a request's body as text.
 *
 * @throws GatewayError too-large before reading when the length is announced, else as soon as it is passed; too-slow
 *   when the body is not there within 120 s; cancelled when the client left
 */
export type BodyReader = (request: Request) => string | Promise<string>;

/** A reader of bodies of at most `maxBytes`. */
export function bodyReader(maxBytes: number, agenda: Agenda): BodyReader {
  return (request) => {
    const announced = request.headers.get("content-length");
    if (announced !== null) {
      if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
      // To ask for the body as a stream costs a stream, which then lives as long as the request.
      return arrivalOf(request.text(), agenda);
    }
    return request.body === null ? "" : arrivalOf(readCounted(request.body, maxBytes), agenda);
  };
}

function arrivalOf(text: Promise<string>, agenda: Agenda): Promise<string> {
  return new Promise((resolve, reject) => {
    const deadline: Due = { dueAt: 0, place: -1, due: () => reject(new GatewayError("too-slow", TOO_SLOW)) };
    agenda.add(deadline, BODY_DEADLINE_MS);
    text.then(
      (whole) => {
        agenda.remove(deadline);
        resolve(whole);
      },
      (cause: unknown) => {
        agenda.remove(deadline);
        reject(cause instanceof GatewayError ? cause : new GatewayError("cancelled", LEFT, { cause }));
      },
    );
  });
}

const TOO_SLOW = "The request's body did not arrive within 120 seconds.";
const LEFT = "The client left before its request was complete.";

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
