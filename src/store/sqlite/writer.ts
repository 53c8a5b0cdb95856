import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { inTransaction, type Connection } from "./connection.ts";
import { isLocked, storeFailure, troubleOf } from "./failure.ts";

/** How long a committed write waits for another program's lock, ms, and how often it looks. */
const LOCK_WAIT_MS = 1_000;
const LOCK_LOOK_MS = 20;

/** Tries once; false when the database is locked and there is time left. */
type Attempt = () => boolean;

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
    try {
      return work();
    } catch (error) {
      throw storeFailure(error, this.clock.now());
    }
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
