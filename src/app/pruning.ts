import { toGatewayError } from "../chat/error.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";

const DAY_MS = 86_400_000;
/** How often a bounded piece of old rows leaves the request log. */
const PRUNE_MS = 60_000;

/** Keeps the request log as short as the settings say, from time to time. Returns what stops it. */
export function startPruning(config: () => Config, store: Store, clock: Clock, log: Log): () => void {
  const prune = () => {
    const { requestLogDays, requestLogRows } = config().data;
    store.attempts
      .prune(clock.now() - requestLogDays * DAY_MS, requestLogRows)
      .catch((error: unknown) => log.warn("prune-failed", { reason: toGatewayError(error).message }));
    cancel = clock.after(PRUNE_MS, prune);
  };
  let cancel = clock.after(PRUNE_MS, prune);
  return () => cancel();
}
