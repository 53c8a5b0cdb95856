/**
 * Every setting of the gateway, read once from flags, environment, `.env` and what the console saved (in that order),
 * as one frozen Config. Nothing else in the program reads the environment.
 */
import { dirname, join, resolve } from "node:path";
import { isPublished, readClientKey } from "./config/client-keys.ts";
import { cookieEntries } from "./config/cookies.ts";
import type { StrategyChoice } from "./config/kinds.ts";
import { gather, type Gathered, type GivenSettings, type Inputs } from "./config/load.ts";
import { ALL_SETTINGS, type Values } from "./config/settings.ts";
import { valuesOf, withConsole } from "./config/values.ts";
import { MIN_PASSWORD_LENGTH } from "./lib/password-length.ts";
import { type ProxyRules, proxyRules } from "./lib/proxy.ts";

export { ConfigError, type GivenSettings, type Inputs } from "./config/load.ts";
export { readMovedEnv } from "./config/moved-env.ts";
export { validateSetting } from "./config/values.ts";

export interface Config {
  readonly server: {
    /** At least one; 0 asks for any free port. */
    readonly ports: readonly number[];
    readonly host: string;
    /** Host names besides localhost and addresses that requests may name. */
    readonly allowedHosts: readonly string[];
    /** Addresses and CIDR networks whose forwarding headers count. */
    readonly trustedProxies: readonly string[];
    /** `/`, or `/gateway` without a slash at its end. */
    readonly basePath: string;
    readonly maxBodyBytes: number;
    /** False opens the API to everybody who can reach it. */
    readonly requireKey: boolean;
    /** Client keys that always work. */
    readonly masterKeys: readonly string[];
    /** Open the page in the browser once it is there. */
    readonly openBrowser: boolean;
  };
  readonly data: {
    /** Absolute: where the database, its key and its lock lie. */
    readonly dataDir: string;
    /** Absolute; `sluice.db` in DATA_DIR unless it was named. */
    readonly databasePath: string;
    /** Whether DB_PATH named the file: then it may belong to another program. */
    readonly databaseNamed: boolean;
    /** Passphrase of the sealing key; undefined for a key file. */
    readonly secret: string | undefined;
    readonly requestLogDays: number;
    readonly requestLogRows: number;
  };
  readonly router: {
    readonly maxAttempts: number;
    /** The longest wait for a free account. */
    readonly queueMs: number;
    readonly defaultModel: string;
    /** Limits `/v1/models`; undefined for all. */
    readonly knownModels: readonly string[] | undefined;
    readonly connectMs: number;
    /** Undefined for the provider's own deadline. */
    readonly firstEventMs: number | undefined;
    readonly idleMs: number;
    /** Cap of a whole turn; undefined for none. */
    readonly turnMs: number | undefined;
  };
  readonly pool: {
    /** Turns at once per account. */
    readonly concurrency: number;
    readonly strategy: StrategyChoice;
    /** Requests an account serves before the next one's turn. */
    readonly rotationUses: number;
    /** Failures in a row that disable an account. */
    readonly rotationMaxFailures: number;
    /** So many provider failures within the window open the breaker. */
    readonly breakerFailures: number;
    readonly breakerWindowMs: number;
    readonly breakerOpenMs: number;
    readonly longestProbePauseMs: number;
  };
  readonly longcat: {
    /** Origin without a slash at its end. */
    readonly url: string;
    /** Accounts of AUTH_COOKIES as pasted, each for the provider to parse. */
    readonly cookies: readonly string[];
    /** The wait before an upstream chat is deleted, a range. */
    readonly sessionDeleteDelayMs: readonly [number, number];
    readonly userAgents: "account" | "request";
    /** Keep one empty chat ready per account in use. */
    readonly sessionReady: boolean;
    /** Whether a caller may send own cookies in place of a key. */
    readonly callerCookies: boolean;
    /** "reuse": a follow-up goes to the upstream chat that holds its history. */
    readonly sessions: "ephemeral" | "reuse";
  };
  readonly cto: {
    /** Accounts of CLERK_COOKIE as pasted, for the provider to parse; undefined for none. */
    readonly cookies: string | undefined;
    readonly maxPromptBytes: number;
    readonly clerkUrl: string;
    readonly apiUrl: string;
    readonly socketUrl: string;
    readonly protocol: "auto" | "v1" | "v2";
    /** Delete chats upstream when they expire here. */
    readonly deleteChats: boolean;
  };
  readonly langfast: {
    readonly supabaseUrl: string;
    /** Undefined for the site's published key. */
    readonly anonKey: string | undefined;
    readonly socketUrl: string;
    /** How many guest sessions to keep; 0 for none. */
    readonly guests: number;
    /** A file that replaces the built-in model table; absolute. */
    readonly modelsPath: string | undefined;
  };
  /** Addresses in which `{region}` stands for the account's AWS region. */
  readonly kiro: {
    readonly runtimeUrl: string;
    readonly managementUrl: string;
    readonly legacyUrl: string;
    readonly codewhispererUrl: string;
    readonly authUrl: string;
    readonly oidcUrl: string;
    readonly portalUrl: string;
  };
  readonly routing: {
    /** Providers by name, best first; one that is not named comes last. */
    readonly order: readonly string[];
    /** Patterns with `*` and the model or `provider/model` they stand for. */
    readonly aliases: Readonly<Record<string, string>>;
    /** Models and what is tried after them, as `provider/model`. */
    readonly fallbacks: Readonly<Record<string, readonly string[]>>;
    /** A kept upstream chat is forgotten when it was idle for so long. */
    readonly conversationIdleMs: number;
    readonly usageSyncMs: number;
  };
  /** The environment's proxies for calls to upstreams. */
  readonly outbound: ProxyRules;
  readonly demo: { readonly enabled: boolean };
  readonly stats: { readonly enabled: boolean };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly format: "text" | "json";
    /** A rotating file beside standard output. */
    readonly file: { readonly path: string; readonly maxBytes: number; readonly files: number } | undefined;
  };
  /** Console password for the first start. */
  readonly adminPassword: string | undefined;
  /** Of the start text. */
  readonly language: "en" | "zh";
  /** Sentences about what was passed over or is dangerous. No secret is in them. */
  readonly warnings: readonly string[];
  /** The texts behind all this, what the console saved included; secrets too. */
  readonly given: GivenSettings;
  /** What the process was started with. */
  readonly basis: Basis;
}

