/** Waiting for what is shared, and for what may take only so long. */
import { GatewayError } from "../../chat/error.ts";
import { orAborted } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";

/** As `orAborted`, with the reason as the error that crosses folders. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
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
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(outer?.reason);
  outer?.addEventListener("abort", stop, { once: true });
  if (outer?.aborted) stop();
  const cancel = clock.after(ms, () =>
    controller.abort(new GatewayError("upstream-timeout", `${who} did not answer within ${ms / 1000} s.`)),
  );
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? reasonOf(controller.signal) : error;
  } finally {
    cancel();
    outer?.removeEventListener("abort", stop);
  }
}

/** Why a signal aborted, as the error that crosses folders. */
export function reasonOf({ reason }: AbortSignal): GatewayError {
  if (reason instanceof GatewayError) return reason;
  return new GatewayError("cancelled", "The turn was cancelled.", { cause: reason });
}
