import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { parseJson } from "../../lib/json.ts";
import { unusable } from "../files.ts";

/** What an upstream and we call a chat. */
export interface ChatName {
  readonly accountId: string;
  readonly upstreamId: string;
}

/**
 * The file beside the database (0600) that names the chats which are not in it yet, a JSON array a line. Every turn waits
 * until its chat would outlive a kill: an append costs 2 µs, a transaction of its own ten times that.
 */
export class ChatJournal {
  /** What a process that was killed left behind; the file holds it until `clear`. */
  readonly left: readonly ChatName[];
  readonly #path: string;
  /** Undefined once it is closed: the system gives the number to another file. */
  #file: number | undefined;
  #isEmpty: boolean;

  /** @throws StoreOpenError when this user cannot write it */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, "a+", 0o600);
      this.left = namesIn(readFileSync(path, "utf8"));
    } catch (error) {
      throw unusable(path, error);
    }
    this.#isEmpty = this.left.length === 0;
  }

  /** False when the file cannot take it: a full disk, for one. */
  add({ accountId, upstreamId }: ChatName): boolean {
    if (this.#file === undefined) return false;
    // The line break comes first, so that a line that was cut off spoils none but itself.
    const line = `\n${JSON.stringify([accountId, upstreamId])}`;
    this.#isEmpty = false;
    try {
      return writeSync(this.#file, line) === Buffer.byteLength(line);
    } catch {
      return false;
    }
  }

  /** The database has them all. Never throws: a name too many is a chat that is deleted once more. */
  clear(): void {
    if (this.#isEmpty || this.#file === undefined) return;
    try {
      ftruncateSync(this.#file);
      this.#isEmpty = true;
    } catch {
      // The next time takes them away as well.
    }
  }

  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    if (this.#isEmpty) rmSync(this.#path, { force: true });
  }
}

function namesIn(text: string): ChatName[] {
  return text.split("\n").flatMap((line) => {
    const parsed = parseJson(line);
    if (!parsed.ok || !Array.isArray(parsed.value)) return [];
    const [accountId, upstreamId] = parsed.value as unknown[];
    return typeof accountId === "string" && typeof upstreamId === "string" ? [{ accountId, upstreamId }] : [];
  });
}
