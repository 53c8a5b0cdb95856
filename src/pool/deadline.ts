import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";

/**
 * Runs work that nobody's request bounds: its signal aborts after `ms`, or with `stopping`.
 * @param what completes "… in time.", for the failure's text
 */
export async function withDeadline<T>(
  { clock, stopping, ms, what }: { clock: Clock; stopping: AbortSignal; ms: number; what: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const stop = (): void => deadline.abort(stopping.reason);
  if (stopping.aborted) stop();
  stopping.addEventListener("abort", stop, { once: true });
  const cancel = clock.after(ms, () => deadline.abort(new GatewayError("upstream-timeout", `${what} in time.`)));
  try {
    return await work(deadline.signal);
  } finally {
    cancel();
    stopping.removeEventListener("abort", stop);
  }
}
