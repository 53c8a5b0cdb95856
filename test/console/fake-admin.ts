import type {
  AccountChanges,
  AccountView,
  Admin,
  AdmittedAccount,
  ApiKeyView,
  Overview,
  ProviderView,
  RefusedLogin,
  SignInMethodView,
  SignInView,
  Verdict,
} from "../../src/admin/admin.ts";
import { GatewayError } from "../../src/chat/error.ts";
import { fakeSignIn } from "./fake-sign-in.ts";
import type { AttemptRecord, HourFigures, RequestRecord } from "../../src/store/store.ts";

/** What a test may set between two looks at the console. */
export interface FakeWorld {
  accounts: AccountView[];
  keys: ApiKeyView[];
  requests: RequestRecord[];
  attempts: AttemptRecord[];
  providers: ProviderView[];
  verdict: Verdict;
  notices: string[];
  password: string | undefined;
  methods: SignInMethodView[];
  signIns: SignInView[];
  /** Lines of the next pasted text that are refused, and why what is added or renewed cannot be checked. */
  refused: RefusedLogin[];
  unchecked: string | undefined;
  /** What was asked of `configure`, in order. */
  configured: AccountChanges[];
  /** What `begin` was given, in order. */
  begun: unknown[];
  /** What `importFiles` and `exportAccounts` were given, in order. */
  moved: unknown[];
}

/** An Admin that keeps everything in memory: real answers, no gateway behind them. */
export interface FakeAdmin {
  readonly admin: Admin;
  readonly world: FakeWorld;
  /** Tells watchers that something changed. */
  changed(): void;
  readonly watchers: Set<() => void>;
}

export const HOUR: HourFigures = {
  requests: 12,
  answered: 11,
  spark: Array.from({ length: 30 }, (_, index) => (index * 7) % 5),
  firstEventMedianMs: 900,
  tokensToday: 3200,
  tokensTodayEstimated: 400,
};

export const QUIET: HourFigures = {
  requests: 0,
  answered: 0,
  spark: Array.from({ length: 30 }, () => 0),
  firstEventMedianMs: undefined,
  tokensToday: 0,
  tokensTodayEstimated: 0,
};

/** An account that works; a test changes what it is about. */
export function account(id: string, now: number, changes: Partial<AccountView> = {}): AccountView {
  return {
    id,
    provider: "longcat",
    providerTitle: "LongCat",
    label: id.replace("acc_", "cat-"),
    hint: "…4f2a",
    source: "console",
    state: "ready",
    until: undefined,
    reason: undefined,
    reasonKind: undefined,
    since: now - 3_600_000,
    rotationFailures: 0,
    rotationMaxFailures: 5,
    attempts: 100,
    successes: 98,
    failures: 2,
    rotationFailuresTotal: 1,
    successRate: 0.98,
    inFlight: 0,
    concurrency: 2,
    lastUsedAt: now - 42_000,
    nextTryAt: undefined,
    credentialExpiresAt: undefined,
    quota: undefined,
    createdAt: now - 86_400_000,
    current: false,
    settings: { priority: 0, concurrency: undefined, requestsPerHour: undefined, proxy: undefined, models: undefined },
    ...changes,
  };
}

export function verdict(changes: Partial<Verdict> = {}): Verdict {
  return {
    state: "fine",
    provider: undefined,
    usable: 3,
    total: 3,
    needsLogin: 0,
    disabledAuto: 0,
    cooling: 0,
    exhausted: 0,
    nextBackAt: undefined,
    trouble: undefined,
    ...changes,
  };
}

export function request(id: string, at: number, changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id,
    at,
    dialect: "openai-chat",
    keyName: "laptop",
    model: "LongCat-Flash-Chat",
    provider: "longcat",
    accountId: "acc_1",
    attempts: 1,
    stream: true,
    status: 200,
    outcome: "ok",
    message: undefined,
    firstEventMs: 700,
    durationMs: 2100,
    inputTokens: 400,
    outputTokens: 804,
    usageEstimated: false,
    ...changes,
  };
}

const NO_STATES = { ready: 0, cooling: 0, exhausted: 0, needs_login: 0, disabled_auto: 0, disabled_by_user: 0 };

