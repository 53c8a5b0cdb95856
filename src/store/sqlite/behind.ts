import { GatewayError } from "../../chat/error.ts";
import type { AttemptRecord, ConversationRecord, RequestRecord } from "../store.ts";
import type { ChatName } from "./chat-journal.ts";
import { codeOf } from "./failure.ts";
import { type AccountChange, type FigureSink, WaitingFigures } from "./waiting-figures.ts";
import type { WaitingChats } from "./waiting-chats.ts";
import type { Writer } from "./writer.ts";

/** The most that a kill may lose: this long, ms, or this many events. */
const FLUSH_MS = 500;
const FLUSH_EVENTS = 100;
const RETRY_MS = 1_000;
/** A timer may fire this much early. */
const TIMER_SLACK_MS = 1;
/** Log rows kept in memory while nothing can be written; beyond it the oldest go, a step at a time. */
const MOST_ROWS = 20_000;
const DROP_STEP = 1_000;
/** Log rows a transaction, so that catching up never holds the loop for long. */
const ROWS_A_FLUSH = 500;

/** What the queue writes with: prepared statements. */
export interface BehindSink extends FigureSink {
  attempts(rows: readonly AttemptRecord[]): void;
  requests(rows: readonly RequestRecord[]): void;
  /** A write that proves the disk takes writes again. */
  probe(): void;
}

/**
 * Everything that is written behind. A record costs a push and a few additions; SQL runs by the clock. While the database
 * cannot be written everything stays here and is tried again each second: log rows up to a bound, figures always.
 */
export class Behind {
  readonly attempts: AttemptRecord[] = [];
  readonly requests: RequestRecord[] = [];
  readonly figures = new WaitingFigures();
  /** Log rows lost to the bound. */
  dropped = 0;
  #events = 0;
  /** Monotonic ms; undefined when no chat waits. The log is written more often than chats, most of which are short-lived. */
  #chatsDueAt: number | undefined;
  /** What the transaction has come to, and so what it is to blame on. */
  #writing: "chats" | "figures" | "rows" = "chats";
  #timer: { readonly dueAt: number; readonly cancel: () => void } | undefined;
  #isClosed = false;

  constructor(
    private readonly writer: Writer,
    private readonly sink: BehindSink,
    readonly chats: WaitingChats,
  ) {
    writer.onTrouble = () => this.#arm(RETRY_MS);
  }

  get isEmpty(): boolean {
    return this.#rows + this.figures.size === 0 && this.#chatsDueAt === undefined;
  }

