import { Aborter, follow, type Abortable } from "./abort.ts";
import type { Clock } from "./clock.ts";

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** The reason once the time is up. */
  readonly late: unknown;
  /** Ends the work earlier, with its own reason. */
  readonly outer?: Abortable | undefined;
}

/**
 * Runs work that must end with the signal it gets: that aborts after `ms`, or with `outer`.
 * @throws the signal's reason once that has aborted, else what the work throws
 */
export async function withDeadline<T>(
  { clock, ms, late, outer }: Deadline,
  work: (signal: Abortable) => Promise<T>,
): Promise<T> {
  const signal = new Aborter();
  const unfollow = outer && follow(outer, signal);
  const cancelTimer = clock.after(ms, () => signal.abort(late));
  try {
    return await work(signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    cancelTimer();
    unfollow?.();
  }
}
