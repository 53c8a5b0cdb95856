import { Elysia } from "elysia";
import type { Admin } from "./admin/admin.ts";
import { createAdmin, savedSettings, type LiveSettings } from "./admin/create.ts";
import { openKeyRing } from "./admin/keys.ts";
import { overviewReader } from "./admin/overview.ts";
import { passwordHash, setPassword } from "./admin/password.ts";
import { SignIns } from "./admin/sign-ins.ts";
import { toGatewayError } from "./chat/error.ts";
import { type Config, readMovedEnv, settingViews, validateSetting, withSaved } from "./config.ts";
import { type ConsoleAuth, createAuth, createConsole } from "./console/index.ts";
import { dialects } from "./dialects/index.ts";
import { mountAdminApi } from "./http/admin-api.ts";
import { mountApi } from "./http/api.ts";
import { clientReader } from "./http/client.ts";
import { mountDocs } from "./http/docs.ts";
import { causeOf, failureResponse } from "./http/failure.ts";
import { mountHealth } from "./http/health.ts";
import { hostGuard } from "./http/hosts.ts";
import type { Peers } from "./http/listen.ts";
import { createTurns, type Turns } from "./http/turns.ts";
import type { Clock } from "./lib/clock.ts";
import { createFetchImage } from "./lib/fetch-image.ts";
import { newId } from "./lib/id.ts";
import type { Logger } from "./lib/logger.ts";
import { proxyFor } from "./lib/proxy.ts";
import { createUpstreamFetch } from "./providers/upstream-fetch.ts";
import { USER_AGENTS } from "./lib/user-agents.ts";
import { Pool, type PoolSettings } from "./pool/pool.ts";
import { Prober } from "./pool/prober.ts";
import { UsageSync } from "./pool/usage-sync.ts";
import { buildProviders } from "./providers/index.ts";
import { Conversations } from "./router/conversation.ts";
import { Resolver } from "./router/resolve.ts";
import { Router } from "./router/run.ts";
import type { Store } from "./store/store.ts";

export interface AppDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** The folder with `public/` and `vendor/`. */
  readonly assetRoot: string;
  /** Sentences for the page that opening the store and reading the settings gave. */
  readonly notices: readonly string[];
  /** Lets the command line of this machine speak to `/api`; undefined for none. */
  readonly operatorToken?: string;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** The whole gateway, composed and not listening: tests call `fetch`. */
export interface App {
  fetch(request: Request): Response | Promise<Response>;
  /** Whoever listens says here who is at the other end. */
  readonly peers: Peers;
  readonly admin: Admin;
  readonly auth: ConsoleAuth;
  readonly turns: Turns;
  /** Takes up what an earlier process left, brings in the environment's accounts and starts the timers. */
  start(): Promise<void>;
  /** Stops timers and pages and commits what is open; the store stays open. */
  stop(): Promise<void>;
}

/** How often a bounded piece of old rows leaves the request log. */
const PRUNE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Calls to upstreams kept free for probes, renewals and chats made ready, where their number is limited. */
const SPARE_CALLS = 32;

