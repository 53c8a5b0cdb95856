import { dirname } from "node:path";
import type { ProviderStatus } from "../pool/status.ts";
import type { Provider } from "../providers/provider.ts";
import type { HourFigures } from "../store/store.ts";
import type { Overview, ProviderView, Verdict } from "./admin.ts";
import { type HourDeps, hourReader } from "./hours.ts";
import { verdictOf } from "./verdict.ts";

export interface OverviewDeps extends HourDeps {
  readonly version: string;
  /** The file in use, absolute. */
  readonly database: string;
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

export function overviewReader(deps: OverviewDeps): OverviewReader {
  const { pool, providers, clock } = deps;
  const hours = hourReader(deps);

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

  const providerView = (provider: Provider, hour: HourFigures): ProviderView => ({
    name: provider.name,
    title: provider.title,
    needsAccounts: provider.credential !== undefined,
    models: pool.models(provider.name).map(({ id }) => id),
    ...statusOf(provider.name),
    hour,
    help: provider.credential?.help,
  });

  return {
    verdict,
    async overview() {
      const [hour, ...ofProviders] = await hours();
      return {
        at: clock.now(),
        version: deps.version,
        dataDir: dirname(deps.database),
        database: deps.database,
        verdict: verdict(),
        providers: ofProviders.map(([provider, its]) => providerView(provider, its)),
        accounts: pool.views(),
        hour,
        notices: deps.notices(),
      };
    },
  };
}
