import { readMigrationFiles } from "drizzle-orm/migrator";
import { migrate } from "drizzle-orm/bun-sqlite/migrator";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { assetRoot } from "../../lib/asset-root.ts";
import { upgradeBackupPath } from "../backups.ts";
import { moveDurably, takeFile } from "../files.ts";
import { StoreOpenError } from "../open-error.ts";
import type { SealRecord } from "../seal-key.ts";
import { Connection, drizzleOf } from "./connection.ts";
import { copyTo } from "./copy.ts";
import { troubleOf } from "./failure.ts";
import { APPLICATION_ID, checkPages, type Inspection } from "./inspect.ts";
import { meta } from "./schema.ts";

const MIGRATIONS = join(assetRoot, "drizzle", "sqlite");

/** `created_at` of the newest migration this version knows. */
export function newestMigration(migrations = MIGRATIONS): number {
  return readMigrationFiles({ migrationsFolder: migrations }).at(-1)?.folderMillis ?? 0;
}

/** Makes a database under another name and moves it in place when it is complete: a kill leaves all of it or nothing. */
export function create(path: string, seal: SealRecord, migrations = MIGRATIONS): void {
  const fresh = `${path}.new`;
  for (const leftover of [fresh, `${fresh}-journal`]) rmSync(leftover, { force: true });
  const connection = new Connection(fresh, { create: true, readwrite: true });
  try {
    takeFile(fresh);
    connection.run("PRAGMA auto_vacuum = INCREMENTAL"); // works only while there is no table
    connection.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    const db = drizzleOf(connection);
    migrate(db, { migrationsFolder: migrations });
    db.insert(meta).values({ name: "seal", value: seal }).run();
  } catch (error) {
    throw cannot("make", path, error);
  } finally {
    connection.close();
  }
  moveDurably(fresh, path);
}

/**
 * Brings a database up to this version, if it is behind, after a copy was made of it; all migrations are one transaction.
 * @param at epoch ms, for the copy's name
 * @returns the path of the copy; undefined when there was nothing to do
 * @throws StoreOpenError when it cannot be done; then it stays as it was
 */
export function upgrade(path: string, from: Inspection, at: number, migrations = MIGRATIONS): string | undefined {
  if (from.migratedTo >= newestMigration(migrations)) return undefined;
  const connection = new Connection(path, { create: false, readwrite: true });
  try {
    connection.run("PRAGMA busy_timeout = 100");
    const copy = upgradeBackupPath(path, from.schema, at);
    copyTo(connection, copy);
    migrate(drizzleOf(connection), { migrationsFolder: migrations });
    checkPages(connection, path);
    return copy;
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    throw cannot("upgrade", path, error);
  } finally {
    connection.close();
  }
}

function cannot(verb: string, path: string, cause: unknown): StoreOpenError {
  const words =
    troubleOf(cause) ?? hiddenTroubleOf(cause) ?? (cause instanceof Error ? cause.message : "unknown error");
  return new StoreOpenError(`Cannot ${verb} ${path}: ${words}.`, { cause });
}

/**
 * SQLite ends a transaction by itself when the disk takes no more; the migrator's own end of it then fails, and that is all
 * that is heard of it.
 */
function hiddenTroubleOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.message.includes("no transaction is active")) return "the disk is full, or reports an error";
  }
  return undefined;
}
