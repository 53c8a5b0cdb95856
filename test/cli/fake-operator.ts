import type { AccountView, ApiKeyView, Overview } from "../../src/admin/admin.ts";
import type { Operator } from "../../src/admin/routes.ts";
import { GatewayError } from "../../src/chat/error.ts";

export const ACCOUNT: AccountView = {
  id: "acc_1",
  provider: "longcat",
  providerTitle: "LongCat",
  label: "家里",
  hint: "…4f2a",
  source: "console",
  state: "ready",
  until: undefined,
  reason: undefined,
  reasonKind: undefined,
  since: 1000,
  rotationFailures: 0,
  rotationMaxFailures: 5,
  attempts: 4,
  successes: 3,
  failures: 1,
  rotationFailuresTotal: 1,
  successRate: 0.75,
  inFlight: 0,
  concurrency: 2,
  lastUsedAt: undefined,
  nextTryAt: undefined,
  credentialExpiresAt: undefined,
  quota: undefined,
  createdAt: 1000,
  current: true,
  settings: { priority: 0, concurrency: undefined, requestsPerHour: undefined, proxy: undefined, models: undefined },
};

export const KEY: ApiKeyView = {
  id: "key_1",
  name: "laptop",
  prefix: "sk-sluice-7f3a…",
  admin: false,
  createdAt: 1000,
  lastUsedAt: undefined,
  revokedAt: undefined,
};

const HOUR = {
  requests: 12,
  answered: 11,
  spark: [],
  firstEventMedianMs: undefined,
  tokensToday: 0,
  tokensTodayEstimated: 0,
};
const STATES = { ready: 1, cooling: 2, exhausted: 0, needs_login: 0, disabled_auto: 0, disabled_by_user: 0 };

export const OVERVIEW: Overview = {
  at: 5000,
  version: "1.2.3",
  dataDir: "/srv/data",
  verdict: {
    state: "limited",
    provider: undefined,
    usable: 1,
    total: 3,
    needsLogin: 0,
    disabledAuto: 0,
    cooling: 2,
    exhausted: 0,
    nextBackAt: undefined,
    trouble: undefined,
  },
  providers: [
    {
      name: "longcat",
      title: "LongCat",
      needsAccounts: true,
      models: ["LongCat"],
      strategy: "sticky",
      breaker: "closed",
      breakerUntil: undefined,
      states: STATES,
      waiting: 0,
      hour: HOUR,
      help: undefined,
    },
  ],
  accounts: [ACCOUNT],
  hour: HOUR,
  notices: ["The data folder is not on a volume."],
};

function noSignIn(): never {
  throw new GatewayError("unknown-path", "There is no such sign-in.", { field: "id" });
}

/** Operations that answer with fixed figures and write every call down. Account `gone` does not exist. */
export function fakeOperator(): { operator: Operator; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const account = async (name: string, id: string, ...rest: unknown[]): Promise<AccountView> => {
    calls.push([name, id, ...rest]);
    if (id === "gone") throw new GatewayError("unknown-path", "There is no account gone.", { field: "id" });
    return { ...ACCOUNT, id, state: name === "disable" ? "disabled_by_user" : "ready" };
  };
  const note = async (...call: unknown[]): Promise<void> => void calls.push(call);
  const operator: Operator = {
    overview: async () => OVERVIEW,
    accounts: {
      list: async () => [ACCOUNT],
      async add(provider, text, options) {
        calls.push(["add", provider, text, options]);
        const refused = text.includes("dead") ? [{ hint: "…dead", reason: "the service does not know it" }] : [];
        if (text.includes("known")) return { added: [], known: [ACCOUNT], refused };
        return { added: refused.length > 0 ? [] : [ACCOUNT, { ...ACCOUNT, id: "acc_2" }], known: [], refused };
      },
      renew: (id, text) => account("renew", id, text),
      async test(id) {
        await account("test", id);
        if (id === "acc_9")
          return { ok: false, model: "LongCat", durationMs: 7, text: "no login", kind: "auth-rejected" };
        return { ok: true, model: "LongCat", durationMs: 5, text: "hello", kind: undefined };
      },
      enable: (id) => account("enable", id),
      disable: (id) => account("disable", id),
      reset: (id) => account("reset", id),
      rename: (id, label) => account("rename", id, label),
      configure: (id, changes) => account("configure", id, changes),
      sync: (id) => account("sync", id),
      remove: async (id) => void (await account("remove", id)),
    },
    signIn: {
      methods: async () => [],
      begin: async () => noSignIn(),
      poll: async () => noSignIn(),
      complete: async () => noSignIn(),
      cancel: async () => noSignIn(),
      list: async () => [],
    },
    keys: {
      list: async () => [KEY],
      async create(name, options) {
        calls.push(["create", name, options]);
        return { key: "sk-sluice-invented", view: { ...KEY, name } };
      },
      revoke: (id) => note("revoke", id),
    },
    requests: {
      async list(filter) {
        calls.push(["requests", filter]);
        return [];
      },
      async attempts(requestId) {
        calls.push(["attempts", requestId]);
        return [];
      },
    },
    settings: {
      get: async () => [
        { name: "QUEUE_MS", value: "5", defaultValue: "30000", source: "console", allowed: "a number", unit: "ms" },
      ],
      async set(name, value) {
        calls.push(["set", name, value]);
        if (name === "PORT")
          throw new GatewayError("invalid-request", "PORT is read only at the start", { field: name });
      },
    },
    transfer: {
      async importFiles(options) {
        calls.push(["import", options]);
        return { dryRun: false, took: [], skipped: [], refused: [], notes: [], differences: [] };
      },
      async exportAccounts(options) {
        calls.push(["export", options]);
        const document = {
          format: "sluice-export",
          version: 1,
          createdAt: "2026-01-02T03:04:05.000Z",
          accounts: [],
        } as const;
        return { document, accounts: 0, leftOut: [] };
      },
    },
    setPassword: (password) => note("password", password),
  };
  return { operator, calls };
}
