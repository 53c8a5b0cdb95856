import { statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { toGatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { newestBackup } from "./backups.ts";
import { prepareFolder, takeFile } from "./files.ts";
import { StoreOpenError } from "./open-error.ts";
import { Rescue } from "./rescue.ts";
import { newSealing, storedSealing } from "./seal-key.ts";
import { connect, type Connection } from "./sqlite/connection.ts";
import { troubleOf } from "./sqlite/failure.ts";
import { damaged, inspect, standingOf } from "./sqlite/inspect.ts";
import { create, newestMigration, upgrade } from "./sqlite/migrate.ts";
import { sqliteStore } from "./sqlite/open.ts";
import type { Store } from "./store.ts";

export { StoreOpenError };

export interface OpenOptions {
  /** The folder of `sluice.db`; made (0700) if it is not there. */
  readonly dataDir: string;
  /** Names the database file itself, in whatever folder. */
  readonly databasePath?: string;
  /** The passphrase of the sealing key; undefined for the key file beside the database. */
  readonly secret?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenedStore {
  readonly store: Store;
  /** What the owner should know, one sentence or two each. */
  readonly notices: string[];
  /** The file in use; lock its folder. */
  readonly databasePath: string;
}

const DATABASE_FILE = "sluice.db";
const KEY_FILE = "sluice.key";

/** The database file that `openStore` will use: the folder to lock is its own. A file that is not ours is passed over. */
export function databasePathOf({ dataDir, databasePath }: Pick<OpenOptions, "dataDir" | "databasePath">): string {
  const usual = join(resolve(dataDir), DATABASE_FILE);
  if (databasePath === undefined) return usual;
  const named = resolve(databasePath);
  return standingOf(named) === "foreign" ? join(dirname(named), DATABASE_FILE) : named;
}

/**
 * Opens the store, or makes it. Call it with the lock of its folder held (lock.ts).
 * @throws StoreOpenError with a text for the terminal; then not a byte of an existing database was changed
 */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { secret, clock, log } = options;
  const path = databasePathOf(options);
  const folder = dirname(path);
  prepareFolder(folder);
  const notices: string[] = [];
  if (options.databasePath !== undefined && resolve(options.databasePath) !== path) {
    const named = resolve(options.databasePath);
    notices.push(`${named} belongs to another program and is left alone; ${path} is used. Try: sluice import ${named}`);
  }

  const keyPath = join(folder, KEY_FILE);
  const standing = standingOf(path);
  if (standing === "foreign") {
    throw new StoreOpenError(
      `${path} belongs to another program and is left alone. Name another folder with DATA_DIR or DB_PATH.`,
    );
  }
  if (standing === "broken") throw damaged(path, sizeOf(path) === 0 ? "it is empty" : "its header is not a database's");

  let sealing;
  if (standing === "nothing") {
    if (sizeOf(`${path}-wal`) > 0) throw damaged(path, "it is missing, but the file of its last changes is there");
    const backup = newestBackup(path);
    if (backup) notices.push(`${path} was not there, so a new one was made. The newest backup is ${backup}.`);
    const [made, record] = await newSealing(keyPath, secret);
    create(path, record);
    sealing = made;
  } else {
    takeFile(path);
    const found = inspect(path, newestMigration());
    sealing = await storedSealing(keyPath, secret, found.seal);
    const copy = upgrade(path, found, clock.now());
    if (copy) notices.push(`The database was upgraded; a copy from before is ${copy}.`);
  }
  const rescue = new Rescue(`${path}-rescue`, sealing, log);
  const store = sqliteStore(connectOrRefuse(path), sealing, rescue, clock, log);
  await takeIn(rescue, store, log);
  return { store, notices, databasePath: path };
}

/** Commits what an earlier process could not. What still cannot be committed is read from the file meanwhile. */
async function takeIn(rescue: Rescue, store: Store, log: Log): Promise<void> {
  const known = new Set((await store.accounts.all()).map(({ id }) => id));
  for (const id of rescue.ids) {
    const rescued = rescue.get(id);
    if (!rescued || !known.has(id)) continue;
    const { credential, ...change } = rescued;
    try {
      await store.accounts.saveCredential(id, credential, change);
      log.info("credential-taken-in", { account: id });
    } catch (error) {
      log.warn("commit-failed", { key: `credential ${id}`, reason: toGatewayError(error).message });
    }
  }
}

function connectOrRefuse(path: string): Connection {
  try {
    return connect(path);
  } catch (error) {
    const words = troubleOf(error);
    throw words ? new StoreOpenError(`Cannot open ${path}: ${words}.`, { cause: error }) : error;
  }
}

/** Bytes; 0 for a file that is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