export async function buildApp(deps: AppDeps): Promise<App> {
  const { store, clock, log, version, assetRoot } = deps;
  const random = deps.random ?? Math.random;
  let config = withSaved(deps.config, await savedSettings(store));
  const notices = [...deps.notices];
  let ready = false;
  let reloadedAt = clock.now();
  const stopping = new AbortController();

  const providers = buildProviders(() => config);
  const isProvider = (name: string) => providers.some((provider) => provider.name === name);
  const poolSettings = (): PoolSettings => ({
    ...config.pool,
    strategy: (provider) => config.pool.strategy.byProvider[provider] ?? config.pool.strategy.fallback,
    queueMs: config.router.queueMs,
    breaker: {
      failures: config.pool.breakerFailures,
      windowMs: config.pool.breakerWindowMs,
      openMs: config.pool.breakerOpenMs,
    },
    userAgents: config.longcat.userAgents,
  });
  const pool = await Pool.open({
    store,
    providers,
    clock,
    log,
    userAgents: USER_AGENTS,
    random,
    settings: poolSettings,
    createFetch: ({ proxy }) =>
      createUpstreamFetch({
        clock,
        connectMs: config.router.connectMs,
        proxy: (target) => proxy ?? proxyFor(target, config.outbound),
      }),
    proxy: (provider) => proxyFor(new URL(socketUrlOf(provider, config)), config.outbound),
  });
  const prober = new Prober({ books: pool.books, accounts: () => pool.all(), clock, log });
  const usage = new UsageSync({
    books: pool.books,
    accounts: () => pool.all(),
    clock,
    log,
    random,
    everyMs: () => config.routing.usageSyncMs,
  });
  const conversations = new Conversations({
    store: store.conversations,
    pool,
    clock,
    log,
    random,
    ready: () => config.longcat.sessionReady,
    keptIdleMs: () => config.routing.conversationIdleMs,
  });
  const resolver = new Resolver({
    providers,
    defaultModel: () => config.router.defaultModel,
    knownModels: () => config.router.knownModels,
    order: () => config.routing.order,
    aliases: () => config.routing.aliases,
    fallbacks: () => config.routing.fallbacks,
    accountModels: (name) => pool.models(name),
    services: () => pool.services(),
    offers: ({ name, credential, guests }) =>
      credential === undefined ||
      pool.lender(name).accounts.length > 0 ||
      (guests?.count ?? 0) > 0 ||
      (config.longcat.callerCookies && credential.fromBearer !== undefined),
  });
  const router = new Router({
    pool,
    resolver,
    conversations,
    attempts: store.attempts,
    clock,
    log,
    fetchImage: createFetchImage({ clock }),
    settings: () => ({ ...config.router, ...config.pool }),
  });

  const trouble = () => store.trouble();
  const masters = config.server.masterKeys.map((key) => ({ name: "environment", key }));
  const keys = await openKeyRing(store, clock, masters);
  const overview = overviewReader({
    store,
    pool,
    providers,
    clock,
    version,
    dataDir: config.data.dataDir,
    ready: () => ready,
    trouble,
    notices: () => notices,
  });
  const settings: LiveSettings = {
    views: () => settingViews(config),
    objection: validateSetting,
    reload(saved) {
      config = withSaved(config, saved);
      log.setLevel(config.log.level);
    },
  };
  const signIns = new SignIns({ store, pool, providers, usage, clock, log });
  const admin = createAdmin({
    store,
    pool,
    router,
    usage,
    signIn: signIns.operations,
    keys,
    overview,
    settings,
    readEnvironment: readMovedEnv,
    clock,
  });
  const auth = createAuth({
    clock,
    sessions: store.sessions,
    passwordHash: () => passwordHash(store),
    setPassword: (password) => setPassword(store, password),
  });

  const turns = createTurns(clock, config.server.upstreamCalls - SPARE_CALLS);
  const peers: Peers = new WeakMap();
  const readClient = clientReader(config.server.trustedProxies);
  const { basePath, requireKey, allowedHosts, maxBodyBytes } = config.server;
  const longcat = () => ({
    accounts: pool.views().filter((account) => account.provider === "longcat"),
    position: pool.lender("longcat").position,
  });
  let routes: readonly { readonly method: string; readonly path: string }[] = [];
  const app = new Elysia({ normalize: false, handler: { standardHostname: false } })
    .onError(({ error: thrown }) => {
      const error = toGatewayError(thrown);
      const id = newId("req");
      if (error.kind === "internal") log.error("request-failed", { request: id, cause: causeOf(error) });
      return failureResponse(error, dialects[0], id, clock.now());
    })
    .use(
      mountHealth({
        version,
        clock,
        turns,
        verdict: overview.verdict,
        longcat,
        reloadedAt: () => reloadedAt,
        trouble,
        isStatsOpen: () => config.stats.enabled,
        basePath,
      }),
    )
    .use(await mountDocs({ version, assetRoot, basePath }))
    .use(
      mountAdminApi({
        admin,
        keys,
        operatorToken: deps.operatorToken,
        clock,
        maxBodyBytes,
        async replaceLongcatCookies(text) {
          const credentials = pool.provider("longcat").credential?.parse(text) ?? [];
          await pool.roster.syncEnvironment("longcat", credentials);
          reloadedAt = clock.now();
          return credentials.length;
        },
      }),
    )
    .use(
      await createConsole({
        admin,
        auth,
        assetRoot,
        basePath,
        log,
        clock,
        version,
        client: (request) => readClient(request, peers.get(request)),
        stopping: stopping.signal,
      }),
    )
    .use(
      mountApi({
        dialects,
        router,
        isProvider,
        methodsAt: (path) => routes.filter((route) => route.path === path).map((route) => route.method),
        turns,
        clock,
        log,
        maxBodyBytes,
        auth: {
          keys,
          requireKey,
          get callerAccounts() {
            return config.longcat.callerCookies ? providers : [];
          },
        },
      }),
    );
  routes = app.routes;
  const refused = hostGuard(allowedHosts, requireKey);

  /** One entry that cannot be read must not keep the others, and the page, from working. */
  const syncEnvironment = async (name: string, variable: string, entries: readonly string[]): Promise<void> => {
    const { credential } = pool.provider(name);
    const named = entries.flatMap((entry, index) => {
      try {
        return credential?.parse(entry) ?? [];
      } catch (error) {
        notices.push(`${variable}, entry ${index + 1}: ${toGatewayError(error).message}`);
        return [];
      }
    });
    await pool.roster.syncEnvironment(name, named);
  };

  /** A text is one whole where its provider can read it so; else its parts stand on lines or between `||`. */
  const entriesOf = (name: string, text: string): readonly string[] => {
    try {
      pool.provider(name).credential?.parse(text);
      return [text];
    } catch {
      return text.split(/\r?\n|\|\|/).filter((entry) => entry.trim() !== "");
    }
  };

  let cancelPrune = () => {};
  const prune = () => {
    const before = clock.now() - config.data.requestLogDays * DAY_MS;
    store.attempts
      .prune(before, config.data.requestLogRows)
      .catch((error: unknown) => log.warn("prune-failed", { reason: toGatewayError(error).message }));
    cancelPrune = clock.after(PRUNE_MS, prune);
  };

  return {
    fetch: (request) => refused(request) ?? app.fetch(request),
    peers,
    admin,
    auth,
    turns,
    async start() {
      await syncEnvironment("longcat", "AUTH_COOKIES", config.longcat.cookies);
      await syncEnvironment("cto", "CLERK_COOKIE", entriesOf("cto", config.cto.cookies ?? ""));
      await conversations.recover();
      prober.start();
      usage.start();
      await signIns.start();
      prune();
      ready = true;
    },
    async stop() {
      cancelPrune();
      stopping.abort();
      prober.stop();
      usage.stop();
      signIns.stop();
      conversations.close();
      await pool.close();
    },
  };
}

/** Where a provider's sockets go to; whoever has none is taken for one of the usual kind. */
function socketUrlOf(provider: string, { cto, langfast }: Config): string {
  return { cto: cto.socketUrl, langfast: langfast.socketUrl }[provider] ?? "wss://upstream.invalid";
}