/** Everything a Config is made of but what the console saved. */
interface Basis extends Gathered {
  readonly cwd: string;
  readonly outbound: ProxyRules;
  readonly language: "en" | "zh";
  readonly openBrowser: boolean;
}

/** A setting that the console may change. Locked while `source` is "flag" or "environment". */
export interface SettingView {
  readonly name: string;
  readonly value: string;
  readonly defaultValue: string;
  readonly source: "default" | "console" | "environment" | "flag";
  readonly allowed: string;
  readonly unit: string | undefined;
}

/**
 * Reads all settings. `saved` is what the console stored, by setting name; it can be given later to `withSaved`.
 * @throws ConfigError with one line for each value that is not valid
 */
export function loadConfig(inputs: Inputs, saved: Readonly<Record<string, unknown>> = {}): Config {
  const { env, cwd, flags } = inputs;
  const locale = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"] || "";
  const gathered = gather(inputs);
  return configOf(
    {
      ...gathered,
      warnings: [...gathered.warnings, ...proxyWarnings(env)],
      cwd,
      outbound: proxyRules(env),
      language: locale.toLowerCase().startsWith("zh") ? "zh" : "en",
      openBrowser: flags["open"] === true,
    },
    saved,
  );
}

/** The same settings over what the console has saved now. */
export function withSaved(config: Config, saved: Readonly<Record<string, unknown>>): Config {
  return configOf(config.basis, saved);
}

/** The settings that the console may change, as it shows them. */
export function settingViews({ given }: Config): SettingView[] {
  return ALL_SETTINGS.filter(([, setting]) => setting.live).map(([name, setting]) => {
    const from = given[name];
    const source = from?.origin === "file" ? "environment" : (from?.origin ?? "default");
    const defaultValue = setting.standard ?? "";
    return {
      name,
      value: from?.text ?? defaultValue,
      defaultValue,
      source,
      allowed: setting.kind.allowed,
      unit: setting.unit,
    };
  });
}

