/**
 * The file that an export is: JSON, in clear or sealed by a passphrase (scrypt, then AES-256-GCM over the clear JSON, with
 * the whole header authenticated).
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { GatewayError } from "../chat/error.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { AccountChanges } from "./admin.ts";
import type { ImportItem, Reading, Refusal } from "./import/reading.ts";

/** The word in the head of each export. */
export const EXPORT_FORMAT = "sluice-export";
const VERSION = 1;

export interface ExportedAccount {
  readonly provider: string;
  /** Of the provider's own shape. Secret. */
  readonly credential: unknown;
  readonly settings: AccountChanges;
  readonly disabled: boolean;
}

export interface ClearExport {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: typeof VERSION;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly accounts: readonly ExportedAccount[];
  /** What the console saved, by name; left out unless it was asked for. */
  readonly settings?: Readonly<Record<string, string>>;
}

interface SealedHeader {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: typeof VERSION;
  readonly createdAt: string;
  readonly cipher: "aes-256-gcm";
  /** Salt, nonce, tag and data are base64. */
  readonly kdf: {
    readonly name: "scrypt";
    readonly cost: number;
    readonly blockSize: number;
    readonly parallel: number;
    readonly salt: string;
  };
  readonly nonce: string;
}

export interface SealedExport extends SealedHeader {
  readonly tag: string;
  readonly data: string;
}

/** 32 MiB and about half a second on a small machine: dear for whoever guesses. */
const KDF = { cost: 32_768, blockSize: 8, parallel: 3 } as const;
/** A file may ask for no more than this, or it could exhaust the machine. */
const MOST_KDF_BYTES = 268_435_456;
const MOST_PARALLEL = 16;
const NONCE_BYTES = 12;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** An export that anybody can read. @param createdAt epoch ms */
export function clearExport(
  createdAt: number,
  accounts: readonly ExportedAccount[],
  settings: Readonly<Record<string, string>> | undefined,
): ClearExport {
  const head = { format: EXPORT_FORMAT, version: VERSION, createdAt: new Date(createdAt).toISOString() } as const;
  return { ...head, accounts, ...(settings === undefined ? {} : { settings }) };
}

/** The same behind a passphrase: only when it was made can be read without it, and no field can be changed unseen. */
export async function sealExport(clear: ClearExport, passphrase: string): Promise<SealedExport> {
  const header: SealedHeader = {
    format: EXPORT_FORMAT,
    version: VERSION,
    createdAt: clear.createdAt,
    cipher: "aes-256-gcm",
    kdf: { name: "scrypt", ...KDF, salt: randomBytes(SALT_BYTES).toString("base64") },
    nonce: randomBytes(NONCE_BYTES).toString("base64"),
  };
  const cipher = createCipheriv("aes-256-gcm", await keyOf(header, passphrase), Buffer.from(header.nonce, "base64"));
  cipher.setAAD(Buffer.from(canonical(header)));
  const data = Buffer.concat([cipher.update(JSON.stringify(clear), "utf8"), cipher.final()]);
  return { ...header, tag: cipher.getAuthTag().toString("base64"), data: data.toString("base64") };
}

/** @throws GatewayError invalid-request when the passphrase is not the one, or the file is not as it was written */
export async function openExport(sealed: SealedExport, passphrase: string): Promise<ClearExport> {
  const wrong = "The passphrase is wrong, or the file is damaged.";
  const key = await keyOf(sealed, passphrase);
  let text: string;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(sealed.nonce, "base64"), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(canonical(sealed)));
    decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
    text = Buffer.concat([decipher.update(Buffer.from(sealed.data, "base64")), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new GatewayError("invalid-request", wrong, { field: "passphrase", cause });
  }
  const parsed = parseJson(text);
  const clear = parsed.ok ? exportIn(parsed.value) : undefined;
  if (!clear) throw new GatewayError("invalid-request", "What is sealed in the file is no export.", { field: "files" });
  return clear;
}

/** Whether a text is a sealed export. */
export function isSealed(text: string): boolean {
  return sealedIn(text) !== undefined;
}

/**
 * The sealed export in a text; undefined when it is none.
 * @throws GatewayError invalid-request for one that is of a newer version or incomplete
 */
