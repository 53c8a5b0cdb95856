import { accessSync, chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { StoreOpenError } from "./open-error.ts";

/** Makes the data folder (0700) if needed. @throws StoreOpenError that says which folder and user when it is of no use */
export function prepareFolder(folder: string): void {
  try {
    const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
    // A folder that was there may be anybody's home; one that is empty is meant for us.
    if (made === undefined && readdirSync(folder).length === 0) chmodSync(folder, 0o700);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const trial = join(folder, `.sluice-trial-${process.pid}`);
    closeSync(openSync(trial, "w", 0o600)); // a folder on a read-only disk passes every check of rights
    rmSync(trial);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** Makes a file readable for its owner alone. @throws StoreOpenError when it cannot be written by this user */
export function takeFile(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    makePrivate(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** Takes a file's rights from everybody but its owner. */
function makePrivate(path: string): void {
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** The refusal of a folder or file that this user may not use. */
export function unusable(path: string, cause: unknown): StoreOpenError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoreOpenError(`${path} cannot be written: the disk is full. Make room there.`, { cause });
  }
  return new StoreOpenError(
    `${path} cannot be written by ${userName()} (${code}). Give this user the folder, or name another with DATA_DIR or DB_PATH.`,
    { cause },
  );
}

function userName(): string {
  const id = process.getuid ? ` (uid ${process.getuid()})` : "";
  const name = knownName();
  return name === undefined ? `this user${id}` : `user ${name}${id}`;
}

/** Undefined where nothing tells: a container's user id has no name, and Bun looks no further than the environment. */
function knownName(): string | undefined {
  try {
    const { username } = userInfo();
    return username === "unknown" ? undefined : username;
  } catch {
    return undefined;
  }
}

/**
 * Writes a 0600 file that is whole or not there at all, and on the disk when this returns. Replaces an older one.
 * @throws StoreOpenError when it cannot be written
 */
export function writeDurably(path: string, bytes: Uint8Array | string): void {
  moveDurably(writePart(path, bytes, fsyncSync), path);
}

/** The same for a file that tells of this process: it need not outlive the machine, so nobody waits for the disk. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  renameSync(writePart(path, bytes), path);
}

function writePart(path: string, bytes: Uint8Array | string, sync?: (file: number) => void): string {
  const part = `${path}.part`;
  let file: number | undefined;
  try {
    file = openSync(part, "w", 0o600);
    writeFileSync(file, bytes); // a plain write may end early on a disk that fills up, and says so to nobody
    sync?.(file);
    return part;
  } catch (error) {
    rmSync(part, { force: true });
    throw unusable(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Renames, and puts the new name on the disk. */
export function moveDurably(from: string, to: string): void {
  renameSync(from, to);
  if (process.platform === "win32") return; // Windows opens no folder
  const folder = openSync(dirname(to), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
