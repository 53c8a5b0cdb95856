import type { Clock } from "../src/lib/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that stands still until a test moves it. Timers fire in order of their time; `now` and `monotonic` run together
 * unless `jump` moves the wall clock alone, as a user or NTP would.
 */
export class VirtualClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Map<number, Timer>();

  /** @param wall the wall time to begin with, epoch ms */
  constructor(wall = Date.UTC(2026, 10, 20, 12)) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): () => void {
    const order = this.#order++;
    this.#timers.set(order, { at: this.#monotonic + Math.max(ms, 0), order, run });
    return () => void this.#timers.delete(order);
  }

  /** Timers that have not fired yet: zero when nothing was leaked. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the wall clock alone by `ms`, which may be negative; no timer notices. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /**
   * Moves time on by `ms` and fires what falls due on the way, each timer at its own moment. Before, between and after
   * them the event loop turns, so that what a timer set going has settled when the next one fires.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await turn();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#moveTo(next.at);
      this.#timers.delete(next.order);
      next.run();
      await turn();
    }
    this.#moveTo(end);
    await turn();
  }

  #moveTo(at: number): void {
    const step = Math.max(at - this.#monotonic, 0);
    this.#monotonic += step;
    this.#wall += step;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** Lets promises, microtasks and I/O that is ready run. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
