import type { Clock } from "../lib/clock.ts";
import { othersTurn } from "../lib/others-turn.ts";
import type { Pool } from "../pool/pool.ts";
import type { Provider } from "../providers/provider.ts";
import type { HourFigures, Store } from "../store/store.ts";

export interface HourDeps {
  readonly store: Store;
  readonly pool: Pool;
  readonly providers: readonly Provider[];
  readonly clock: Clock;
}

/** The figures of all providers together, and of each. */
export type Hours = readonly [all: HourFigures, ...each: [Provider, HourFigures][]];

/** Figures of the last hour hold until something changes, and for so long at most: time alone moves them slowly. */
const FIGURES_MS = 10_000;
/** They cost queries over the log. However busy it is, no more than one part in so many of the time goes into them. */
const PAUSE_PER_COST = 10;

/** Reads the figures of the last hour for who looks each second: anew once the log or an account has changed. */
export function hourReader({ store, pool, providers, clock }: HourDeps): () => Promise<Hours> {
  let known: { readonly value: Promise<Hours>; readonly readAt: number } | undefined;
  let changed = false;
  let costMs = 0;
  pool.subscribe(() => (changed = true));

  const read = async (): Promise<Hours> => {
    const now = clock.now();
    let busyMs = 0;
    const of = async (provider?: string) => {
      await othersTurn();
      const startedAt = clock.monotonic();
      const figures = await store.attempts.lastHour(now, startOfDay(now), provider);
      busyMs += clock.monotonic() - startedAt;
      return figures;
    };
    const all = await of();
    const each: [Provider, HourFigures][] = [];
    for (const provider of providers) each.push([provider, await of(provider.name)]);
    costMs = busyMs;
    return [all, ...each];
  };

  return () => {
    const ageMs = known ? clock.monotonic() - known.readAt : Infinity;
    if (known && ageMs < (changed ? costMs * PAUSE_PER_COST : FIGURES_MS)) return known.value;
    changed = false;
    const value = read();
    value.catch(() => (known = undefined));
    known = { value, readAt: clock.monotonic() };
    return value;
  };
}

/** Midnight of the machine's own zone, epoch ms. */
function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
