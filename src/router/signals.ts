import { toGatewayError, type GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";

/** Passes an abort on, with its reason; returns what ends that. */
export function follow(signal: Abortable, follower: { abort(reason: unknown): void }): () => void {
  const abort = (): void => follower.abort(signal.reason);
  if (signal.aborted) {
    abort();
    return () => {};
  }
  signal.addEventListener("abort", abort);
  return () => signal.removeEventListener("abort", abort);
}

/** The failure an aborted signal stands for; undefined while it has not aborted. */
export function failureOf(signal: Abortable): GatewayError | undefined {
  return signal.aborted ? toGatewayError(signal.reason) : undefined;
}
