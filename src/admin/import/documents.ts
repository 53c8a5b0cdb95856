import { isObject, parseJson } from "../../lib/json.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** The JSON in a text. */
export interface Documents {
  readonly values: readonly unknown[];
  /** False when something of the text is cut off or broken and `values` is what was whole in it. */
  readonly whole: boolean;
}

/**
 * Reads JSON: one document, several after another, base64 of one, or what is whole in a broken one. Undefined when the
 * text is no JSON at all.
 */
export function documentsOf(text: string): Documents | undefined {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  const parsed = parseJson(trimmed);
  if (parsed.ok) return typeof parsed.value === "object" ? { values: [parsed.value], whole: true } : undefined;
  if (/^[[{]/.test(trimmed)) return wholeParts(trimmed);
  if (trimmed.length < 40 || !/^[A-Za-z0-9+/_=\s-]+$/.test(trimmed)) return undefined;
  const decoded = parseJson(Buffer.from(trimmed, "base64").toString("utf8"));
  return decoded.ok && isObject(decoded.value) ? { values: [decoded.value], whole: true } : undefined;
}

/**
 * The outermost objects that are closed and can be parsed; brackets inside strings do not count. What is closed within an
 * object that is not stays out where its neighbours are whole: an entry lacks something without the rest of it.
 */
function wholeParts(text: string): Documents | undefined {
  const open: number[] = [];
  const parts: { start: number; end: number; depth: number; value: unknown }[] = [];
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    const [mark] = match;
    if (mark === "{") open.push(match.index);
    if (mark !== "}") continue;
    const start = open.pop();
    if (start === undefined) continue;
    const end = match.index + 1;
    const parsed = parseJson(text.slice(start, end));
    if (!parsed.ok) continue;
    while ((parts.at(-1)?.start ?? -1) > start) parts.pop();
    parts.push({ start, end, depth: open.length, value: parsed.value });
  }
  if (parts.length === 0) return undefined;
  let rest = "";
  let last = 0;
  for (const { start, end } of parts) {
    rest += text.slice(last, start);
    last = end;
  }
  rest += text.slice(last);
  const least = Math.min(...parts.map(({ depth }) => depth));
  const values = parts.filter(({ depth }) => depth === least).map(({ value }) => value);
  return { values, whole: rest.trim() === "" };
}

/** A field in camelCase or snake_case. */
export function valueAt(entry: Fields, ...names: readonly string[]): unknown {
  for (const name of names) {
    const value = entry[name] ?? entry[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** The same, where it is a text with something in it. */
export function textAt(entry: Fields, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = valueAt(entry, name);
    if (typeof value === "string" && value.trim() !== "") return value.trim();
  }
  return undefined;
}

/** True for `true`, 1 and their texts, as databases and files write them. */
export function isOn(value: unknown): boolean {
  return value === true || value === 1 || value === "1" || value === "true";
}
