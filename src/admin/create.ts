import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Pool } from "../pool/pool.ts";
import type { UsageSync } from "../pool/usage-sync.ts";
import type { Router } from "../router/run.ts";
import type { Store } from "../store/store.ts";
import { accountOperations } from "./accounts.ts";
import type { Admin, SettingView } from "./admin.ts";
import { exportOperation } from "./export.ts";
import { importOperation } from "./import/operation.ts";
import type { EnvironmentReader } from "./import/variables.ts";
import type { KeyRing } from "./keys.ts";
import type { OverviewReader } from "./overview.ts";

/** What the operator may change while the gateway runs, as the entry knows it. */
export interface LiveSettings {
  views(): readonly SettingView[];
  /** Why `name` may not be `value`, in words; undefined when it may. */
  objection(name: string, value: string): string | undefined;
  /** Takes what is stored now. */
  reload(saved: Readonly<Record<string, unknown>>): void;
}

export interface AdminDeps {
  readonly store: Store;
  readonly pool: Pool;
  readonly router: Router;
  readonly usage: UsageSync;
  readonly signIn: Admin["signIn"];
  readonly keys: KeyRing;
  readonly overview: OverviewReader;
  readonly settings: LiveSettings;
  readonly setPassword: Admin["setPassword"];
  /** Reads a predecessor's `.env`. */
  readonly readEnvironment: EnvironmentReader;
  readonly clock: Clock;
}

/** Settings of the console stand in the store under this prefix. */
const SETTING_PREFIX = "setting.";
/** An open page is told of changes at most this often. */
const WATCH_MS = 1_000;

export function createAdmin(deps: AdminDeps): Admin {
  const { store, pool, router, usage, signIn, keys, overview, settings, clock, readEnvironment } = deps;
  const operations = settingOperations(deps);
  return {
    overview: overview.overview,
    accounts: accountOperations({ pool, router, usage, clock }),
    signIn,
    keys: keys.operations,
    requests: {
      list: (filter) => store.attempts.requests(filter),
      attempts: (requestId) => store.attempts.attemptsOf(requestId),
    },
    settings: operations,
    transfer: {
      importFiles: importOperation({
        pool,
        keys,
        settings: operations,
        objection: settings.objection,
        readEnvironment,
      }),
      exportAccounts: exportOperation({ pool, settings: settings.views, clock }),
    },
    setPassword: deps.setPassword,
    watch: (changed) => throttled(clock, WATCH_MS, changed, (listener) => pool.subscribe(listener)),
  };
}

function settingOperations({ store, pool, settings }: AdminDeps): Admin["settings"] {
  return {
    async get() {
      return [...settings.views()];
    },
    async set(name, value) {
      const view = settings.views().find((known) => known.name === name);
      if (!view) throw new GatewayError("unknown-path", `There is no setting ${name} to change here.`, { field: name });
      if (view.source === "flag" || view.source === "environment") {
        throw new GatewayError(
          "invalid-request",
          `${name} is set in the ${view.source} and can only be changed there.`,
          {
            field: name,
          },
        );
      }
      const objection = value === undefined ? undefined : settings.objection(name, value);
      if (objection !== undefined) throw new GatewayError("invalid-request", objection, { field: name });
      if (value === undefined) await store.settings.remove(SETTING_PREFIX + name);
      else await store.settings.set(SETTING_PREFIX + name, value);
      settings.reload(await savedSettings(store));
      pool.refresh();
    },
  };
}

/** What the console saved, by setting name. */
export async function savedSettings(store: Store): Promise<Record<string, unknown>> {
  const saved: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(await store.settings.all())) {
    if (name.startsWith(SETTING_PREFIX)) saved[name.slice(SETTING_PREFIX.length)] = value;
  }
  return saved;
}

/** Passes the first call on at once and the last of a burst after the pause. Returns what stops it. */
function throttled(
  clock: Clock,
  pauseMs: number,
  run: () => void,
  subscribe: (listener: () => void) => () => void,
): () => void {
  let again = false;
  let cancel: (() => void) | undefined;
  const pause = () => {
    cancel = clock.after(pauseMs, () => {
      cancel = undefined;
      if (!again) return;
      again = false;
      run();
      pause();
    });
  };
  const unsubscribe = subscribe(() => {
    if (cancel) {
      again = true;
      return;
    }
    run();
    pause();
  });
  return () => {
    unsubscribe();
    cancel?.();
  };
}
