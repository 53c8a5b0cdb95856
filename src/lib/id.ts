/** Digits and lower-case letters without i, l, o and u: nothing to misread, and a double click takes the whole id. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
/** Characters of time, which last until the year 3084, and random ones. */
const TIME_LENGTH = 9;
const RANDOM_LENGTH = 11;
/** The lower characters of time, as many as fit an integer of 32 bits, whose arithmetic is the cheap one. */
const LOW_LENGTH = 5;
const LOW = 32 ** LOW_LENGTH;

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
  const bytes = new Uint8Array(RANDOM_LENGTH);
  fill(bytes);
  write(Math.floor(now / LOW), 0, TIME_LENGTH - LOW_LENGTH);
  write(now % LOW, TIME_LENGTH - LOW_LENGTH, LOW_LENGTH);
  for (let i = 0; i < RANDOM_LENGTH; i++) letters[TIME_LENGTH + i] = CODES[(bytes[i] ?? 0) & 31] ?? 0;
  return `${prefix}_${letters.toString("latin1")}`;
}

/** The letters of the id that is being made: a string made at once is a flat one. */
const letters = Buffer.alloc(TIME_LENGTH + RANDOM_LENGTH);

/** Writes a whole number into so many letters. */
function write(number: number, from: number, length: number): void {
  let left = number;
  for (let i = from + length - 1; i >= from; i--) {
    letters[i] = CODES[left & 31] ?? 0;
    left >>= 5;
  }
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
