import {
  anyText,
  basePath,
  host,
  hostNames,
  httpUrl,
  integer,
  type Kind,
  msRange,
  nameLists,
  nameMap,
  names,
  networks,
  oneOf,
  onOff,
  ports,
  PROVIDERS,
  providers,
  regionalUrl,
  socketUrl,
  strategies,
} from "./kinds.ts";

interface Details {
  /** Names that predecessors used; they count only where the setting's own name is unset. */
  readonly aliases?: readonly string[];
  /** The command line flag, without dashes. */
  readonly flag?: string;
  readonly unit?: string;
  /** Never shown, not even in an error about it. */
  readonly secret?: true;
  /** The console may change it while the gateway runs. */
  readonly live?: true;
}

/** One setting: how it is called, written and limited. `standard` is its default as one would type it. */
export interface Setting<T, D extends string | undefined = string | undefined> extends Details {
  readonly kind: Kind<T>;
  readonly standard: D;
}

const setting = <T>(kind: Kind<T>, standard: string, details: Details = {}): Setting<T, string> => ({
  kind,
  standard,
  ...details,
});
const optional = <T>(kind: Kind<T>, details: Details = {}): Setting<T, undefined> => ({
  kind,
  standard: undefined,
  ...details,
});

const ms = { unit: "ms" } as const;
const live = { live: true } as const;
const secret = { secret: true } as const;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Every setting by the name of its variable. The one place that knows names, defaults, limits and units. */
export const SETTINGS = {
  PORT: setting(ports, "8000", { flag: "port", aliases: ["NGINX_PORT"] }),
  HOST: setting(host, "127.0.0.1", { flag: "host" }),
  ALLOWED_HOSTS: optional(hostNames),
  TRUSTED_PROXIES: optional(networks),
  BASE_PATH: setting(basePath, "/"),
  MAX_BODY_MB: setting(integer(1, 1024), "32", { unit: "MB" }),
  REQUIRE_KEY: setting(onOff, "on"),
  API_MASTER_KEY: optional(anyText, secret),
  USER_SET_KEY: optional(anyText, secret),
  API_KEYS: optional(anyText, { ...secret, aliases: ["LONGCAT2API_API_KEYS"] }),
  ADMIN_PASSWORD: optional(anyText, {
    ...secret,
    aliases: ["LONGCAT2API_ADMIN_PASSWORD", "MANAGEMENT_PASSWORD"],
  }),
  STATS: setting(onOff, "on", live),

  DATA_DIR: setting(anyText, "./data", { flag: "data" }),
  DB_PATH: optional(anyText, { aliases: ["SQLITE_PATH"] }),
  SLUICE_SECRET: optional(anyText, secret),
  REQUEST_LOG_DAYS: setting(integer(1, 3650), "30", { unit: "days", ...live }),
  REQUEST_LOG_ROWS: setting(integer(100, 100_000_000), "100000", { unit: "rows", ...live }),

  DEFAULT_MODEL: setting(anyText, "LongCat", live),
  KNOWN_MODELS: optional(names, live),
  MAX_ATTEMPTS: setting(integer(1, 10), "3", live),
  QUEUE_MS: setting(integer(0, HOUR_MS), "30000", { ...ms, ...live }),
  UPSTREAM_CONNECT_MS: setting(integer(1, HOUR_MS), "10000", { ...ms, ...live }),
  UPSTREAM_FIRST_EVENT_MS: optional(integer(1, HOUR_MS), { ...ms, ...live }),
  UPSTREAM_IDLE_MS: setting(integer(1, HOUR_MS), "180000", { ...ms, ...live }),
  API_REQUEST_TIMEOUT: optional(integer(1, 86_400), { unit: "s", ...live }),

  CONCURRENCY: setting(integer(1, 100), "2", live),
  ROTATION_STRATEGY: setting(strategies, "sticky", live),
  ROTATION_USES: setting(integer(1, 1_000_000), "3", live),
  ROTATION_MAX_FAILURES: setting(integer(1, 1000), "5", live),
  BREAKER_FAILURES: setting(integer(1, 1000), "5", live),
  BREAKER_WINDOW_MS: setting(integer(1, DAY_MS), "30000", { ...ms, ...live }),
  BREAKER_OPEN_MS: setting(integer(1, DAY_MS), "30000", { ...ms, ...live }),

  AUTH_COOKIES: optional(anyText, secret),
  LONGCAT_URL: setting(httpUrl, "https://longcat.chat", { aliases: ["API_BASEURL"] }),
  SESSION_DELETE_DELAY_MS: setting(msRange(HOUR_MS), "3000-5000", { ...ms, ...live }),
  SESSION_READY: setting(onOff, "on", live),
  USER_AGENTS: setting(oneOf("account", "request"), "account", live),
  CALLER_COOKIES: setting(onOff, "on", live),
  LONGCAT_SESSIONS: setting(oneOf("ephemeral", "reuse"), "ephemeral", live),
  DEMO: setting(onOff, "on"),

  CLERK_COOKIE: optional(anyText, secret),
  CTO_CLERK_URL: setting(httpUrl, "https://clerk.cto.new"),
  CTO_API_URL: setting(httpUrl, "https://api.enginelabs.ai"),
  CTO_WS_URL: setting(socketUrl, "wss://api.enginelabs.ai"),
  CTO_PROTOCOL: setting(oneOf("auto", "v1", "v2"), "auto", live),
  CTO_DELETE_CHATS: setting(onOff, "off", live),
  CTO_MAX_PROMPT_BYTES: setting(integer(1024, 100_000_000), "32768", { unit: "bytes", ...live }),

  LANGFAST_SUPABASE_URL: setting(httpUrl, "https://yzaaxwkjukajpwqflndu.supabase.co", { aliases: ["SUPABASE_URL"] }),
  LANGFAST_ANON_KEY: optional(anyText, { aliases: ["SUPABASE_ANON_KEY"] }),
  LANGFAST_SOCKET_URL: setting(socketUrl, "wss://langfast-prompt-runner-35808038077.us-central1.run.app", {
    aliases: ["SOCKET_URL"],
  }),
  LANGFAST_GUESTS: setting(onOff, "on", live),
  LANGFAST_MODELS: optional(anyText),
  MIN_CREDENTIALS: setting(integer(0, 100), "1", live),
  /** Known from other programs, where guests were thrown away; without effect here. */
  MAX_CREDENTIALS: optional(integer(0, 1_000_000)),

  KIRO_RUNTIME_URL: setting(regionalUrl, "https://runtime.{region}.kiro.dev"),
  KIRO_MANAGEMENT_URL: setting(regionalUrl, "https://management.{region}.kiro.dev"),
  KIRO_LEGACY_URL: setting(regionalUrl, "https://q.{region}.amazonaws.com"),
  KIRO_CODEWHISPERER_URL: setting(regionalUrl, "https://codewhisperer.{region}.amazonaws.com"),
  KIRO_AUTH_URL: setting(regionalUrl, "https://prod.{region}.auth.desktop.kiro.dev"),
  KIRO_OIDC_URL: setting(regionalUrl, "https://oidc.{region}.amazonaws.com"),
  KIRO_PORTAL_URL: setting(regionalUrl, "https://app.kiro.dev"),

  PROVIDER_ORDER: setting(providers, PROVIDERS.join(","), live),
  ALIASES: optional(nameMap, live),
  FALLBACKS: optional(nameLists, live),
  CONVERSATION_HOURS: setting(integer(1, 8760), "72", { unit: "h", ...live }),
  HEALTH_CHECK_MINUTES: setting(integer(1, 1440), "60", { unit: "min", ...live }),
  USAGE_SYNC_MINUTES: setting(integer(1, 1440), "10", { unit: "min", ...live }),

  LOG_LEVEL: setting(oneOf("debug", "info", "warn", "error"), "info", live),
  LOG_FORMAT: setting(oneOf("text", "json"), "text"),
  LOG_FILE: optional(anyText),
  LOG_FILE_MB: setting(integer(1, 10_240), "10", { unit: "MB" }),
  LOG_FILES: setting(integer(1, 100), "5", { unit: "files" }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends Setting<infer T, infer D> ? (D extends undefined ? T | undefined : T) : never;

/** Every setting's value; undefined only for one without a default. */
export type Values = { readonly [N in SettingName]: ValueOf<(typeof SETTINGS)[N]> };

/** `SETTINGS` for code that walks over it. */
export const ALL_SETTINGS = Object.entries(SETTINGS) as [SettingName, Setting<unknown>][];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}
