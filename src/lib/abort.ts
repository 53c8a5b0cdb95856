/** Hears of an abort. Does not throw: an Aborter's other listeners would not hear of it. */
export type AbortListener = { handleEvent(): void } | (() => void);

/** What may end work from outside: an AbortSignal, or an Aborter in its place. */
export interface Abortable {
  readonly aborted: boolean;
  /** Undefined until it has aborted. */
  readonly reason: unknown;
  /** @throws the reason once it has aborted */
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: AbortListener): void;
  removeEventListener(type: "abort", listener: AbortListener): void;
}

/** An AbortController and its signal in one, without their price, for what stays inside the house. */
export class Aborter implements Abortable {
  #reason: unknown;
  #aborted = false;
  readonly #listeners: AbortListener[] = [];

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  /** Calls each listener once, in the order in which they came, but none that another takes off; the first abort counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    for (let next = this.#listeners.shift(); next; next = this.#listeners.shift()) {
      if (typeof next === "function") next();
      else next.handleEvent();
    }
  }

  /** As with an AbortSignal, a listener that comes after the abort is not called. */
  addEventListener(_type: "abort", listener: AbortListener): void {
    if (!this.#aborted) this.#listeners.push(listener);
  }

  removeEventListener(_type: "abort", listener: AbortListener): void {
    const place = this.#listeners.indexOf(listener);
    if (place >= 0) this.#listeners.splice(place, 1);
  }
}

/** What `work` gives, or a rejection with the signal's reason as soon as it aborts; the work itself goes on. */
export function orAborted<T>(work: Promise<T>, signal: Abortable): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Passes an abort on, with its reason; returns what ends that. */
export function follow(signal: Abortable, follower: { abort(reason: unknown): void }): () => void {
  const abort = (): void => follower.abort(signal.reason);
  if (signal.aborted) {
    abort();
    return () => {};
  }
  signal.addEventListener("abort", abort);
  return () => signal.removeEventListener("abort", abort);
}