function configOf(basis: Basis, saved: Readonly<Record<string, unknown>>): Config {
  const given = withConsole(basis.given, saved);
  const { values, warnings } = valuesOf(given);
  const keys = masterKeys(values, basis.blank);
  const cookies = cookieEntries(values.AUTH_COOKIES ?? "");
  const password = adminPassword(values.ADMIN_PASSWORD);
  const database = resolve(basis.cwd, values.DB_PATH ?? join(values.DATA_DIR, "sluice.db"));
  return deepFreeze<Config>({
    server: {
      ports: values.PORT,
      host: values.HOST,
      allowedHosts: values.ALLOWED_HOSTS ?? [],
      trustedProxies: values.TRUSTED_PROXIES ?? [],
      basePath: values.BASE_PATH,
      maxBodyBytes: values.MAX_BODY_MB * MIB,
      requireKey: values.REQUIRE_KEY,
      masterKeys: keys.keys,
      openBrowser: basis.openBrowser,
    },
    data: {
      dataDir: dirname(database),
      databasePath: database,
      databaseNamed: values.DB_PATH !== undefined,
      secret: values.SLUICE_SECRET,
      requestLogDays: values.REQUEST_LOG_DAYS,
      requestLogRows: values.REQUEST_LOG_ROWS,
    },
    router: {
      maxAttempts: values.MAX_ATTEMPTS,
      queueMs: values.QUEUE_MS,
      defaultModel: values.DEFAULT_MODEL,
      knownModels: values.KNOWN_MODELS,
      connectMs: values.UPSTREAM_CONNECT_MS,
      firstEventMs: values.UPSTREAM_FIRST_EVENT_MS,
      idleMs: values.UPSTREAM_IDLE_MS,
      turnMs: values.API_REQUEST_TIMEOUT === undefined ? undefined : values.API_REQUEST_TIMEOUT * 1000,
    },
    pool: {
      concurrency: values.CONCURRENCY,
      strategy: values.ROTATION_STRATEGY,
      rotationUses: values.ROTATION_USES,
      rotationMaxFailures: values.ROTATION_MAX_FAILURES,
      breakerFailures: values.BREAKER_FAILURES,
      breakerWindowMs: values.BREAKER_WINDOW_MS,
      breakerOpenMs: values.BREAKER_OPEN_MS,
      longestProbePauseMs: values.HEALTH_CHECK_MINUTES * 60_000,
    },
    longcat: {
      url: values.LONGCAT_URL,
      cookies: cookies.entries,
      sessionDeleteDelayMs: values.SESSION_DELETE_DELAY_MS,
      userAgents: values.USER_AGENTS,
      sessionReady: values.SESSION_READY,
      callerCookies: values.CALLER_COOKIES,
      sessions: values.LONGCAT_SESSIONS,
    },
    cto: {
      cookies: values.CLERK_COOKIE,
      maxPromptBytes: values.CTO_MAX_PROMPT_BYTES,
      clerkUrl: values.CTO_CLERK_URL,
      apiUrl: values.CTO_API_URL,
      socketUrl: values.CTO_WS_URL,
      protocol: values.CTO_PROTOCOL,
      deleteChats: values.CTO_DELETE_CHATS,
    },
    langfast: {
      supabaseUrl: values.LANGFAST_SUPABASE_URL,
      anonKey: values.LANGFAST_ANON_KEY,
      socketUrl: values.LANGFAST_SOCKET_URL,
      guests: values.LANGFAST_GUESTS ? values.MIN_CREDENTIALS : 0,
      modelsPath: values.LANGFAST_MODELS === undefined ? undefined : resolve(basis.cwd, values.LANGFAST_MODELS),
    },
    kiro: {
      runtimeUrl: values.KIRO_RUNTIME_URL,
      managementUrl: values.KIRO_MANAGEMENT_URL,
      legacyUrl: values.KIRO_LEGACY_URL,
      codewhispererUrl: values.KIRO_CODEWHISPERER_URL,
      authUrl: values.KIRO_AUTH_URL,
      oidcUrl: values.KIRO_OIDC_URL,
      portalUrl: values.KIRO_PORTAL_URL,
    },
    routing: {
      order: values.PROVIDER_ORDER,
      aliases: values.ALIASES ?? {},
      fallbacks: values.FALLBACKS ?? {},
      conversationIdleMs: values.CONVERSATION_HOURS * 3_600_000,
      usageSyncMs: values.USAGE_SYNC_MINUTES * 60_000,
    },
    outbound: basis.outbound,
    demo: { enabled: values.DEMO },
    stats: { enabled: values.STATS },
    log: {
      level: values.LOG_LEVEL,
      format: values.LOG_FORMAT,
      file:
        values.LOG_FILE === undefined
          ? undefined
          : {
              path: resolve(basis.cwd, values.LOG_FILE),
              maxBytes: values.LOG_FILE_MB * MIB,
              files: values.LOG_FILES,
            },
    },
    adminPassword: password.value,
    language: basis.language,
    // A start shows the first few: what lets others in comes before what has no effect.
    warnings: [
      ...exposure(values),
      ...keys.warnings,
      ...password.warnings,
      ...cookies.warnings,
      ...warnings,
      ...idle(values),
      ...basis.warnings,
    ],
    given,
    basis,
  });
}