export function sealedExportIn(text: string): SealedExport | undefined {
  const fields = sealedIn(text);
  if (!fields) return undefined;
  checkVersion(fields["version"]);
  const { createdAt, cipher, kdf, nonce, tag, data } = fields;
  const numbers = isObject(kdf) ? [kdf["cost"], kdf["blockSize"], kdf["parallel"]] : [];
  const texts = [createdAt, nonce, tag, data, isObject(kdf) ? kdf["salt"] : undefined];
  const isWhole = texts.every((one) => typeof one === "string") && numbers.every(Number.isSafeInteger);
  if (!isWhole || cipher !== "aes-256-gcm" || !isObject(kdf) || kdf["name"] !== "scrypt") {
    throw new GatewayError("invalid-request", "The header of this sealed export is incomplete.", { field: "files" });
  }
  return fields as unknown as SealedExport;
}

/** The clear export that a document is; undefined when it is none. */
export function exportIn(document: unknown): ClearExport | undefined {
  if (!isObject(document) || document["format"] !== EXPORT_FORMAT || !Array.isArray(document["accounts"]))
    return undefined;
  return document as unknown as ClearExport;
}

/** What an export holds, entry by entry. */
export function readExport(path: string, own: ClearExport): Reading {
  if (own.version !== VERSION) {
    return { items: [], refused: [{ from: path, reason: NEWER }], notes: [], predecessors: ["Sluice"] };
  }
  const items: ImportItem[] = [];
  const refused: Refusal[] = [];
  own.accounts.forEach((account: unknown, index) => {
    const from = `${path}, account ${index + 1}`;
    const { provider, credential, settings, disabled } = isObject(account) ? account : {};
    if (typeof provider !== "string" || !isObject(credential))
      refused.push({ from, reason: "It lacks provider or credential." });
    else {
      const carried = isObject(settings) ? (settings as AccountChanges) : {};
      items.push({
        kind: "account",
        from,
        provider,
        opened: credential,
        settings: carried,
        disabled: disabled === true,
      });
    }
  });
  for (const [name, value] of Object.entries(own.settings ?? {})) {
    if (typeof value === "string") items.push({ kind: "setting", from: `${path}, ${name}`, name, value });
  }
  return { items, refused, notes: [], predecessors: ["Sluice"] };
}

const NEWER = "This export was written by a newer version; update this gateway first.";

function checkVersion(version: unknown): void {
  if (version !== VERSION) throw new GatewayError("invalid-request", NEWER, { field: "files" });
}

function sealedIn(text: string): Record<string, unknown> | undefined {
  if (!text.includes(EXPORT_FORMAT)) return undefined;
  const parsed = parseJson(text);
  const fields = parsed.ok && isObject(parsed.value) ? parsed.value : undefined;
  return fields?.["format"] === EXPORT_FORMAT && "cipher" in fields ? fields : undefined;
}

/** The header in one fixed order: what must not be changed unnoticed. */
function canonical({ format, version, createdAt, cipher, kdf, nonce }: SealedHeader): string {
  return JSON.stringify([
    format,
    version,
    createdAt,
    cipher,
    kdf.name,
    kdf.cost,
    kdf.blockSize,
    kdf.parallel,
    kdf.salt,
    nonce,
  ]);
}

function keyOf({ kdf }: SealedHeader, passphrase: string): Promise<Buffer> {
  const { cost, blockSize, parallel, salt } = kdf;
  const bytes = 128 * cost * blockSize;
  const isSound = cost > 1 && Number.isInteger(Math.log2(cost)) && blockSize > 0 && parallel > 0;
  if (!isSound || bytes > MOST_KDF_BYTES || parallel > MOST_PARALLEL) throw unsound();
  const options = { N: cost, r: blockSize, p: parallel, maxmem: 2 * bytes + 1_048_576 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFC"), Buffer.from(salt, "base64"), KEY_BYTES, options, (error, key) =>
      error ? reject(unsound(error)) : resolve(key),
    );
  });
}

function unsound(cause?: unknown): GatewayError {
  const words = "The header of this sealed export is not valid, or asks for too much memory or time.";
  return new GatewayError("invalid-request", words, { field: "files", cause });
}
