import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { inTransaction, type Connection } from "./connection.ts";
import { isLocked, storeFailure, troubleOf } from "./failure.ts";

/** How long a committed write waits for another program's lock, ms, and how often it looks. */
const LOCK_WAIT_MS = 1_000;
const LOCK_LOOK_MS = 20;

/** Tries once; false when the database is locked and there is time left. */
type Attempt = () => boolean;

/** Writes that wait to be committed together. */
interface Group {
  readonly works: (() => void)[];
  readonly done: PromiseWithResolvers<void>;
  /** Monotonic ms by which it is committed; undefined once that is at the end of this turn of the loop. */
  dueAt: number | undefined;
  cancelTimer(): void;
}

/**
 * The only writer. SQLite's own waiting for locks is off: it would stand still with every stream of the process, so a
 * write that meets a lock is tried again by the clock. Writes keep their order while they wait.
 */
export class Writer {
  /** Why writing does not work right now, in words. */
  trouble: string | undefined;
  /** Called when writing begins to fail. */
  onTrouble: () => void = () => undefined;
  readonly #waiting: Attempt[] = [];
  #group: Group | undefined;

  constructor(
    readonly connection: Connection,
    readonly clock: Clock,
    readonly log: Log,
  ) {}

  /**
   * Commits in one transaction. `durable` also waits for the disk, for what must outlive a power cut: 0.4 ms on an SSD.
   * `committed` runs in the same turn of the loop as the commit.
   * @throws GatewayError store-unavailable in words
   */
  commit<T>(work: () => T, durable = false, committed?: (result: T) => void): Promise<T> {
    this.commitGroup();
    return new Promise((resolve, reject) => {
      const deadline = this.clock.monotonic() + LOCK_WAIT_MS;
      const attempt = () => {
        try {
          const result = this.#write(work, durable);
          committed?.(result);
          resolve(result);
        } catch (error) {
          if (isLocked(error) && this.clock.monotonic() < deadline) return false;
          reject(this.#failed(error));
        }
        return true;
      };
      if (this.#waiting.length === 0 && attempt()) return;
      this.#waiting.push(attempt);
      if (this.#waiting.length === 1) this.#lookLater();
    });
  }

  /**
   * Commits together with all that is grouped meanwhile: a transaction alone costs ten times its row. Resolves when it is
   * committed: at the end of this turn of the loop, or within `withinMs` where it may wait for others. What is committed
   * or read meanwhile comes after it.
   * @throws GatewayError store-unavailable in words
   */
  grouped(work: () => void, withinMs = 0): Promise<void> {
    const group = (this.#group ??= {
      works: [],
      done: Promise.withResolvers(),
      dueAt: Infinity,
      cancelTimer: () => undefined,
    });
    group.works.push(work);
    if (withinMs === 0) this.hurryGroup();
    else this.#commitBy(group, this.clock.monotonic() + withinMs);
    return group.done.promise;
  }

  /** Commits what is grouped at the end of this turn of the loop, with all that comes until then. */
  hurryGroup(): void {
    const group = this.#group;
    if (group?.dueAt === undefined) return;
    group.dueAt = undefined;
    group.cancelTimer();
    setImmediate(() => this.commitGroup());
  }

  /** Commits what is grouped now. */
  commitGroup(): void {
    const group = this.#group;
    if (!group) return;
    this.#group = undefined;
    group.cancelTimer();
    const work = () => group.works.forEach((run) => run());
    this.commit(work).then(group.done.resolve, group.done.reject);
  }

  /**
   * Tries a write that may stay undone for now.
   * @returns whether it is committed; if not, `trouble` says why
   * @throws what is not the database's state but a mistake in the work
   */
  tryNow<T>(work: () => T, committed?: (result: T) => void): boolean {
    try {
      const result = this.#write(work, false);
      committed?.(result);
      return true;
    } catch (error) {
      this.#failed(error);
      if (!troubleOf(error)) throw error;
      return false;
    }
  }

  /** Reads. @throws GatewayError store-unavailable in words */
  read<T>(work: () => T): T {
    this.commitGroup();
    try {
      return work();
    } catch (error) {
      throw storeFailure(error, this.clock.now());
    }
  }

  #commitBy(group: Group, at: number): void {
    if (group.dueAt === undefined || group.dueAt <= at) return;
    group.dueAt = at;
    group.cancelTimer();
    group.cancelTimer = this.clock.after(at - this.clock.monotonic(), () => this.commitGroup());
  }

  #write<T>(work: () => T, durable: boolean): T {
    if (durable) this.connection.run("PRAGMA synchronous = FULL");
    try {
      const result = inTransaction(this.connection, work);
      if (this.trouble) this.log.info("store-recovered");
      this.trouble = undefined;
      return result;
    } finally {
      if (durable) this.connection.run("PRAGMA synchronous = NORMAL");
    }
  }

  #failed(error: unknown): unknown {
    const words = troubleOf(error);
    if (words) {
      if (this.trouble !== words) this.log.warn("store-failed", { reason: words });
      this.trouble = words;
      this.onTrouble();
    }
    return storeFailure(error, this.clock.now());
  }

  #lookLater(): void {
    this.clock.after(LOCK_LOOK_MS, () => {
      while (this.#waiting[0]?.()) this.#waiting.shift();
      if (this.#waiting.length > 0) this.#lookLater();
    });
  }
}
