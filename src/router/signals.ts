import { toGatewayError, type GatewayError } from "../chat/error.ts";
import { orAborted } from "../lib/abort.ts";

/** Passes an abort on, with its reason; returns what ends that. */
export function follow(signal: AbortSignal, controller: AbortController): () => void {
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) {
    abort();
    return () => {};
  }
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}

/** What `work` gives, or a rejection with the signal's reason as soon as it aborts; the work itself is not stopped. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return orAborted(work, signal).catch((error: unknown) => {
    throw failureOf(signal) ?? error;
  });
}

/** The failure an aborted signal stands for; undefined while it has not aborted. */
export function failureOf(signal: AbortSignal): GatewayError | undefined {
  return signal.aborted ? toGatewayError(signal.reason) : undefined;
}
