import { Aborter, follow, type Abortable } from "../lib/abort.ts";
import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";

/**
 * Runs work that nobody's request bounds: its signal aborts after `ms`, or with `stopping`.
 * @param what completes "… in time.", for the failure's text
 */
export async function withDeadline<T>(
  { clock, stopping, ms, what }: { clock: Clock; stopping: Abortable; ms: number; what: string },
  work: (signal: Abortable) => Promise<T>,
): Promise<T> {
  const deadline = new Aborter();
  const unfollow = follow(stopping, deadline);
  const cancel = clock.after(ms, () => deadline.abort(new GatewayError("upstream-timeout", `${what} in time.`)));
  try {
    return await work(deadline);
  } finally {
    cancel();
    unfollow();
  }
}
