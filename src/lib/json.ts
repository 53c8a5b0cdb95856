const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What is longer is quicker written by the engine. */
const LONGEST_LOOKED_AT = 64;

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** Parses JSON text. Never throws: what is wrong comes back as `reason`, in the parser's words without its prefix. */
export function parseJson(text: string): Parsed {
  // Common, and an error costs: the first one that is thrown some milliseconds of the start.
  if (text === "") return { ok: false, reason: "Unexpected EOF" };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message.replace(/^JSON Parse error: /, "") : "no JSON" };
  }
}

/** True for a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the characters that stand for themselves in a JSON text end; `from` is after its quote. */
export function endOfPlain(json: string, from: number): number {
  let end = from;
  // A character beyond the end is never asked for: code that once did so is compiled to slower code for good.
  for (; end < json.length; end++) {
    const code = json.charCodeAt(end);
    if (code === QUOTE || code === BACKSLASH || code < SPACE) break;
  }
  return end;
}

/** `text` as JSON. Most pieces of an answer are short and stand for themselves, and the engine takes a detour for each. */
export function jsonText(text: string): string {
  if (text.length > LONGEST_LOOKED_AT) return JSON.stringify(text);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Half a surrogate pair is no character: JSON escapes it.
    const isHalf = (code & 0xf800) === 0xd800;
    if (code === QUOTE || code === BACKSLASH || code < SPACE || isHalf) return JSON.stringify(text);
  }
  return `"${text}"`;
}
