import { GatewayError } from "../chat/error.ts";
import type { Agenda, Due } from "../lib/agenda.ts";

/** An honest slow upload is done by then. */
const BODY_DEADLINE_MS = 120_000;

/**
 * Reads a request's body as text.
 *
 * @throws GatewayError invalid-request for bytes that are not UTF-8: what they meant would be lost; too-large before
 *   reading when the length is announced, else as soon as it is passed; too-slow when the body is not there within 120 s;
 *   cancelled when the client left
 */
export type BodyReader = (request: Request) => string | Promise<string>;

/** A reader of bodies of at most `maxBytes`. */
export function bodyReader(maxBytes: number, agenda: Agenda): BodyReader {
  return (request) => {
    const announced = request.headers.get("content-length");
    if (announced !== null) {
      if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
      // To ask for the body as a stream costs a stream, which then lives as long as the request.
      return arrivalOf(request.text(), agenda).then((text) => checked(text, Number(announced), request.headers));
    }
    return request.body === null ? "" : arrivalOf(readCounted(request.body, maxBytes, request.headers), agenda);
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

async function readCounted(body: ReadableStream<Uint8Array>, maxBytes: number, headers: Headers): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    text += decoded(() => decoder.decode(chunk, { stream: true }), headers);
  }
  return text + decoded(() => decoder.decode(), headers);
}

function decoded(decode: () => string, headers: Headers): string {
  try {
    return decode();
  } catch (cause) {
    throw notUtf8(headers, cause);
  }
}

/** A byte that is not UTF-8 became a longer mark: the length betrays it, whoever sent such a mark himself. */
function checked(text: string, bytes: number, headers: Headers): string {
  if (!text.includes("\uFFFD")) return text;
  const length = Buffer.byteLength(text);
  if (length === bytes || length + BYTE_ORDER_MARK_BYTES === bytes) return text;
  throw notUtf8(headers);
}

const BYTE_ORDER_MARK_BYTES = 3;

/** Why a body is no JSON, with what to do about it. */
export function notJson({ headers }: Request, text: string, reason: string): GatewayError {
  // Every second byte of plain JSON in UTF-16.
  if (text.slice(0, 4).includes("\0")) return notUtf8(headers);
  const words =
    text.trim() === "" ? "The body is empty: send a JSON object." : `The body is not valid JSON: ${reason}.`;
  return compressed(headers) ?? new GatewayError("invalid-request", words, { field: "body" });
}

function notUtf8(headers: Headers, cause?: unknown): GatewayError {
  const words = "The body is not UTF-8: save or send the JSON in that encoding.";
  return compressed(headers) ?? new GatewayError("invalid-request", words, { field: "body", cause });
}

function compressed(headers: Headers): GatewayError | undefined {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (!/^[a-z0-9, -]{1,40}$/.test(coding) || coding === "identity") return undefined;
  const words = `The body is compressed (content-encoding: ${coding}): send it as it is.`;
  return new GatewayError("invalid-request", words, { field: "content-encoding" });
}

function tooLarge(maxBytes: number): GatewayError {
  const megabytes = Math.round(maxBytes / 1024 / 1024);
  return new GatewayError(
    "too-large",
    `The request's body is larger than ${megabytes} MB, the limit here (MAX_BODY_MB).`,
  );
}
