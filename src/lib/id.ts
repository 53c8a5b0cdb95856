/** Digits and lower-case letters without i, l, o and u: nothing to misread, and a double click takes the whole id. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH = 20;

/** Fills the array with random bytes; tests pass their own. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => void;

const random: Random = (bytes) => void crypto.getRandomValues(bytes);

/** A new id of 100 random bits: `newId("req")` is `req_` and 20 characters of `0-9a-z`. */
export function newId(prefix: string, fill: Random = random): string {
  const bytes = new Uint8Array(LENGTH);
  fill(bytes);
  let id = `${prefix}_`;
  for (const byte of bytes) id += ALPHABET[byte & 31];
  return id;
}

/** A new client key: `sk-sluice-` and 24 random bytes in base64url. */
export function newApiKey(fill: Random = random): string {
  const bytes = new Uint8Array(24);
  fill(bytes);
  return `sk-sluice-${bytes.toBase64({ alphabet: "base64url" })}`;
}

/** The id of a Chat Completions answer: it carries the request's own (`req_…`), so that either finds the log. */
export function chatCompletionId(requestId: string): string {
  return `chatcmpl-${requestId.replace(/^req_/, "")}`;
}
