import { toGatewayError } from "../chat/error.ts";
import { type Config, ConfigError } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import { createFetchImage } from "../lib/fetch-image.ts";
import { HttpAgent } from "../lib/http-client/agent.ts";
import type { Log } from "../lib/log.ts";
import { proxyFor } from "../lib/proxy.ts";
import { USER_AGENTS } from "../lib/user-agents.ts";
import { Pool, type PoolSettings } from "../pool/pool.ts";
import { Prober } from "../pool/prober.ts";
import { UsageSync } from "../pool/usage-sync.ts";
import { buildProviders } from "../providers/index.ts";
import type { Provider } from "../providers/provider.ts";
import { createUpstreamFetch } from "../providers/upstream-fetch.ts";
import { Conversations } from "../router/conversation.ts";
import { Resolver } from "../router/resolve.ts";
import { Router } from "../router/run.ts";
import type { Store } from "../store/store.ts";

export interface DataPathDeps {
  readonly config: () => Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  readonly random: () => number;
}

/** From a request to the upstream that answers it, and what looks after the accounts meanwhile. */
export interface DataPath {
  readonly providers: readonly Provider[];
  readonly pool: Pool;
  readonly prober: Prober;
  readonly usage: UsageSync;
  readonly conversations: Conversations;
  readonly router: Router;
}

/**
 * Opens the stored accounts; no timer runs yet.
 * @throws GatewayError store-unavailable; ConfigError for a file of models that is none
 */
export async function buildDataPath({ config, store, clock, log, random }: DataPathDeps): Promise<DataPath> {
  const providers = providersOf(config);
  const agent = new HttpAgent();
  const pool = await Pool.open({
    store,
    providers,
    clock,
    log,
    userAgents: USER_AGENTS,
    random,
    settings: ofConfig(config, poolSettingsOf),
    createFetch: ({ proxy }) =>
      createUpstreamFetch({
        agent,
        clock,
        connectMs: config().router.connectMs,
        proxy: (target) => proxy ?? proxyFor(target, config().outbound),
      }),
    proxy: (provider) => proxyFor(new URL(socketUrlOf(provider, config())), config().outbound),
  });
  const { books } = pool;
  const accounts = () => pool.all();
  const everyMs = () => config().routing.usageSyncMs;
  const conversations = new Conversations({
    store: store.conversations,
    pool,
    clock,
    log,
    random,
    ready: () => config().longcat.sessionReady,
    keptIdleMs: () => config().routing.conversationIdleMs,
  });
  const router = new Router({
    pool,
    resolver: resolverOf(config, providers, pool),
    conversations,
    attempts: store.attempts,
    clock,
    log,
    fetchImage: createFetchImage({ clock }),
    settings: ofConfig(config, (now) => ({ ...now.router, ...now.pool })),
  });
  return {
    providers,
    pool,
    prober: new Prober({ books, accounts, clock, log }),
    usage: new UsageSync({ books, accounts, clock, log, random, everyMs }),
    conversations,
    router,
  };
}

/** What is made of the configuration, anew only when that has changed: every request asks. */
function ofConfig<T>(config: () => Config, make: (config: Config) => T): () => T {
  let from = config();
  let made = make(from);
  return () => {
    const now = config();
    if (now !== from) made = make((from = now));
    return made;
  };
}

function poolSettingsOf({ pool, router, longcat }: Config): PoolSettings {
  const { strategy, breakerFailures, breakerWindowMs, breakerOpenMs } = pool;
  return {
    ...pool,
    strategy: (provider) => strategy.byProvider[provider] ?? strategy.fallback,
    queueMs: router.queueMs,
    breaker: { failures: breakerFailures, windowMs: breakerWindowMs, openMs: breakerOpenMs },
    userAgents: longcat.userAgents,
  };
}

function resolverOf(config: () => Config, providers: readonly Provider[], pool: Pool): Resolver {
  return new Resolver({
    providers,
    defaultModel: () => config().router.defaultModel,
    knownModels: () => config().router.knownModels,
    tables: () => config().routing,
    accountModels: (name) => pool.models(name),
    services: () => pool.services(),
    revision: () => pool.revision,
    offers: ({ name, credential, guests }) =>
      credential === undefined ||
      pool.lender(name).accounts.length > 0 ||
      (guests?.count ?? 0) > 0 ||
      (config().longcat.callerCookies && credential.fromBearer !== undefined),
  });
}

/** A file that a setting names is read here for the first time. @throws ConfigError when it does not hold what it should */
function providersOf(config: () => Config): readonly Provider[] {
  try {
    return buildProviders(config);
  } catch (error) {
    const { modelsPath } = config().langfast;
    if (modelsPath === undefined) throw error;
    const { message } = toGatewayError(error);
    throw new ConfigError(`LANGFAST_MODELS: ${message} Allowed: a file with a JSON list of models`, { cause: error });
  }
}

/** Where a provider's sockets go to; whoever has none is taken for one of the usual kind. */
function socketUrlOf(provider: string, { cto, langfast }: Config): string {
  return { cto: cto.socketUrl, langfast: langfast.socketUrl }[provider] ?? "wss://upstream.invalid";
}
