import { abortReason } from "../../chat/error.ts";
import type { Abortable } from "../../lib/abort.ts";

interface Waiter {
  readonly model: string;
  readonly enter: () => void;
}

/**
 * Lets turns of one model in together and turns of another one only afterwards: v2 has one model for the whole team, which
 * a turn sets before it begins. First come, first served.
 */
export class ModelGate {
  #model: string | undefined;
  #inside = 0;
  #waiting: Waiter[] = [];

  /** Resolves to what lets the next one in; calling it again does nothing. @throws GatewayError the signal's reason */
  async enter(model: string, signal: Abortable): Promise<() => void> {
    if (signal.aborted) throw abortReason(signal);
    if (this.#inside > 0 && (this.#model !== model || this.#waiting.length > 0)) await this.#wait(model, signal);
    else this.#admit(model);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside -= 1;
      this.#next();
    };
  }

  #admit(model: string): void {
    this.#model = model;
    this.#inside += 1;
  }

  #wait(model: string, signal: Abortable): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(abortReason(signal));
        this.#next();
      };
      const waiter: Waiter = {
        model,
        enter: () => {
          signal.removeEventListener("abort", abort);
          this.#admit(model);
          resolve();
        },
      };
      signal.addEventListener("abort", abort);
      this.#waiting.push(waiter);
    });
  }

  #next(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#inside > 0 && next.model !== this.#model) return;
      this.#waiting.shift();
      next.enter();
    }
  }
}
