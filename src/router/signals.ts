import { toGatewayError, type GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";

/** The failure an aborted signal stands for; undefined while it has not aborted. */
export function failureOf(signal: Abortable): GatewayError | undefined {
  return signal.aborted ? toGatewayError(signal.reason) : undefined;
}
