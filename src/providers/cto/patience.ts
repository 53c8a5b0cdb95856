/** Waiting for what is shared, and for what may take only so long. */
import { GatewayError } from "../../chat/error.ts";
import { Aborter, follow, orAborted, type Abortable } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";

/** As `orAborted`, with the reason as the error that crosses folders. */
export function untilAborted<T>(work: Promise<T>, signal: Abortable): Promise<T> {
  return orAborted(work, signal).catch((error: unknown) => {
    throw signal.aborted ? reasonOf(signal) : error;
  });
}

/**
 * Runs `work`, which must end with the signal it gets: that aborts after `ms`, or with `outer`. `who` begins the sentence
 * about silence.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  who: string,
  work: (signal: Abortable) => Promise<T>,
  outer?: Abortable,
): Promise<T> {
  const deadline = new Aborter();
  const unfollow = outer && follow(outer, deadline);
  const late = new GatewayError("upstream-timeout", `${who} did not answer within ${ms / 1000} s.`);
  const cancel = clock.after(ms, () => deadline.abort(late));
  try {
    return await work(deadline);
  } catch (error) {
    throw deadline.aborted ? reasonOf(deadline) : error;
  } finally {
    cancel();
    unfollow?.();
  }
}

/** Why a signal aborted, as the error that crosses folders. */
export function reasonOf({ reason }: Abortable): GatewayError {
  if (reason instanceof GatewayError) return reason;
  return new GatewayError("cancelled", "The turn was cancelled.", { cause: reason });
}
