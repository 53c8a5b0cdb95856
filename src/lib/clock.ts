/** Time as an argument: the program passes `systemClock`, tests a virtual one. */
import type { Abortable } from "./abort.ts";

export interface Clock {
  /** Wall time, epoch ms: for stored times and times an upstream named. */
  now(): number;
  /** Monotonic ms from an unnamed origin: for deadlines, so that a jumping wall clock does not fire them. */
  monotonic(): number;
  /** Calls `run` once after `ms` (at least 0) and returns what cancels it. It does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** The longest delay setTimeout takes without overflowing. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal?: Abortable): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort);
  });
}

/** Calls `run` in `ms`, and again `ms` after each time it returned. Returns what ends this. */
export function every(clock: Clock, ms: number, run: () => void): () => void {
  let isOver = false;
  let cancel = (): void => {};
  const wait = (): void => {
    cancel = clock.after(ms, () => {
      run();
      if (!isOver) wait();
    });
  };
  wait();
  return () => {
    isOver = true;
    cancel();
  };
}
