import type { Admin } from "../admin/admin.ts";
import { createAdmin } from "../admin/create.ts";
import { type KeyRing, openKeyRing } from "../admin/keys.ts";
import { overviewReader, type OverviewReader } from "../admin/overview.ts";
import { passwordHash, setPassword } from "../admin/password.ts";
import { SignIns } from "../admin/sign-ins.ts";
import { readMovedEnv } from "../config.ts";
import { type ConsoleAuth, createAuth } from "../console/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import type { DataPath } from "./data-path.ts";
import type { LiveConfig } from "./live-config.ts";

export interface OperatorDeps {
  readonly live: LiveConfig;
  readonly path: DataPath;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** The database file in use, absolute. */
  readonly database: string;
  /** Whether the accounts of the environment are in. */
  readonly ready: () => boolean;
  /** Sentences for the page. */
  readonly notices: () => readonly string[];
}

/** What an operator sees and does, and who may. */
export interface Operator {
  readonly admin: Admin;
  readonly auth: ConsoleAuth;
  readonly keys: KeyRing;
  readonly overview: OverviewReader;
  readonly signIns: SignIns;
}

/** What the operator's side is made of: the admin, its sign-in, client keys, and the sign-ins under way. */
export async function buildOperator(deps: OperatorDeps): Promise<Operator> {
  const { live, path, store, clock, log } = deps;
  const { pool, providers, router, usage } = path;
  const { server } = live.config();
  const masters = server.masterKeys.map((key) => ({ name: "environment", key }));
  const keys = await openKeyRing(store, clock, masters);
  const overview = overviewReader({
    store,
    pool,
    providers,
    clock,
    version: deps.version,
    database: deps.database,
    ready: deps.ready,
    trouble: () => store.trouble(),
    notices: deps.notices,
  });
  const signIns = new SignIns({ store, pool, providers, usage, clock, log });
  const auth = createAuth({
    clock,
    sessions: store.sessions,
    passwordHash: () => passwordHash(store),
    setPassword: (password) => setPassword(store, password),
  });
  const admin = createAdmin({
    store,
    pool,
    router,
    usage,
    signIn: signIns.operations,
    keys,
    overview,
    settings: live.settings,
    async setPassword(password) {
      await setPassword(store, password);
      auth.endSetup();
    },
    readEnvironment: readMovedEnv,
    clock,
  });
  return { admin, auth, keys, overview, signIns };
}
