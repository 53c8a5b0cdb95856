import type { Admin } from "./admin/admin.ts";
import { savedSettings } from "./admin/create.ts";
import { buildDataPath } from "./app/data-path.ts";
import { syncEnvironment } from "./app/environment.ts";
import { liveConfig } from "./app/live-config.ts";
import { buildOperator } from "./app/operator.ts";
import { startPruning } from "./app/pruning.ts";
import { buildSite } from "./app/site.ts";
import { unservedModels } from "./app/unserved-models.ts";
import type { Config } from "./config.ts";
import type { ConsoleAuth } from "./console/index.ts";
import type { Peers } from "./http/listen.ts";
import type { Turns } from "./http/turns.ts";
import type { Clock } from "./lib/clock.ts";
import type { Logger } from "./lib/logger.ts";
import type { Store } from "./store/store.ts";

export interface AppDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** The database file in use, absolute. */
  readonly database: string;
  /** The folder with `public/` and `vendor/`. */
  readonly assetRoot: string;
  /** Sentences that stand beside the warnings of the settings, such as those of opening the store. */
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
  /** What the owner should know now, one sentence or two each; those of the environment's accounts once it has started. */
  notices(): readonly string[];
  /** Takes up what an earlier process left, brings in the environment's accounts and starts the timers. */
  start(): Promise<void>;
  /** Stops timers and pages and commits what is open; the store stays open. */
  stop(): Promise<void>;
}

/** Puts the parts together, each of which stands in `app/`: the data path, the operator's side, and the site over both. */
export async function buildApp(deps: AppDeps): Promise<App> {
  const { store, clock, log, version, assetRoot, operatorToken, random = Math.random } = deps;
  const told = [...deps.notices];
  const stopping = new AbortController();
  let ready = false;
  let stopPruning = () => {};

  const live = liveConfig(deps.config, await savedSettings(store), log);
  const { config } = live;
  const path = await buildDataPath({ config, store, clock, log, random });
  const notices = () => [...config().warnings, ...told, ...unservedModels(config(), path.router)];
  const operator = await buildOperator({
    live,
    path,
    store,
    clock,
    log,
    version,
    database: deps.database,
    ready: () => ready,
    notices,
  });
  const site = buildSite({
    config,
    path,
    operator,
    store,
    clock,
    log,
    version,
    assetRoot,
    operatorToken,
    stopping: stopping.signal,
  });
  const { pool, prober, usage, conversations } = path;
  const { admin, auth, signIns } = operator;

  return {
    ...site,
    admin,
    auth,
    notices,
    async start() {
      await syncEnvironment(config(), pool, (sentence) => told.push(sentence));
      await conversations.recover();
      prober.start();
      usage.start();
      await signIns.start();
      stopPruning = startPruning(config, store, clock, log);
      ready = true;
    },
    async stop() {
      stopPruning();
      stopping.abort();
      prober.stop();
      usage.stop();
      signIns.stop();
      await conversations.close();
      await pool.close();
    },
  };
}
