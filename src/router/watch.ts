import { GatewayError } from "../chat/error.ts";
import { isFirstEvent, type UpstreamEvent, type UpstreamStream } from "../chat/event.ts";
import type { Clock } from "../lib/clock.ts";

/** How long a stream may go on after its end event, so that its connection can be used again. */
const DRAIN_MS = 2000;

type Batch = readonly UpstreamEvent[];

/**
 * An upstream's stream that always ends. Whatever the provider does, a pending read ends as soon as `abort` aborts, with
 * its reason; so many ms without an event of any kind, while somebody waits for one, abort it. One timer a stream: it
 * looks how long the silence has lasted and is set again only then.
 */
export class WatchedStream implements AsyncIterableIterator<Batch> {
  readonly #source: AsyncIterator<Batch>;
  readonly #clock: Clock;
  readonly #abort: AbortController;
  readonly #idleMs: number;
  readonly #title: string;
  #held: Batch[] = [];
  #pending: { resolve(result: IteratorResult<Batch>): void; reject(error: unknown): void } | undefined;
  /** Monotonic ms since which the reader has waited without an event. */
  #waitsSince: number | undefined;
  #cancelTimer = (): void => {};
  #ended = false;
  #closed = false;

  constructor(source: UpstreamStream, clock: Clock, abort: AbortController, idleMs: number, title: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#clock = clock;
    this.#abort = abort;
    this.#idleMs = idleMs;
    this.#title = title;
    abort.signal.addEventListener("abort", () => this.#aborted(), { once: true });
  }

  /**
   * Reads until the first event is there, and holds what it read for `next`. The idle time counts from then on.
   * @throws GatewayError upstream-broken when the stream ends without an answer, what it throws, or the abort's reason
   */
  async begin(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#pull();
      if (done) throw new GatewayError("upstream-broken", `${this.#title} ended without an answer.`);
      if (value.length > 0) this.#held.push(value);
      const end = value.find((event) => event.type === "end");
      if (!end && !value.some(isFirstEvent)) continue;
      if (end && !this.#held.some((batch) => batch.some(isFirstEvent)) && !end.text && end.reason === "stop") {
        throw new GatewayError("upstream-broken", `${this.#title} gave an empty answer.`);
      }
      if (!this.#ended) this.#arm(this.#idleMs);
      return;
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Batch>> {
    if (this.#held.length === 0) return this.#pull();
    const value = this.#held.flat();
    this.#held = [];
    return Promise.resolve({ value, done: false });
  }

  /** Lets go: a stream that has ended is read to its last byte, any other is aborted. Does not wait for either. */
  return(): Promise<IteratorResult<Batch>> {
    if (!this.#closed) {
      this.#closed = true;
      this.#cancelTimer();
      if (this.#ended) this.#drain();
      else this.#abort.abort(new GatewayError("cancelled", "The answer is no longer wanted."));
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  #pull(): Promise<IteratorResult<Batch>> {
    if (this.#abort.signal.aborted) return Promise.reject(this.#abort.signal.reason as Error);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#waitsSince ??= this.#clock.monotonic();
      this.#source.next().then(this.#came, this.#failed);
    });
  }

  readonly #came = (result: IteratorResult<Batch>): void => {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    if (result.done) this.#cancelTimer();
    else if (result.value.length > 0) {
      this.#waitsSince = undefined;
      if (result.value.at(-1)?.type === "end") {
        this.#ended = true;
        this.#cancelTimer();
      }
    }
    pending.resolve(result);
  };

  readonly #failed = (error: unknown): void => {
    this.#cancelTimer();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  };

  #aborted(): void {
    this.#closed = true;
    const wasReading = this.#pending !== undefined;
    this.#failed(this.#abort.signal.reason);
    // A read that is under way ends by the signal; a generator that rests at a yield needs to be told.
    if (!wasReading) this.#closeSource();
  }

  #closeSource(): void {
    this.#source.return?.().then(ignore, ignore);
  }

  #drain(): void {
    const cancel = this.#clock.after(DRAIN_MS, () =>
      this.#abort.abort(new GatewayError("cancelled", "The answer is complete.")),
    );
    this.#source.next().then(cancel, cancel);
  }

  #arm(ms: number): void {
    this.#cancelTimer = this.#clock.after(ms, () => {
      const silentMs = this.#waitsSince === undefined ? 0 : this.#clock.monotonic() - this.#waitsSince;
      if (silentMs >= this.#idleMs) {
        const text = `${this.#title} has sent nothing for ${seconds(this.#idleMs)}.`;
        this.#abort.abort(new GatewayError("upstream-timeout", text));
      } else this.#arm(this.#idleMs - silentMs);
    });
  }
}

/** Ms as a text in seconds. */
export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** The stream was given up: how its rest fails interests nobody. */
function ignore(): void {}
