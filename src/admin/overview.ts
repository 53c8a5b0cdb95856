import type { Clock } from "../lib/clock.ts";
import type { Pool } from "../pool/pool.ts";
import type { ProviderStatus } from "../pool/status.ts";
import type { Provider } from "../providers/provider.ts";
import type { HourFigures, Store } from "../store/store.ts";
import type { Overview, ProviderView, Verdict } from "./admin.ts";
import { verdictOf } from "./verdict.ts";

export interface OverviewDeps {
  readonly store: Store;
  readonly pool: Pool;
  readonly providers: readonly Provider[];
  readonly clock: Clock;
  readonly version: string;
  readonly dataDir: string;
  readonly ready: () => boolean;
  readonly trouble: () => string | undefined;
  readonly notices: () => readonly string[];
}

export interface OverviewReader {
  verdict(): Verdict;
  overview(): Promise<Overview>;
}

/** It answers so that a first question can be asked, and serves nobody. */
const DEMO = "demo";

/** Figures of the last hour cost a query over the log: they hold until something changes, as time alone moves them slowly. */
const FIGURES_MS = 10_000;

export function overviewReader(deps: OverviewDeps): OverviewReader {
  const { store, pool, providers, clock } = deps;
  const figures = new Map<string, { readAt: number; value: Promise<HourFigures> }>();
  pool.subscribe(() => figures.clear());

  const hour = (provider?: string): Promise<HourFigures> => {
    const key = provider ?? "";
    const known = figures.get(key);
    if (known && clock.monotonic() - known.readAt < FIGURES_MS) return known.value;
    const value = store.attempts.lastHour(clock.now(), startOfDay(clock.now()), provider);
    value.catch(() => figures.delete(key));
    figures.set(key, { readAt: clock.monotonic(), value });
    return value;
  };

  const statusOf = (name: string): ProviderStatus => {
    const status = pool.status(name);
    // With the guests switched off a service has none.
    return status.guests?.wanted === 0 ? { ...status, guests: undefined } : status;
  };

  const verdict = () =>
    verdictOf({
      ready: deps.ready(),
      trouble: deps.trouble(),
      accounts: pool.views(),
      broken: pool.cutOff(),
      guests: providers.flatMap(({ name }) => {
        const { guests } = statusOf(name);
        return guests ? [{ provider: name, ...guests }] : [];
      }),
      free: providers.some(({ name, credential }) => credential === undefined && name !== DEMO),
    });

  const providerView = async (provider: Provider): Promise<ProviderView> => ({
    name: provider.name,
    title: provider.title,
    needsAccounts: provider.credential !== undefined,
    models: pool.models(provider.name).map(({ id }) => id),
    ...statusOf(provider.name),
    hour: await hour(provider.name),
    help: provider.credential?.help,
  });

  return {
    verdict,
    async overview() {
      return {
        at: clock.now(),
        version: deps.version,
        dataDir: deps.dataDir,
        verdict: verdict(),
        providers: await Promise.all(providers.map(providerView)),
        accounts: pool.views(),
        hour: await hour(),
        notices: deps.notices(),
      };
    },
  };
}

/** Midnight of the machine's own zone, epoch ms. */
function startOfDay(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
