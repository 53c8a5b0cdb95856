import { toGatewayError, type GatewayError } from "../chat/error.ts";

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

/** The failure an aborted signal stands for; undefined while it has not aborted. */
export function failureOf(signal: AbortSignal): GatewayError | undefined {
  return signal.aborted ? toGatewayError(signal.reason) : undefined;
}
