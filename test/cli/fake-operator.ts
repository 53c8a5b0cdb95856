import type { AccountView, ApiKeyView, Overview, SignInMethodView, SignInView } from "../../src/admin/admin.ts";
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
  database: "/srv/data/sluice.db",
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

export const METHODS: SignInMethodView[] = [
  {
    provider: "kiro",
    providerTitle: "Kiro",
    id: "code",
    title: { en: "By code", zh: "代码" },
    fields: [
      { name: "startUrl", label: { en: "Start URL", zh: "网址" }, required: true },
      { name: "region", label: { en: "Region", zh: "区域" }, required: false, initial: "here" },
    ],
  },
  { provider: "kiro", providerTitle: "Kiro", id: "browser", title: { en: "By browser", zh: "浏览器" }, fields: [] },
];

export const SIGN_IN: SignInView = {
  id: "login_1",
  provider: "kiro",
  providerTitle: "Kiro",
  method: "code",
  methodTitle: { en: "By code", zh: "代码" },
  label: undefined,
  accountId: undefined,
  createdAt: 1000,
  expiresAt: 601_000,
  status: "open",
  reason: undefined,
  prompt: { kind: "code", userCode: "ABCD-EFGH", url: "https://sign-in.test/\u001b[2J", pollAfterMs: 5000 },
  accounts: [],
};

export const DONE: SignInView = { ...SIGN_IN, status: "done", prompt: undefined, accounts: [ACCOUNT] };

/** How a fake sign-in by code begins, and what `poll` answers one after the other, the last one for good. */
export interface Script {
  readonly begun?: SignInView;
  readonly polls?: readonly (SignInView | Error)[];
  readonly overview?: Overview;
}

const DEAD = { hint: "…dead", reason: "the service does not know it" };

/** Operations that answer with fixed figures and write every call down. Account `gone` does not exist. */
export function fakeOperator({ begun = SIGN_IN, polls = [DONE], overview = OVERVIEW }: Script = {}): {
  operator: Operator;
  calls: unknown[][];
} {
  const calls: unknown[][] = [];
  const account = async (name: string, id: string, ...rest: unknown[]): Promise<AccountView> => {
    calls.push([name, id, ...rest]);
    if (id === "gone") throw new GatewayError("unknown-path", "There is no account gone.", { field: "id" });
    return { ...ACCOUNT, id, state: name === "disable" ? "disabled_by_user" : "ready" };
  };
  const answers = [...polls];
  const poll = async (id: string): Promise<SignInView> => {
    calls.push(["poll", id]);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer ?? DONE;
  };
  const note = async (...call: unknown[]): Promise<void> => void calls.push(call);
  const operator: Operator = {
    overview: async () => overview,
    accounts: {
      list: async () => [ACCOUNT],
      async add(provider, text, options) {
        calls.push(["add", provider, text, options]);
        const refused = text.includes("dead") ? [DEAD] : [];
        if (text.includes("offline")) {
          const unchecked = "127.0.0.1:9 refuses connections.";
          return { added: [{ ...ACCOUNT, unchecked }], known: [], refused: [{ ...DEAD, line: 3 }] };
        }
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
      async sync(id) {
        const quota = { used: 12, limit: 50, unit: "credits", resetsAt: 1_800_000_000_000, plan: "Free" };
        return { ...(await account("sync", id)), quota };
      },
      remove: async (id) => void (await account("remove", id)),
    },
    signIn: {
      methods: async () => METHODS,
      async begin(provider, method, input = {}, options = {}) {
        calls.push(["begin", provider, method, input, options]);
        if (method === "code") return begun;
        return { ...SIGN_IN, method, prompt: { kind: "browser", url: "https://sign-in.test/go", listens: true } };
      },
      poll,
      async complete(id, address) {
        calls.push(["complete", id, address]);
        if (!address.includes("code=")) throw new GatewayError("invalid-request", "That address has no code.");
        return DONE;
      },
      async cancel(id) {
        calls.push(["cancel", id]);
        if (id === "gone") throw new GatewayError("unknown-path", "There is no such sign-in.", { field: "id" });
      },
      list: async () => [SIGN_IN, { ...DONE, id: "login_0", label: "家里" }],
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
