import { mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Copies of a database stand in this folder beside it. */
function backupFolder(databasePath: string): string {
  return join(dirname(databasePath), "backups");
}

/** Where the copy before an upgrade goes. @param schema the number of the schema that is left @param at epoch ms */
export function upgradeBackupPath(databasePath: string, schema: number, at: number): string {
  const folder = backupFolder(databasePath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const time = new Date(at).toISOString().slice(0, 19).replaceAll(":", "-");
  return join(folder, `${basename(databasePath, ".db")}-before-schema-${schema + 1}-${time}.db`);
}

/** The newest copy of a database, by the time of its last change; undefined when there is none. */
export function newestBackup(databasePath: string): string | undefined {
  const folder = backupFolder(databasePath);
  let newest: { path: string; at: number } | undefined;
  for (const name of namesIn(folder)) {
    if (!name.endsWith(".db")) continue;
    const path = join(folder, name);
    const at = statSync(path).mtimeMs;
    if (!newest || at > newest.at) newest = { path, at };
  }
  return newest?.path;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no backup was ever made
  }
}
