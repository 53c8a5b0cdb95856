import { GatewayError } from "../../chat/error.ts";

/** A client may try again after this long, ms. */
const RETRY_MS = 1_000;

/** Begins of SQLite's result names, the more exact one first, and what they mean for the owner. */
const WORDS: readonly (readonly [code: string, words: string])[] = [
  ["SQLITE_BUSY", "another program holds the database locked"],
  ["SQLITE_LOCKED", "another program holds the database locked"],
  ["SQLITE_FULL", "the disk is full"],
  ["SQLITE_IOERR_SHMSIZE", "the disk is full"],
  ["SQLITE_READONLY", "the database cannot be written (read-only)"],
  ["SQLITE_CANTOPEN", "the database file cannot be opened"],
  ["SQLITE_CORRUPT", "the database file is damaged"],
  ["SQLITE_NOTADB", "the database file is damaged"],
  ["SQLITE_IOERR", "the disk reports an error"],
];

/** SQLite's result name, such as `SQLITE_BUSY`, beneath whatever wraps it; undefined when SQLite did not fail. */
export function codeOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && at.code.startsWith("SQLITE_")) return at.code;
  }
  return undefined;
}

/** Why the database cannot be used, in words; undefined when the error is not of that sort (a broken rule, our mistake). */
export function troubleOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code && WORDS.find(([begin]) => code.startsWith(begin))?.[1];
}

/** Another connection holds the database for the moment. */
export function isLocked(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED"));
}

/** A unique value that is there already. */
export function isDuplicate(error: unknown): boolean {
  const code = codeOf(error);
  return code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY";
}

/** What a caller of the store gets; errors that are not the database's state stay what they are. */
export function storeFailure(error: unknown, now: number): unknown {
  const words = troubleOf(error);
  if (!words) return error;
  // Only SQLite's own name goes into the cause: a wrapper's message may hold the values of the statement.
  return new GatewayError("store-unavailable", `Nothing can be saved right now: ${words}.`, {
    retryAt: now + RETRY_MS,
    cause: new Error(codeOf(error)),
  });
}