export function fakeAdmin(clock: { now(): number }, initial: Partial<FakeWorld> = {}): FakeAdmin {
  const provider = (name: string, title: string, changes: Partial<ProviderView>): ProviderView => ({
    name,
    title,
    needsAccounts: true,
    models: ["LongCat", "LongCat-Search"],
    strategy: "sticky",
    breaker: "closed",
    breakerUntil: undefined,
    states: NO_STATES,
    waiting: 0,
    hour: HOUR,
    help: { en: "Open longcat.chat, sign in, copy the cookie.", zh: "打开 longcat.chat，登录后复制 Cookie。" },
    ...changes,
  });
  const world: FakeWorld = {
    accounts: [],
    keys: [],
    requests: [],
    attempts: [],
    providers: [
      provider("longcat", "LongCat", {}),
      provider("demo", "Demo", { needsAccounts: false, models: ["demo"], help: undefined, hour: QUIET }),
    ],
    verdict: verdict(),
    notices: [],
    password: undefined,
    methods: [],
    signIns: [],
    refused: [],
    unchecked: undefined,
    configured: [],
    begun: [],
    moved: [],
    ...initial,
  };
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };
  let serial = 0;

  const find = (id: string): AccountView => {
    const found = world.accounts.find((each) => each.id === id);
    if (found === undefined) throw new GatewayError("unknown-path", "There is no such account.");
    return found;
  };
  const change = (id: string, changes: Partial<AccountView>): AccountView => {
    const next = { ...find(id), since: clock.now(), ...changes };
    world.accounts = world.accounts.map((each) => (each.id === id ? next : each));
    return next;
  };
  const statesOf = (name: string) => {
    const states = { ...NO_STATES };
    for (const each of world.accounts) if (each.provider === name) states[each.state] += 1;
    return states;
  };
  const overview = (): Overview => ({
    at: clock.now(),
    version: "0.1.0",
    dataDir: "./data",
    database: "./data/sluice.db",
    verdict: world.verdict,
    providers: world.providers.map((each) => ({ ...each, states: statesOf(each.name) })),
    accounts: world.accounts,
    hour: HOUR,
    notices: world.notices,
  });
  const admitted = (view: AccountView): AdmittedAccount => ({
    ...view,
    ...(world.unchecked === undefined ? {} : { unchecked: world.unchecked }),
  });
  const readCookie = (text: string) => {
    if (text.includes("passport_token_key=dead")) {
      throw new GatewayError("auth-rejected", "LongCat answered 401 to this cookie.");
    }
    if (!text.includes("passport_token_key=")) {
      throw new GatewayError("invalid-request", "This text has no passport_token_key.", { field: "text" });
    }
  };

  const admin: Admin = {
    overview: async () => overview(),
    accounts: {
      list: async () => world.accounts,
      async add(name, text, options) {
        readCookie(text);
        serial += 1;
        const added = account(`acc_new${serial}`, clock.now(), {
          provider: name,
          label: options?.label ?? `LongCat ${serial}`,
          since: clock.now(),
          lastUsedAt: undefined,
          successRate: undefined,
        });
        world.accounts = [...world.accounts, added];
        return { added: [admitted(added)], known: [], refused: world.refused };
      },
      async renew(id, text) {
        readCookie(text);
        return admitted(change(id, { state: "ready", reason: undefined, reasonKind: undefined }));
      },
      async test(id) {
        const { state } = find(id);
        return state === "needs_login"
          ? { ok: false, model: "LongCat", durationMs: 600, text: "401 session expired", kind: "auth-rejected" }
          : { ok: true, model: "LongCat", durationMs: 640, text: "Hello", kind: undefined };
      },
      enable: async (id) => change(id, { state: "ready" }),
      disable: async (id) => change(id, { state: "disabled_by_user" }),
      reset: async (id) => change(id, { state: "ready", rotationFailures: 0 }),
      rename: async (id, label) => change(id, { label }),
      async configure(id, changes) {
        world.configured.push(changes);
        if (changes.proxy?.startsWith("socks")) {
          throw new GatewayError("invalid-request", "SOCKS proxies do not work here.", { field: "proxy" });
        }
        return change(id, typeof changes.label === "string" ? { label: changes.label } : {});
      },
      sync: async (id) => find(id),
      async remove(id) {
        find(id);
        world.accounts = world.accounts.filter((each) => each.id !== id);
      },
    },
    signIn: fakeSignIn(world, clock, (given) =>
      given.accountId === undefined
        ? account(`acc_signed${(serial += 1)}`, clock.now(), {
            provider: given.provider,
            label: given.label ?? "Kiro 1",
          })
        : change(given.accountId, { state: "ready", reason: undefined, reasonKind: undefined }),
    ),
    keys: {
      list: async () => world.keys,
      async create(name) {
        const view: ApiKeyView = {
          id: `key_${world.keys.length + 1}`,
          name,
          prefix: "sk-sluice-7f3a…",
          admin: false,
          createdAt: clock.now(),
          lastUsedAt: undefined,
          revokedAt: undefined,
        };
        world.keys = [...world.keys, view];
        return { key: "sk-sluice-7f3a9c51d0e84b26a1f7c3d95e0b4f18", view };
      },
      revoke: async () => undefined,
    },
    requests: {
      list: async ({ limit, id }) =>
        world.requests.filter((each) => id === undefined || each.id === id).slice(0, limit),
      attempts: async (id) => world.attempts.filter(({ requestId }) => requestId === id),
    },
    settings: { get: async () => [], set: async () => undefined },
    transfer: {
      async importFiles(options) {
        world.moved.push(options);
        const line = { kind: "account", provider: "longcat", from: "cookies.txt" } as const;
        return {
          dryRun: options.dryRun ?? false,
          took: [
            { ...line, name: "cat-a" },
            { ...line, name: "cat-b" },
          ],
          skipped: [{ ...line, name: "cat-c", reason: "It is there already." }],
          refused: [{ from: "cookies.txt, line 4", reason: "There is no passport_token_key." }],
          notes: ["PORT stays in the environment."],
          differences: [],
        };
      },
      async exportAccounts(options) {
        world.moved.push(options);
        return {
          document: { format: "sluice-export", version: 1, createdAt: "2026-01-02T03:04:05.000Z", accounts: [] },
          accounts: world.accounts.length,
          leftOut: ["1 guest sessions are left out: the gateway makes its own."],
        };
      },
    },
    async setPassword(password) {
      world.password = await Bun.password.hash(password, { algorithm: "argon2id", memoryCost: 8, timeCost: 1 });
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  return { admin, world, changed, watchers };
}

/** One account in each state, with the reasons the gateway gives. */
export function everyState(now: number): AccountView[] {
  return [
    account("acc_1", now, {
      label: "studio-1",
      current: true,
      inFlight: 1,
      quota: { used: 412, limit: 1000, unit: "credits" },
    }),
    account("acc_2", now, { label: "studio-2", credentialExpiresAt: now + 518_400_000, rotationFailures: 2 }),
    account("acc_3", now, {
      label: "studio-3",
      state: "cooling",
      reason: "429 from LongCat",
      reasonKind: "rate-limited",
      since: now - 18_000,
      until: now + 42_000,
      nextTryAt: now + 42_000,
    }),
    account("acc_4", now, {
      label: "studio-4",
      state: "exhausted",
      reason: "daily limit",
      reasonKind: "quota-exhausted",
      since: now - 7_200_000,
      until: now + 18_000_000,
      nextTryAt: now + 18_000_000,
      quota: { used: 1000, limit: 1000, unit: "credits", resetsAt: now + 18_000_000 },
    }),
    account("acc_5", now, {
      label: "studio-5",
      state: "needs_login",
      reason: "renewal refused",
      reasonKind: "auth-rejected",
      since: now - 1_080_000,
      rotationFailures: 1,
      successRate: 0.962,
    }),
    account("acc_6", now, {
      label: "studio-6",
      state: "disabled_auto",
      reason: "five failures",
      reasonKind: "challenge",
      since: now - 18_000_000,
      rotationFailures: 5,
      successRate: 0.41,
      nextTryAt: now + 300_000,
    }),
    account("acc_7", now, { label: "studio-7", state: "disabled_by_user" }),
  ];
}
