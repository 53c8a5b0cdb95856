import { Database } from "bun:sqlite";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prepareFolder, writeWhole } from "./files.ts";
import { StoreOpenError } from "./open-error.ts";

/** The process that uses a data folder. */
export interface Holder {
  readonly pid: number;
  /** Where it listens: `http://127.0.0.1:8000`; undefined for a command, and until it listens. */
  readonly url?: string;
}

/** The right to use a data folder. The kernel takes it back when this process ends, however it ends. */
export interface Lock {
  /** Says to other processes who holds the folder and where it listens. */
  describe(holder: Holder): void;
  release(): void;
}

/** Another process uses the data folder; `holder` is undefined when it has not said who it is. */
export class FolderInUseError extends StoreOpenError {
  override readonly name = "FolderInUseError";
  constructor(
    folder: string,
    readonly holder: Holder | undefined,
  ) {
    const who = holder ? `process ${holder.pid}${holder.url ? ` at ${holder.url}` : ""}` : "another process";
    super(`${folder} is in use by ${who}. Stop it first, or name another folder with DATA_DIR or DB_PATH.`);
  }
}

/**
 * The lock is an exclusive transaction on a SQLite file of its own: the one file lock that Bun offers on every system and
 * that no kill leaves behind. On POSIX, closing any descriptor of the file gives the lock away, so nothing else in this
 * process may open it; who holds it stands in a second file.
 */
const LOCK_FILE = "sluice.lock";
const HOLDER_FILE = "sluice.running";

/** How long a holder that has just started may take to write its name, ms. */
const NAME_WAIT_MS = 300;

/** A database that is no longer referenced is closed by the collector, and its lock with it. */
const held = new Set<Database>();

/**
 * Takes the folder, within a second; makes it if it is not there.
 * @throws FolderInUseError when another process has it; StoreOpenError when it cannot be locked at all
 */
export function acquireLock(folder: string): Lock {
  const path = join(folder, LOCK_FILE);
  const holderPath = join(folder, HOLDER_FILE);
  prepareFolder(folder);
  const database = lockFile(path, () => new FolderInUseError(folder, readHolder(holderPath)));
  held.add(database);
  const describe = (holder: Holder) => writeWhole(holderPath, `${JSON.stringify(holder)}\n`);
  describe({ pid: process.pid });
  return {
    describe,
    release() {
      if (!held.delete(database)) return;
      rmSync(holderPath, { force: true });
      database.close();
    },
  };
}

function lockFile(path: string, inUse: () => StoreOpenError): Database {
  let database: Database | undefined;
  try {
    database = new Database(path, { create: true, readwrite: true });
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA journal_mode = MEMORY"); // no journal file that outlives a kill
    database.run("BEGIN EXCLUSIVE");
    chmodSync(path, 0o600); // by its name: a descriptor of our own would end the lock when it is closed
    return database;
  } catch (error) {
    database?.close();
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code.startsWith("SQLITE_BUSY")) throw inUse();
    throw new StoreOpenError(
      `${path} cannot be locked (${code || "unknown error"}). Delete this file, or move the data folder to a local disk.`,
      { cause: error },
    );
  }
}

/** Who holds the folder; waits a little for a holder that has not written its name yet. */
function readHolder(path: string): Holder | undefined {
  const deadline = performance.now() + NAME_WAIT_MS;
  for (;;) {
    const holder = parseHolder(path);
    if (holder && isAlive(holder.pid)) return holder;
    if (performance.now() >= deadline) return undefined;
    Bun.sleepSync(20);
  }
}

function parseHolder(path: string): Holder | undefined {
  try {
    const { pid, url } = JSON.parse(readFileSync(path, "utf8")) as { pid?: unknown; url?: unknown };
    if (typeof pid !== "number") return undefined;
    return typeof url === "string" ? { pid, url } : { pid };
  } catch {
    return undefined; // not written yet
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"; // it lives, as another user
  }
}
