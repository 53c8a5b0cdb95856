import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";

/** Aborts after `ms` with the failure that says so. */
export function deadline(clock: Clock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.after(ms, () =>
    controller.abort(new GatewayError("upstream-timeout", `There was no complete answer within ${ms / 1000} seconds.`)),
  );
  return controller.signal;
}