  get #rows(): number {
    return this.attempts.length + this.requests.length;
  }

  recordAttempt(attempt: AttemptRecord): void {
    this.attempts.push(attempt);
    if (attempt.accountId !== undefined) this.figures.count(attempt.accountId, attempt);
    this.#added();
  }

  recordRequest(request: RequestRecord): void {
    this.requests.push(request);
    this.#added();
  }

  touchKey(id: string, at: number): void {
    this.#replace(this.figures.keyUses, id, at);
  }

  touchSetting(name: string, value: unknown): void {
    this.#replace(this.figures.settings, name, value);
  }

  touchAccount(id: string, change: Pick<AccountChange, "memory" | "quota">): void {
    Object.assign(this.figures.of(id), change);
    this.#added();
  }

  /** False when a kill before the next flush would lose it. */
  putChat(row: ConversationRecord): boolean {
    this.#chatWaits();
    return this.chats.put(row);
  }

  dropChat(name: ChatName): void {
    this.#chatWaits();
    this.chats.drop(name);
  }

  /** Writes all that is there now, waiting for locks. @throws GatewayError store-unavailable */
  async flush(): Promise<void> {
    while (!this.isEmpty) {
      try {
        await this.writer.commit(
          () => this.#write(true),
          false,
          (written) => this.#forget(written),
        );
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        this.#discard(error);
      }
    }
  }

  /** Writes what is there if that is little and works at once, so that a read finds it in the database. */
  flushForRead(): void {
    if (!this.isEmpty && !this.writer.trouble) this.#flushSome(true);
  }

  /** Nothing is written from now on. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #chatWaits(): void {
    if (this.#chatsDueAt !== undefined) return;
    this.#chatsDueAt = this.writer.clock.monotonic() + FLUSH_MS;
    if (!this.writer.trouble) this.#arm(FLUSH_MS);
  }

  /** What takes the place of another that waits is no event more to lose. */
  #replace<Value>(values: Map<string, Value>, name: string, value: Value): void {
    const { size } = values;
    values.set(name, value);
    if (values.size > size) this.#added();
  }

  #added(): void {
    this.#events++;
    if (this.writer.trouble) this.#bound();
    else if (this.#events === 1) this.#arm(FLUSH_MS);
    else if (this.#events === FLUSH_EVENTS) this.#arm(0);
  }

  #bound(): void {
    if (this.#rows <= MOST_ROWS) return;
    const longer = this.attempts.length > this.requests.length ? this.attempts : this.requests;
    this.dropped += longer.splice(0, DROP_STEP).length;
  }

  /** Flushes in `ms`, or when it was going to anyway if that is sooner. */
  #arm(ms: number): void {
    const dueAt = this.writer.clock.monotonic() + ms;
    if (this.#isClosed || (this.#timer && this.#timer.dueAt <= dueAt)) return;
    this.#timer?.cancel();
    this.#timer = { dueAt, cancel: this.writer.clock.after(ms, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.isEmpty) {
      if (this.writer.trouble) this.writer.tryNow(() => this.sink.probe());
      return;
    }
    const now = this.writer.clock.monotonic();
    if (!this.#flushSome(this.#chatsDueAt !== undefined && this.#chatsDueAt <= now + TIMER_SLACK_MS)) return;
    // The loop turns between two transactions.
    if (this.#rows + this.figures.size > 0) this.#arm(0);
    else if (this.#chatsDueAt !== undefined) this.#arm(this.#chatsDueAt - now);
  }

  /** One bounded transaction. False when it could not be written; a retry is then under way. */
  #flushSome(chatsToo: boolean): boolean {
    try {
      return this.writer.tryNow(
        () => this.#write(chatsToo),
        (written) => this.#forget(written),
      );
    } catch (error) {
      this.#discard(error);
      return true;
    }
  }

  /** A record that the database refuses for what it is would be in the way of all others for ever. */
  #discard(error: unknown): void {
    this.writer.log.error("record-refused", { code: codeOf(error), rows: this.#rows });
    if (this.#writing === "rows") this.#forgetRows(batchOf(this));
    else if (this.#writing === "figures") this.figures.clear();
    else this.#forgetChats();
    this.#events = 0;
  }

  /** Inside a transaction. Nothing leaves the memory before the commit. */
  #write(chatsToo: boolean): Batch {
    const batch = { ...batchOf(this), chats: chatsToo };
    this.#writing = "chats";
    if (chatsToo) this.chats.write();
    this.#writing = "figures";
    this.figures.write(this.sink);
    this.#writing = "rows";
    this.sink.attempts(this.attempts.slice(0, batch.attempts));
    this.sink.requests(this.requests.slice(0, batch.requests));
    return batch;
  }

  /** In the same turn as the commit, so that no record comes between. */
  #forget(batch: Batch): void {
    this.figures.clear();
    this.#forgetRows(batch);
    if (batch.chats) this.#forgetChats();
    this.dropped = 0;
    this.#events = 0;
  }

  #forgetChats(): void {
    this.chats.forget();
    this.#chatsDueAt = undefined;
  }

  #forgetRows(batch: LogBatch): void {
    this.attempts.splice(0, batch.attempts);
    this.requests.splice(0, batch.requests);
  }
}

/** How many of the oldest log rows one transaction writes. */
interface LogBatch {
  readonly attempts: number;
  readonly requests: number;
}

interface Batch extends LogBatch {
  readonly chats: boolean;
}

function batchOf({ attempts, requests }: Behind): LogBatch {
  return { attempts: Math.min(attempts.length, ROWS_A_FLUSH), requests: Math.min(requests.length, ROWS_A_FLUSH) };
}
