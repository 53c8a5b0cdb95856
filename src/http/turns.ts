import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";

/** One request on its way through the gateway. */
export interface Turn {
  /** Aborts when the client leaves or the gateway stops; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  /** The client went away. */
  leave(): void;
  /** The turn is over, well or not. */
  end(): void;
}

/** Every turn under way, so that a stopping gateway can wait for them and then end them in words. */
export interface Turns {
  /** @throws GatewayError stopping once `drain` was called */
  begin(client: AbortSignal): Turn;
  readonly size: number;
  readonly stopping: boolean;
  /** Takes no new turns and resolves when the last one is over; after `graceMs` the rest are ended with an error. */
  drain(graceMs: number): Promise<void>;
}

/** How long ended streams have to write their last frame. */
const LAST_WORDS_MS = 500;

export function createTurns(clock: Clock): Turns {
  const open = new Set<AbortController>();
  let stopping = false;
  let emptied: (() => void) | undefined;

  return {
    get size() {
      return open.size;
    },
    get stopping() {
      return stopping;
    },
    begin(client) {
      if (stopping) throw new GatewayError("stopping", "The gateway is stopping. Try again in a few seconds.");
      const controller = new AbortController();
      const leave = () => controller.abort(new GatewayError("cancelled", "The client left."));
      if (client.aborted) leave();
      else client.addEventListener("abort", leave, { once: true });
      open.add(controller);
      return {
        signal: controller.signal,
        leave,
        end() {
          client.removeEventListener("abort", leave);
          open.delete(controller);
          if (open.size === 0) emptied?.();
        },
      };
    },
    async drain(graceMs) {
      stopping = true;
      if (open.size === 0) return;
      const empty = new Promise<void>((resolve) => (emptied = resolve));
      await Promise.race([empty, new Promise<void>((resolve) => clock.after(graceMs, resolve))]);
      for (const controller of open) {
        controller.abort(new GatewayError("stopping", "The gateway was stopped before this answer was complete."));
      }
      if (open.size > 0)
        await Promise.race([empty, new Promise<void>((resolve) => clock.after(LAST_WORDS_MS, resolve))]);
    },
  };
}
