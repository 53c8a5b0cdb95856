import { readFileSync, rmSync } from "node:fs";
import type { Log } from "../lib/log.ts";
import { isObject, parseJson } from "../lib/json.ts";
import { writeDurably } from "./files.ts";
import type { Sealing } from "./sealing.ts";
import type { CredentialChange } from "./store.ts";

/** A credential that could not be committed. */
export interface Rescued extends CredentialChange {
  readonly credential: unknown;
}

/** As the file holds it. */
interface Entry extends CredentialChange {
  /** Base64 of the sealed credential. */
  readonly sealed: string;
}

/**
 * The file beside the database (0600, credentials sealed) for what the upstream has rotated and the database could not
 * take. A rotated credential cannot be asked for twice, so that losing it would end its account. Entries leave the file
 * when the database has them.
 */
export class Rescue {
  readonly #path: string;
  readonly #sealing: Sealing;
  readonly #log: Log;
  readonly #entries: Map<string, Entry>;
  /** The credential that each entry was made from, as JSON: a write that is tried again each second is one entry. */
  readonly #texts = new Map<string, string>();

  constructor(path: string, sealing: Sealing, log: Log) {
    this.#path = path;
    this.#sealing = sealing;
    this.#log = log;
    this.#entries = readEntries(path, log);
  }

  /** Account ids. */
  get ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Undefined when there is nothing of this account, or nothing that can be opened. */
  get(id: string): Rescued | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    try {
      const text = this.#sealing.open(Buffer.from(entry.sealed, "base64"), id);
      return { credential: JSON.parse(text), sourceHash: entry.sourceHash, identityHash: entry.identityHash };
    } catch {
      this.#log.error("rescued-credential-unreadable", { account: id });
      return undefined;
    }
  }

  /** Never throws: on a full disk there may be no room for this file either. */
  put(id: string, { credential, ...change }: Rescued): void {
    const text = JSON.stringify(credential);
    if (this.#texts.get(id) === text) return;
    const sealed = this.#sealing.seal(text, id).toString("base64");
    this.#entries.set(id, { ...change, sealed });
    if (!this.#write()) return;
    this.#texts.set(id, text);
    this.#log.warn("credential-set-aside", { account: id, reason: "the database cannot take it now" });
  }

  forget(id: string): void {
    this.#texts.delete(id);
    if (this.#entries.delete(id)) this.#write();
  }

  #write(): boolean {
    try {
      if (this.#entries.size === 0) rmSync(this.#path, { force: true });
      else writeDurably(this.#path, JSON.stringify(Object.fromEntries(this.#entries)));
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown error";
      this.#log.error("rescue-failed", { reason });
      return false;
    }
  }
}

function readEntries(path: string, log: Log): Map<string, Entry> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return new Map(); // the usual case: nothing had to be rescued
  }
  const parsed = parseJson(text);
  if (!parsed.ok || !isObject(parsed.value)) {
    log.error("rescue-unreadable", { file: path });
    return new Map();
  }
  return new Map(
    Object.entries(parsed.value).flatMap(([id, value]): [string, Entry][] => {
      if (!isObject(value) || typeof value["sealed"] !== "string") return [];
      const { sealed, sourceHash, identityHash } = value;
      return [[id, { sealed, sourceHash: textOf(sourceHash), identityHash: textOf(identityHash) }]];
    }),
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
