import { GatewayError } from "../chat/error.ts";
import { orAborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";

/** One request on its way through the gateway. */
export interface Turn {
  /** Aborts when the client leaves or the gateway stops; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  /** Resolves when the turn may call an upstream; undefined when it may at once. Rejects with the signal's reason. */
  readonly admitted: Promise<void> | undefined;
  /** The client went away. */
  leave(): void;
  /** The turn is over, well or not. */
  end(): void;
}

/** Every turn under way, so that a stopping gateway can wait for them and then end them in words. */
export interface Turns {
  /** @throws GatewayError stopping once `drain` was called */
  begin(client: AbortSignal): Turn;
  /** Turns under way, those in line included. */
  readonly size: number;
  /** Turns in line because as many as may be are calling upstreams. */
  readonly waiting: number;
  readonly stopping: boolean;
  /** Takes no new turns and resolves when the last one is over; after `graceMs` the rest are ended with an error. */
  drain(graceMs: number): Promise<void>;
}

/** How long ended streams have to write their last frame. */
const LAST_WORDS_MS = 500;

/** @param most turns that may call upstreams at once: what is beyond it waits in line, first come first served */
export function createTurns(clock: Clock, most = Number.POSITIVE_INFINITY): Turns {
  const open = new Set<AbortController>();
  const line = new Map<AbortController, () => void>();
  let stopping = false;
  let emptied: (() => void) | undefined;

  const stand = (controller: AbortController): Promise<void> =>
    new Promise((resolve) => void line.set(controller, resolve));
  const admitNext = (): void => {
    const [next] = line;
    if (!next) return;
    line.delete(next[0]);
    next[1]();
  };

  return {
    get size() {
      return open.size;
    },
    get waiting() {
      return line.size;
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
      const admitted = open.size - line.size < most ? undefined : orAborted(stand(controller), controller.signal);
      open.add(controller);
      return {
        signal: controller.signal,
        admitted,
        leave,
        end() {
          client.removeEventListener("abort", leave);
          open.delete(controller);
          if (!line.delete(controller)) admitNext();
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
