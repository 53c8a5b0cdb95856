import { toGatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";

const RETRY_MS = 1000;

/**
 * Commits what must not be lost, while the store may be full, locked or gone: a write that fails is tried again each
 * second until it, or a newer write of the same key, is done. Writes of one key keep their order.
 */
export class Committer {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #latest = new Map<string, () => Promise<void>>();
  readonly #tails = new Map<string, Promise<boolean>>();
  #closed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** How many keys still have to be written. */
  get pending(): number {
    return this.#latest.size;
  }

  /** Resolves after the first try: true when it is committed, false when it will be tried again. Never rejects. */
  write(key: string, run: () => Promise<void>): Promise<boolean> {
    this.#latest.set(key, run);
    const before = this.#tails.get(key);
    const tail = before ? before.then(() => this.#try(key, run)) : this.#try(key, run);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return tail;
  }

  /** Tries whatever is still open once more, then stops trying. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#tails.values());
    await Promise.all([...this.#latest].map(([key, run]) => this.write(key, run)));
  }

  async #try(key: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      if (this.#latest.get(key) === run) this.#latest.delete(key);
      return true;
    } catch (error) {
      this.#log.warn("commit-failed", { key, reason: toGatewayError(error).message });
      if (!this.#closed && this.#latest.get(key) === run) {
        this.#clock.after(RETRY_MS, () => {
          if (this.#latest.get(key) === run) void this.write(key, run);
        });
      }
      return false;
    }
  }
}