const MIB = 1_048_576;
const KEY_VARIABLES = ["API_MASTER_KEY", "USER_SET_KEY"] as const;

function masterKeys(values: Values, blank: readonly string[]) {
  const several = (values.API_KEYS ?? "").split(",").filter((key) => key.trim() !== "");
  const read = [
    ...KEY_VARIABLES.flatMap((name) => {
      const text = values[name] ?? (blank.includes(name) ? "" : undefined);
      return text === undefined ? [] : readClientKey(name, text);
    }),
    ...several.map((key) => readClientKey("API_KEYS", key)),
  ];
  return {
    keys: [...new Set(read.flatMap(({ key }) => key ?? []))],
    warnings: read.flatMap(({ warning }) => warning ?? []),
  };
}

/** What makes the gateway easier to enter than its owner may think. */
function exposure(values: Values): string[] {
  if (values.REQUIRE_KEY) return [];
  const who = isLoopback(values.HOST) ? "every program on this machine" : "EVERYBODY WHO CAN REACH THIS MACHINE";
  return [`REQUIRE_KEY is off: the API is open to ${who}, without any key`];
}

/** A short password works: those who move over bring theirs. A predecessor's default does not. */
function adminPassword(text: string | undefined): { value: string | undefined; warnings: readonly string[] } {
  if (text === undefined || (text.length >= MIN_PASSWORD_LENGTH && !isPublished(text))) {
    return { value: text, warnings: [] };
  }
  if (isPublished(text)) {
    const warning = "ADMIN_PASSWORD holds a password out of a sample, which everybody knows: it counts as not set";
    return { value: undefined, warnings: [warning] };
  }
  const warning = `ADMIN_PASSWORD is shorter than ${MIN_PASSWORD_LENGTH} characters and can be guessed`;
  return { value: text, warnings: [warning] };
}

/** What somebody has set and nothing heeds. */
function idle({ LANGFAST_GUESTS: guestsOn, MIN_CREDENTIALS: kept, MAX_CREDENTIALS: most }: Values): string[] {
  if (!guestsOn || most === undefined || most === kept) return [];
  const guests = kept === 1 ? "1 guest session is" : `${kept} guest sessions are`;
  return [`MAX_CREDENTIALS has no effect: ${guests} kept, as MIN_CREDENTIALS says, and never more`];
}

/** Whether only this machine can reach a listening address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

/** Bun passes a SOCKS proxy of the environment over without a word, so somebody has to say it. */
function proxyWarnings(env: Inputs["env"]): string[] {
  return ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
    .filter((name) => /^socks/i.test(env[name] || env[name.toLowerCase()] || ""))
    .map((name) => `${name} names a SOCKS proxy, which is not used: only http:// and https:// proxies work here`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
