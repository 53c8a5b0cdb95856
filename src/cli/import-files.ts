import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { ImportFile } from "../admin/import/reading.ts";
import { isObject, parseJson } from "../lib/json.ts";
import { isDatabase, readTables } from "./import-database.ts";

export interface FoundFiles {
  readonly files: ImportFile[];
  readonly refused: { readonly from: string; readonly reason: string }[];
}

/** More than any list of accounts has; all of them must fit into one request. */
const MOST_BYTES = 16_777_216;
const MOST_BYTES_TOGETHER = 29_360_128;
const MOST_FILES = 5_000;
const DEEPEST = 4;
/** What in a folder may be a file for us. */
const CANDIDATE = /(?:^\.env(?:\..+)?|\.(?:env|json|txt|db|sqlite3?))$/i;
const PASSED_OVER = new Set(["node_modules", ".git"]);

/**
 * Reads the files that the paths name, folders with all below them. Nothing is written beside them.
 * @throws Error when they are too large together
 */
export function findFiles(paths: readonly string[], cwd: string): FoundFiles {
  const files: ImportFile[] = [];
  const refused: { from: string; reason: string }[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  const add = (shown: string, path: string, named: boolean): void => {
    const real = realpathSync(path);
    if (seen.has(real)) return;
    seen.add(real);
    const file = readOne(shown, path, named);
    if (!file) return;
    bytes += Buffer.byteLength(JSON.stringify(file));
    if (bytes > MOST_BYTES_TOGETHER)
      throw new TooMuch("The files are too large for one import; import them one by one.");
    files.push(file);
    for (const hash of registrationsIn(file.text ?? "")) {
      const beside = join(dirname(path), `${hash}.json`);
      if (statSync(beside, { throwIfNoEntry: false })?.isFile())
        add(join(dirname(shown), `${hash}.json`), beside, false);
    }
  };
  for (const given of paths) {
    const path = resolve(cwd, given);
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) refused.push({ from: given, reason: "There is no such file or folder." });
      else if (stat.isFile()) add(given, path, true);
      else if (!stat.isDirectory()) refused.push({ from: given, reason: "It is neither a file nor a folder." });
      else {
        const before = files.length;
        for (const inner of filesBelow(path)) {
          try {
            add(join(given, inner), join(path, inner), false);
          } catch (error) {
            if (error instanceof TooMuch) throw error;
            refused.push({ from: join(given, inner), reason: wordsOf(error) });
          }
        }
        if (files.length === before) refused.push({ from: given, reason: "No file of this folder can be taken over." });
      }
    } catch (error) {
      if (error instanceof TooMuch) throw error;
      refused.push({ from: given, reason: wordsOf(error) });
    }
  }
  return { files, refused };
}

/** All files together are more than one request can carry. */
class TooMuch extends Error {
  override readonly name = "TooMuch";
}

function readOne(shown: string, path: string, named: boolean): ImportFile | undefined {
  if (isDatabase(path)) return { path: shown, tables: readTables(path), named };
  const { size } = statSync(path);
  if (size > MOST_BYTES) {
    if (!named) return undefined;
    throw new Error("The file is larger than any list of accounts (16 MB).");
  }
  const text = textOf(readFileSync(path));
  if (text !== undefined) return { path: shown, text, named };
  if (!named) return undefined;
  throw new Error("The file is neither a text nor an SQLite database.");
}

/** UTF-8, or UTF-16 as Windows writes it; undefined for anything else. */
function textOf(bytes: Uint8Array): string | undefined {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined; // not a text in this encoding: the caller says so
  }
}

/** Paths below a folder, nearest first; links to folders are not followed. */
function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const walk = (inner: string, depth: number): void => {
    for (const name of readdirSync(join(folder, inner)).toSorted()) {
      const path = join(inner, name);
      const stat = lstatSync(join(folder, path), { throwIfNoEntry: false });
      if (stat?.isDirectory() && depth < DEEPEST && !PASSED_OVER.has(name)) walk(path, depth + 1);
      else if (stat?.isFile() && CANDIDATE.test(basename(name))) found.push(path);
      if (found.length > MOST_FILES)
        throw new Error(`The folder holds more than ${MOST_FILES} files; name a smaller one.`);
    }
  };
  walk("", 0);
  return found;
}

/** The registrations that a token file names: they lie beside it. */
function registrationsIn(text: string): string[] {
  if (!text.includes("clientIdHash")) return [];
  const parsed = parseJson(text);
  const entries = parsed.ok ? [parsed.value].flat() : [];
  return entries.flatMap((entry) => {
    const hash: unknown = isObject(entry) ? entry["clientIdHash"] : undefined;
    return typeof hash === "string" && /^[\w-]{1,128}$/.test(hash) ? [hash] : [];
  });
}

function wordsOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EACCES" || code === "EPERM") return "It may not be read: its permissions forbid it.";
  return error instanceof Error ? error.message : "It cannot be read.";
}
