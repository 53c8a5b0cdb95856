import { randomBytes, scrypt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { unusable, writeDurably } from "./files.ts";
import { StoreOpenError } from "./open-error.ts";
import { sealingOf, type Sealing } from "./sealing.ts";

/** Stored with the database: where its key comes from, and a value that only that key opens. */
export type SealRecord =
  | { readonly kind: "file"; readonly check: string }
  | { readonly kind: "passphrase"; readonly salt: string; readonly check: string };

const KEY_BYTES = 32;
const CHECK_TEXT = "sluice";
const CHECK_OWNER = "check";
/** 32 MiB and some 80 ms: dear to guess at, bearable at every start on a small machine. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };

/**
 * A sealing for a new database: from the passphrase, else from the key file, which is made when it is not there and is on
 * the disk before this resolves.
 */
export async function newSealing(keyPath: string, secret: string | undefined): Promise<[Sealing, SealRecord]> {
  if (secret !== undefined) {
    const salt = randomBytes(16);
    const sealing = sealingOf(await derive(secret, salt));
    return [sealing, { kind: "passphrase", salt: salt.toString("hex"), check: checkOf(sealing) }];
  }
  if (!existsSync(keyPath)) writeDurably(keyPath, randomBytes(KEY_BYTES));
  const sealing = sealingOf(readKey(keyPath));
  return [sealing, { kind: "file", check: checkOf(sealing) }];
}

/**
 * The sealing of an existing database. A key is never replaced: without the right one nobody can read the credentials.
 * @throws StoreOpenError when the key is missing or another one
 */
export async function storedSealing(
  keyPath: string,
  secret: string | undefined,
  record: SealRecord | undefined,
): Promise<Sealing> {
  if (!record) throw new StoreOpenError("The database does not say how its credentials are sealed. Restore a backup.");
  if (record.kind === "passphrase") {
    if (secret === undefined) {
      throw new StoreOpenError("The credentials are sealed with a passphrase: set SLUICE_SECRET to it.");
    }
    const sealing = sealingOf(await derive(secret, Buffer.from(record.salt, "hex")));
    if (opens(sealing, record)) return sealing;
    throw new StoreOpenError("SLUICE_SECRET is not the passphrase that the credentials are sealed with.");
  }
  if (!existsSync(keyPath)) {
    throw new StoreOpenError(
      `The sealing key ${keyPath} is missing. Put it back: without it the stored credentials cannot be read.`,
    );
  }
  const sealing = sealingOf(readKey(keyPath));
  if (!opens(sealing, record)) {
    throw new StoreOpenError(`${keyPath} is not the key that the credentials are sealed with. Put the right one back.`);
  }
  if (secret !== undefined) {
    throw new StoreOpenError(
      `SLUICE_SECRET is set, but the credentials are sealed with ${basename(keyPath)}. Start without SLUICE_SECRET.`,
    );
  }
  return sealing;
}

function readKey(path: string): Uint8Array {
  let key: Uint8Array;
  try {
    key = readFileSync(path);
  } catch (error) {
    throw unusable(path, error);
  }
  if (key.length === KEY_BYTES) return key;
  throw new StoreOpenError(`${path} is damaged: it has ${key.length} bytes, not ${KEY_BYTES}. Put the right one back.`);
}

function derive(secret: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize("NFC"), salt, KEY_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function checkOf(sealing: Sealing): string {
  return sealing.seal(CHECK_TEXT, CHECK_OWNER).toString("hex");
}

function opens(sealing: Sealing, record: SealRecord): boolean {
  try {
    return sealing.open(Buffer.from(record.check, "hex"), CHECK_OWNER) === CHECK_TEXT;
  } catch {
    return false; // another key: the tag does not match
  }
}
