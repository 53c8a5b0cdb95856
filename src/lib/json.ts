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
