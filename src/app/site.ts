import { Elysia } from "elysia";
import { causeOf, toGatewayError } from "../chat/error.ts";
import type { Config } from "../config.ts";
import { createConsole } from "../console/index.ts";
import { dialects } from "../dialects/index.ts";
import { ADMIN_OPERATIONS, mountAdminApi } from "../http/admin-api.ts";
import { chatOperations, mountApi } from "../http/api.ts";
import { clientReader } from "../http/client.ts";
import { mountDocs } from "../http/docs.ts";
import { failureResponse } from "../http/failure.ts";
import { mountHealth } from "../http/health.ts";
import { hostGuard } from "../http/hosts.ts";
import { Peers } from "../http/listen.ts";
import { mostTurns, Turns } from "../http/turns.ts";
import { ANY_HOST } from "../lib/any-host.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import type { Log } from "../lib/log.ts";
import { mostOpenFiles } from "../lib/open-files.ts";
import type { Store } from "../store/store.ts";
import type { DataPath } from "./data-path.ts";
import type { Operator } from "./operator.ts";

export interface SiteDeps {
  readonly config: () => Config;
  readonly path: DataPath;
  readonly operator: Operator;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly assetRoot: string;
  readonly operatorToken: string | undefined;
  /** Aborts when open pages are to be let go. */
  readonly stopping: AbortSignal;
}

/** Everything that is served over HTTP. */
export interface Site {
  fetch(request: Request): Response | Promise<Response>;
  /** Whoever listens says here who is at the other end. */
  readonly peers: Peers;
  readonly turns: Turns;
}

/** Mounts every route. The clients' API comes last: it answers for all paths that nobody else takes. */
export function buildSite(deps: SiteDeps): Site {
  const { config, operator, store, clock, log, version, assetRoot } = deps;
  const { providers, pool, router } = deps.path;
  const { admin, auth, keys, overview } = operator;
  const { basePath, requireKey, allowedHosts, maxBodyBytes, trustedProxies } = config().server;
  const turns = new Turns(clock, mostTurns(mostOpenFiles()));
  const peers = new Peers();
  const readClient = clientReader(trustedProxies);
  let reloadedAt = clock.now();
  let routes: readonly { readonly method: string; readonly path: string }[] = [];

  const health = mountHealth({
    version,
    clock,
    turns,
    verdict: overview.verdict,
    waiting: () => providers.reduce((count, { name }) => count + pool.lender(name).waiting, 0),
    longcat: () => ({
      accounts: pool.views().filter((account) => account.provider === "longcat"),
      position: pool.lender("longcat").position,
    }),
    reloadedAt: () => reloadedAt,
    trouble: () => store.trouble(),
    isStatsOpen: () => config().stats.enabled,
    basePath,
  });
  const adminApi = mountAdminApi({
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
  });
  const pages = createConsole({
    admin,
    auth,
    assetRoot,
    basePath,
    log,
    clock,
    version,
    client: (request) => readClient(request, peers.addressOf(request)),
    stopping: deps.stopping,
  });
  const api = mountApi({
    dialects,
    router,
    isProvider: (name) => providers.some((provider) => provider.name === name),
    methodsAt: (path) => routes.filter((route) => route.path === path).map((route) => route.method),
    turns,
    clock,
    log,
    maxBodyBytes,
    auth: {
      keys,
      requireKey,
      get callerAccounts() {
        return config().longcat.callerCookies ? providers : [];
      },
    },
  });

  const app = new Elysia({ normalize: false, handler: ANY_HOST })
    .onError(({ error: thrown }) => {
      const error = toGatewayError(thrown);
      const id = newId("req");
      if (error.kind === "internal") log.error("request-failed", { request: id, cause: causeOf(error) });
      return failureResponse(error, dialects[0], id, clock.now());
    })
    .use(health)
    .use(
      mountDocs({ version, assetRoot, basePath, operations: () => [...chatOperations(dialects), ...ADMIN_OPERATIONS] }),
    )
    .use(adminApi)
    .use(pages)
    .use(api);
  routes = app.routes;
  const refused = hostGuard(allowedHosts, requireKey);
  return { fetch: (request) => refused(request) ?? app.fetch(request), peers, turns };
}
