import { constants } from "bun:sqlite";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { newestBackup } from "../backups.ts";
import { unusable } from "../files.ts";
import { StoreOpenError } from "../open-error.ts";
import type { SealRecord } from "../seal-key.ts";
import { Connection } from "./connection.ts";
import { codeOf, isLocked } from "./failure.ts";

/** SQLite's application id of our databases: the letters `Sluc`. */
export const APPLICATION_ID = 0x536c7563;

const MAGIC = "SQLite format 3\0";
const APPLICATION_ID_OFFSET = 68;
const HEADER_BYTES = 100;

/** A whole check reads every page; of a larger file than this (bytes) only what cannot be made again is read at a start. */
const WHOLE_CHECK_BYTES = 64 * 2 ** 20;
const VITAL_TABLES = ["meta", "accounts", "api_keys", "settings", "conversations", "sessions"];

/** What stands at a path: nothing, a sound-looking database of ours, another program's database, or no database. */
export type Standing = "nothing" | "ours" | "foreign" | "broken";

/** Reads the header alone: a file that is not ours is not even opened by SQLite, which would put files beside it. */
export function standingOf(path: string): Standing {
  if (!existsSync(path)) return "nothing";
  if (!statSync(path).isFile()) throw new StoreOpenError(`${path} is not a file. DB_PATH names the database file.`);
  const header = Buffer.alloc(HEADER_BYTES);
  const length = readHead(path, header);
  if (length < HEADER_BYTES || header.toString("latin1", 0, MAGIC.length) !== MAGIC) return "broken";
  return header.readUInt32BE(APPLICATION_ID_OFFSET) === APPLICATION_ID ? "ours" : "foreign";
}

function readHead(path: string, into: Buffer): number {
  try {
    const file = openSync(path, "r");
    try {
      return readSync(file, into, 0, into.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The refusal of a damaged database, in one line with the way back. */
export function damaged(path: string, what: string, cause?: unknown): StoreOpenError {
  const backup = newestBackup(path);
  const remedy = backup
    ? `Restore the newest backup with: ${restoreCommand(path, backup)}`
    : "There is no backup beside it. Put one of yours in its place, or move it away to begin anew.";
  return new StoreOpenError(`${path} is damaged (${what}) and was left as it is. ${remedy}`, { cause });
}

/** Keeps the damaged file as `.bak`; its last changes must go, or SQLite would put them into the backup. */
function restoreCommand(path: string, backup: string): string {
  const [file, changes, shared, aside] = [path, `${path}-wal`, `${path}-shm`, `${path}.bak`].map(quote);
  return process.platform === "win32"
    ? `move ${file} ${aside} & del ${changes} ${shared} & copy ${quote(backup)} ${file}`
    : `mv ${file} ${aside}; rm -f ${changes} ${shared}; cp ${quote(backup)} ${file}`;
}

/** For a shell, if the path has anything in it that a shell could take for its own. */
function quote(path: string): string {
  if (process.platform === "win32") return `"${path}"`;
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

export interface Inspection {
  readonly seal: SealRecord | undefined;
  /** `created_at` of the newest migration it has had. */
  readonly migratedTo: number;
  /** How many migrations it has had. */
  readonly schema: number;
}

/**
 * Looks at a database of ours without writing a byte: whether it is sound, how it is sealed, how far it has come.
 * @param newest `created_at` of the newest migration that this version knows
 * @throws StoreOpenError when it is damaged, or when a newer version made it
 */
export function inspect(path: string, newest: number): Inspection {
  let connection: Connection | undefined;
  try {
    connection = openToLook(path);
    checkPages(connection, path);
    const [migrations] = connection.prepare("SELECT max(created_at), count(*) FROM __drizzle_migrations").values();
    const migratedTo = Number(migrations?.[0]);
    if (migratedTo > newest) throw newer(path);
    const [seal] = connection.prepare("SELECT value FROM meta WHERE name = 'seal'").values();
    return {
      seal: typeof seal?.[0] === "string" ? (JSON.parse(seal[0]) as SealRecord) : undefined,
      migratedTo,
      schema: Number(migrations?.[1]),
    };
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    if (isLocked(error)) throw new StoreOpenError(`${path} is locked by another program. Close it, then start again.`);
    throw damaged(path, codeOf(error) ?? "not readable", error);
  } finally {
    connection?.close();
  }
}

function newer(path: string): StoreOpenError {
  return new StoreOpenError(
    `${path} was made by a newer version of sluice and was left as it is. Start that version, or restore an older backup.`,
  );
}

/** A database whose last user closed it is read as one that nobody changes: SQLite then puts no files beside it. */
function openToLook(path: string): Connection {
  const hasChanges = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (!hasChanges) {
    const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants;
    return new Connection(`${pathToFileURL(path).href}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }
  const connection = new Connection(path, { readonly: true });
  connection.run("PRAGMA busy_timeout = 100");
  return connection;
}

/** @throws StoreOpenError that names the first thing that is wrong */
export function checkPages(connection: Connection, path: string): void {
  const whole = statSync(path).size <= WHOLE_CHECK_BYTES;
  const checks = whole ? ["quick_check(1)"] : VITAL_TABLES.map((table) => `quick_check(${table})`);
  for (const check of checks) {
    const answer = connection.pragma(check);
    if (answer !== "ok") throw damaged(path, String(answer).replaceAll(/\s+/g, " "));
  }
}
