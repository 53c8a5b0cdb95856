import type { Abortable } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";

/** Wakes one waiter; a ring that nobody waited for is kept for the next. */
export class Bell {
  #rung = false;
  #wake = (): void => {};

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Resolves at the ring or after `ms`, whichever is first. @throws the signal's reason */
  wait(clock: Clock, ms: number, signal: Abortable): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#wake = () => {};
        this.#rung = false;
        cancel();
        signal.removeEventListener("abort", aborted);
      };
      const done = (): void => {
        over();
        resolve();
      };
      const aborted = (): void => {
        over();
        reject(signal.reason);
      };
      const cancel = clock.after(ms, done);
      this.#wake = done;
      signal.addEventListener("abort", aborted);
      if (signal.aborted) aborted();
      else if (this.#rung) done();
    });
  }
}
