/** Waiting for what is shared, and for what may take only so long. */
import { abortReason, GatewayError } from "../../chat/error.ts";
import { orAborted, type Abortable } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { withDeadline } from "../../lib/deadline.ts";

/** As `orAborted`, with the reason as the error that crosses folders. */
export function untilAborted<T>(work: Promise<T>, signal: Abortable): Promise<T> {
  return orAborted(work, signal).catch((error: unknown) => {
    throw signal.aborted ? abortReason(signal) : error;
  });
}

/** Runs `work`, which must end with the signal it gets, as `withDeadline` does. `who` begins the sentence about silence. */
export function inTime<T>(
  clock: Clock,
  ms: number,
  who: string,
  work: (signal: Abortable) => Promise<T>,
  outer?: Abortable,
): Promise<T> {
  const late = new GatewayError("upstream-timeout", `${who} did not answer within ${ms / 1000} s.`);
  return withDeadline({ clock, ms, late, outer }, work).catch((error: unknown) => {
    throw outer?.aborted ? abortReason(outer) : error;
  });
}
