import type { ConversationRecord } from "../store.ts";
import type { ChatJournal, ChatName } from "./chat-journal.ts";

/** What becomes of the row of a chat. */
interface Waiting {
  /** Undefined when there is to be none. */
  readonly row: ConversationRecord | undefined;
  /** The database has never had it: nothing is left to do once it is dropped. */
  readonly isNew: boolean;
}

const GONE: Waiting = { row: undefined, isNew: false };

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
  /** By account and by the upstream's name. */
  readonly #waiting = new Map<string, Map<string, Waiting>>();

  constructor(journal: ChatJournal, sink: ChatSink) {
    this.#journal = journal;
    this.#sink = sink;
  }

  /** False when a kill would lose it: the journal could not take its name. */
  put(row: ConversationRecord): boolean {
    const chats = this.#of(row.accountId);
    const isNew = chats.get(row.upstreamId)?.isNew ?? (row.state === "ready" || row.state === "busy");
    chats.set(row.upstreamId, { row, isNew });
    return this.#journal.add(row);
  }

  drop({ accountId, upstreamId }: ChatName): void {
    const chats = this.#of(accountId);
    if (chats.get(upstreamId)?.isNew) chats.delete(upstreamId);
    else chats.set(upstreamId, GONE);
  }

  /** The rows of the database as they will be. */
  over(rows: readonly ConversationRecord[]): ConversationRecord[] {
    const all = rows.filter(({ accountId, upstreamId }) => !this.#waiting.get(accountId)?.has(upstreamId));
    for (const chats of this.#waiting.values()) for (const { row } of chats.values()) if (row) all.push(row);
    return all;
  }

  /** Inside a transaction; `forget` follows when it is committed. */
  write(): void {
    for (const [accountId, chats] of this.#waiting) {
      for (const [upstreamId, { row }] of chats) {
        if (row) this.#sink.put(row);
        else this.#sink.drop({ accountId, upstreamId });
      }
    }
  }

  forget(): void {
    this.#waiting.clear();
    this.#journal.clear();
  }

  /** The account is gone with its chats. */
  forgetAccount(accountId: string): void {
    this.#waiting.delete(accountId);
  }

  #of(accountId: string): Map<string, Waiting> {
    let chats = this.#waiting.get(accountId);
    if (!chats) this.#waiting.set(accountId, (chats = new Map()));
    return chats;
  }
}
