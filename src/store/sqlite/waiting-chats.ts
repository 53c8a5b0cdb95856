import type { ConversationRecord } from "../store.ts";
import type { ChatJournal, ChatName } from "./chat-journal.ts";

/** What becomes of the row of a chat. */
interface Waiting {
  readonly name: ChatName;
  /** Undefined when there is to be none. */
  readonly row: ConversationRecord | undefined;
  /** The database has never had it: nothing is left to do once it is dropped. */
  readonly isNew: boolean;
}

/** How rows are written: one prepared statement each. */
export interface ChatSink {
  put(row: ConversationRecord): void;
  drop(name: ChatName): void;
}

/**
 * Rows of chats that the database does not have yet. The journal names them meanwhile, so that a kill leaves no chat
 * unknown; most live shorter than they wait here and cost the database nothing.
 */
export class WaitingChats {
  readonly #journal: ChatJournal;
  readonly #sink: ChatSink;
  readonly #waiting = new Map<string, Waiting>();

  constructor(journal: ChatJournal, sink: ChatSink) {
    this.#journal = journal;
    this.#sink = sink;
  }

  /** False when a kill would lose it: the journal could not take its name. */
  put(row: ConversationRecord): boolean {
    const key = keyOf(row);
    const isNew = this.#waiting.get(key)?.isNew ?? (row.state === "ready" || row.state === "busy");
    this.#waiting.set(key, { name: row, row, isNew });
    return this.#journal.add(row);
  }

  drop(name: ChatName): void {
    const key = keyOf(name);
    if (this.#waiting.get(key)?.isNew) this.#waiting.delete(key);
    else this.#waiting.set(key, { name, row: undefined, isNew: false });
  }

  /** The rows of the database as they will be. */
  over(rows: readonly ConversationRecord[]): ConversationRecord[] {
    const all = new Map(rows.map((row) => [keyOf(row), row]));
    for (const [key, { row }] of this.#waiting) {
      if (row) all.set(key, row);
      else all.delete(key);
    }
    return [...all.values()];
  }

  /** Inside a transaction; `forget` follows when it is committed. */
  write(): void {
    for (const { name, row } of this.#waiting.values()) {
      if (row) this.#sink.put(row);
      else this.#sink.drop(name);
    }
  }

  forget(): void {
    this.#waiting.clear();
    this.#journal.clear();
  }

  /** The account is gone with its chats. */
  forgetAccount(accountId: string): void {
    for (const [key, { name }] of this.#waiting) if (name.accountId === accountId) this.#waiting.delete(key);
  }
}

function keyOf({ accountId, upstreamId }: ChatName): string {
  return `${accountId} ${upstreamId}`;
}
