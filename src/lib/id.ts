/** Digits and lower-case letters without i, l, o and u: nothing to misread, and a double click takes the whole id. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** Characters of time, which last until the year 3084, and random ones. */
const TIME_LENGTH = 9;
const RANDOM_LENGTH = 11;

/** Fills the array with random bytes; tests pass their own. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => void;

const random: Random = (bytes) => void crypto.getRandomValues(bytes);

/**
 * A new id: `newId("req")` is `req_` and 20 characters of `0-9a-z`, which are the time and 55 random bits. Ids sort by
 * their time, so that an index of them grows at its end: with ids all over it a database writes a page for each row.
 *
 * @param now epoch ms
 */
export function newId(prefix: string, fill: Random = random, now = Date.now()): string {
  let time = "";
  for (let left = now; time.length < TIME_LENGTH; left = Math.floor(left / 32)) time = ALPHABET[left % 32] + time;
  const bytes = new Uint8Array(RANDOM_LENGTH);
  fill(bytes);
  let id = `${prefix}_${time}`;
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
  return `chatcmpl-${requestId.startsWith("req_") ? requestId.slice(4) : requestId}`;
}
