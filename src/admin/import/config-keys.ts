import type { Fields } from "./documents.ts";
import type { ImportItem, Predecessor, Reading, Refusal } from "./reading.ts";

/** What a key of another program's configuration means here. */
export type Meaning =
  /** One of our settings; `value` writes it as ours, undefined for a value that has no counterpart. */
  | { readonly setting: string; readonly provider?: string; readonly value?: (given: string) => string | undefined }
  /** A setting that is read at the start: the variable to put into the environment. */
  | { readonly environment: string }
  /** Why it does nothing here. */
  | { readonly without: string };

/** Maps a configuration key by key: every key is taken or named. */
export function readConfigKeys(
  path: string,
  config: Fields,
  meanings: Readonly<Record<string, Meaning>>,
  predecessor: Predecessor,
): Reading {
  const items: ImportItem[] = [];
  const refused: Refusal[] = [];
  const notes: string[] = [];
  for (const [key, given] of Object.entries(config)) {
    const from = `${path}, ${key}`;
    const meaning = Object.hasOwn(meanings, key) ? meanings[key] : undefined;
    if (!meaning) notes.push(`${from}: not known, without effect.`);
    else if ("without" in meaning) notes.push(`${from}: without effect; ${meaning.without}.`);
    else if ("environment" in meaning) {
      notes.push(`${from}: read at the start; put it into the environment as ${meaning.environment}.`);
    } else {
      const text = typeof given === "string" ? given.trim() : JSON.stringify(given);
      const value = meaning.value ? meaning.value(text) : text;
      if (value === undefined) refused.push({ from, reason: `This value has no counterpart in ${meaning.setting}.` });
      else {
        const { setting: name, provider } = meaning;
        items.push({ kind: "setting", from, name, value, ...(provider === undefined ? {} : { provider }) });
      }
    }
  }
  return { items, refused, notes, predecessors: [predecessor] };
}
