import { expect, test } from "bun:test";
import type { SettingView as AdminSettingView } from "../src/admin/admin.ts";
import {
  type Config,
  ConfigError,
  type Inputs,
  isLoopback,
  loadConfig,
  settingViews,
  validateSetting,
  withSaved,
} from "../src/config.ts";
import { buildProviders } from "../src/providers/index.ts";
import { chatRequest } from "./providers/context.ts";

/** Settings out of an environment alone, or with a `.env` text and flags. */
function load(env: Record<string, string> = {}, more: { file?: string; flags?: Inputs["flags"] } = {}): Config {
  return loadConfig({
    flags: more.flags ?? {},
    env,
    cwd: "/srv/app",
    readFile: (path) => (path === "/srv/app/.env" ? more.file : undefined),
  });
}

function problemsOf(env: Record<string, string>): string {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "no problem";
}

test("every default stands as the settings table says", () => {
  const { given: _given, basis: _basis, ...config } = load();
  expect(config).toEqual({
    server: {
      ports: [8000],
      host: "127.0.0.1",
      allowedHosts: [],
      trustedProxies: [],
      basePath: "/",
      maxBodyBytes: 33_554_432,
      requireKey: true,
      masterKeys: [],
      openBrowser: false,
    },
    data: {
      dataDir: "/srv/app/data",
      databasePath: "/srv/app/data/sluice.db",
      databaseNamed: false,
      secret: undefined,
      requestLogDays: 30,
      requestLogRows: 100_000,
    },
    router: {
      maxAttempts: 3,
      queueMs: 30_000,
      defaultModel: "LongCat",
      knownModels: undefined,
      connectMs: 10_000,
      firstEventMs: undefined,
      idleMs: 180_000,
      turnMs: undefined,
    },
    pool: {
      concurrency: 2,
      strategy: { fallback: "sticky", byProvider: {} },
      rotationUses: 3,
      rotationMaxFailures: 5,
      breakerFailures: 5,
      breakerWindowMs: 30_000,
      breakerOpenMs: 30_000,
      longestProbePauseMs: 3_600_000,
    },
    longcat: {
      url: "https://longcat.chat",
      cookies: [],
      sessionDeleteDelayMs: [3000, 5000],
      userAgents: "account",
      sessionReady: true,
      callerCookies: true,
      sessions: "ephemeral",
    },
    outbound: { http: undefined, https: undefined, except: [] },
    demo: { enabled: true },
    cto: {
      cookies: undefined,
      maxPromptBytes: 32_768,
      clerkUrl: "https://clerk.cto.new",
      apiUrl: "https://api.enginelabs.ai",
      socketUrl: "wss://api.enginelabs.ai",
      protocol: "auto",
      deleteChats: false,
    },
    langfast: {
      supabaseUrl: "https://yzaaxwkjukajpwqflndu.supabase.co",
      anonKey: undefined,
      socketUrl: "wss://langfast-prompt-runner-35808038077.us-central1.run.app",
      guests: 1,
      modelsPath: undefined,
    },
    kiro: {
      runtimeUrl: "https://runtime.{region}.kiro.dev",
      managementUrl: "https://management.{region}.kiro.dev",
      legacyUrl: "https://q.{region}.amazonaws.com",
      codewhispererUrl: "https://codewhisperer.{region}.amazonaws.com",
      authUrl: "https://prod.{region}.auth.desktop.kiro.dev",
      oidcUrl: "https://oidc.{region}.amazonaws.com",
      portalUrl: "https://app.kiro.dev",
    },
    routing: {
      order: ["openai-compatible", "anthropic", "kiro", "cto", "langfast", "longcat", "demo"],
      aliases: {},
      fallbacks: {},
      conversationIdleMs: 259_200_000,
      usageSyncMs: 600_000,
    },
    stats: { enabled: true },
    log: { level: "info", format: "text", file: undefined },
    adminPassword: undefined,
    language: "en",
    warnings: [],
  });
});

const readings: { env: Record<string, string>; at: (config: Config) => unknown; value: unknown }[] = [
  { env: { PORT: "8000, 8088,8000" }, at: (c) => c.server.ports, value: [8000, 8088] },
  { env: { PORT: "0" }, at: (c) => c.server.ports, value: [0] },
  { env: { NGINX_PORT: "8089" }, at: (c) => c.server.ports, value: [8089] },
  { env: { NGINX_PORT: "8089", PORT: "9000" }, at: (c) => c.server.ports, value: [9000] },
  { env: { NGINX_PORT: "8089", PORT: "" }, at: (c) => c.server.ports, value: [8089] },
  { env: { PORT: '"8001"' }, at: (c) => c.server.ports, value: [8001] },
  { env: { HOST: "[::1]" }, at: (c) => c.server.host, value: "::1" },
  { env: { HOST: "0.0.0.0" }, at: (c) => c.server.host, value: "0.0.0.0" },
  {
    env: { ALLOWED_HOSTS: "Nas.local, ai.example.org" },
    at: (c) => c.server.allowedHosts,
    value: ["nas.local", "ai.example.org"],
  },
  {
    env: { TRUSTED_PROXIES: "10.0.0.1,172.16.0.0/12,::1" },
    at: (c) => c.server.trustedProxies,
    value: ["10.0.0.1", "172.16.0.0/12", "::1"],
  },
  { env: { BASE_PATH: "gateway/" }, at: (c) => c.server.basePath, value: "/gateway" },
  { env: { MAX_BODY_MB: "1" }, at: (c) => c.server.maxBodyBytes, value: 1_048_576 },
  { env: { REQUIRE_KEY: "OFF" }, at: (c) => c.server.requireKey, value: false },
  { env: { REQUIRE_KEY: "true" }, at: (c) => c.server.requireKey, value: true },
  { env: { API_MASTER_KEY: "my own key 42" }, at: (c) => c.server.masterKeys, value: ["my own key 42"] },
  {
    env: { API_MASTER_KEY: "Bearer first-key", USER_SET_KEY: "second-key" },
    at: (c) => c.server.masterKeys,
    value: ["first-key", "second-key"],
  },
  { env: { API_KEYS: "third-key, fourth-key" }, at: (c) => c.server.masterKeys, value: ["third-key", "fourth-key"] },
  { env: { DATA_DIR: "/var/lib/sluice" }, at: (c) => c.data.databasePath, value: "/var/lib/sluice/sluice.db" },
  {
    env: { DB_PATH: "data/octo-proxy.db" },
    at: (c) => [c.data.databasePath, c.data.databaseNamed],
    value: ["/srv/app/data/octo-proxy.db", true],
  },
  {
    env: { DB_PATH: "/srv/octo/octo-proxy.db", DATA_DIR: "/elsewhere" },
    at: (c) => [c.data.dataDir, c.data.databasePath],
    value: ["/srv/octo", "/srv/octo/octo-proxy.db"],
  },
  { env: { SQLITE_PATH: "/x/y.db" }, at: (c) => c.data.databasePath, value: "/x/y.db" },
  { env: { SLUICE_SECRET: "a passphrase" }, at: (c) => c.data.secret, value: "a passphrase" },
  {
    env: { KNOWN_MODELS: '["ClaudeSonnet4_5", "GPT5"]' },
    at: (c) => c.router.knownModels,
    value: ["ClaudeSonnet4_5", "GPT5"],
  },
  { env: { PROVIDER_ORDER: "LongCat, kiro" }, at: (c) => c.routing.order, value: ["longcat", "kiro"] },
  { env: { PROVIDER_ORDER: '["kiro","demo"]' }, at: (c) => c.routing.order, value: ["kiro", "demo"] },
  { env: { API_REQUEST_TIMEOUT: "300" }, at: (c) => c.router.turnMs, value: 300_000 },
  { env: { UPSTREAM_FIRST_EVENT_MS: "60000" }, at: (c) => c.router.firstEventMs, value: 60_000 },
  { env: { ROTATION_STRATEGY: "lru" }, at: (c) => c.pool.strategy, value: { fallback: "lru", byProvider: {} } },
  {
    env: { ROTATION_STRATEGY: "sticky, longcat:oldest_first" },
    at: (c) => c.pool.strategy,
    value: { fallback: "sticky", byProvider: { longcat: "oldest_first" } },
  },
  { env: { API_BASEURL: "http://127.0.0.1:9/" }, at: (c) => c.longcat.url, value: "http://127.0.0.1:9" },
  {
    env: { LONGCAT_URL: "https://a.example/p/", API_BASEURL: "https://b.example" },
    at: (c) => c.longcat.url,
    value: "https://a.example/p",
  },
  {
    env: { AUTH_COOKIES: "aaa,passport_token_key=bbb" },
    at: (c) => c.longcat.cookies,
    value: ["aaa", "passport_token_key=bbb"],
  },
  { env: { SESSION_DELETE_DELAY_MS: "0" }, at: (c) => c.longcat.sessionDeleteDelayMs, value: [0, 0] },
  { env: { SESSION_DELETE_DELAY_MS: "1000 - 3000" }, at: (c) => c.longcat.sessionDeleteDelayMs, value: [1000, 3000] },
  { env: { USER_AGENTS: "request" }, at: (c) => c.longcat.userAgents, value: "request" },
  { env: { SESSION_READY: "off" }, at: (c) => c.longcat.sessionReady, value: false },
  { env: { CALLER_COOKIES: "0" }, at: (c) => c.longcat.callerCookies, value: false },
  { env: { DEMO: "off", STATS: "no" }, at: (c) => [c.demo.enabled, c.stats.enabled], value: [false, false] },
  { env: { LOG_LEVEL: "Debug", LOG_FORMAT: "json" }, at: (c) => [c.log.level, c.log.format], value: ["debug", "json"] },
  {
    env: { LOG_FILE: "logs/s.log", LOG_FILE_MB: "2" },
    at: (c) => c.log.file,
    value: { path: "/srv/app/logs/s.log", maxBytes: 2_097_152, files: 5 },
  },
  { env: { MANAGEMENT_PASSWORD: "long enough" }, at: (c) => c.adminPassword, value: "long enough" },
  { env: { LANG: "zh_CN.UTF-8" }, at: (c) => c.language, value: "zh" },
  { env: { LANG: "zh_CN.UTF-8", LC_ALL: "C" }, at: (c) => c.language, value: "en" },
  {
    env: { APP_NAME: "x", NODE_ENV: "production", MIN_CREDENTIALS: "5", MAX_CREDENTIALS: "5", CLERK_COOKIE: "y" },
    at: (c) => c.warnings,
    value: [],
  },
];
test.each(readings)("$env is read", ({ env, at, value }) => {
  expect(at(load(env))).toEqual(value);
});

const wrong: [name: string, text: string, says: string][] = [
  [
    "PORT",
    "abc",
    'PORT: "abc" from the environment is not valid; allowed: a port from 0 to 65535, or several with commas; default: 8000',
  ],
  ["PORT", "65536", "allowed: a port from 0 to 65535"],
  ["PORT", "8000,-1", "allowed: a port from 0 to 65535"],
  ["NGINX_PORT", "x", 'NGINX_PORT (PORT): "x"'],
  ["HOST", "http://0.0.0.0", "allowed: a host name or an address"],
  ["HOST", "0.0.0.0:8000", "allowed: a host name or an address"],
  ["ALLOWED_HOSTS", "a b", "allowed: host names"],
  ["TRUSTED_PROXIES", "172.16.0.0/33", "allowed: addresses or networks"],
  ["TRUSTED_PROXIES", "proxy.local", "allowed: addresses or networks"],
  ["BASE_PATH", "/a/../b", "allowed: a path"],
  ["MAX_BODY_MB", "0", "allowed: a whole number from 1 to 1024 (MB)"],
  ["REQUIRE_KEY", "maybe", "allowed: on or off"],
  ["QUEUE_MS", "-5", "allowed: a whole number from 0 to 3600000 (ms)"],
  ["QUEUE_MS", "1.5", "allowed: a whole number"],
  ["QUEUE_MS", "1e3", "allowed: a whole number"],
  ["MAX_ATTEMPTS", "11", "allowed: a whole number from 1 to 10"],
  ["CONCURRENCY", "0", "allowed: a whole number from 1 to 100"],
  ["KNOWN_MODELS", '["a",]', "allowed: a JSON list"],
  ["KNOWN_MODELS", "[]", "allowed: a JSON list"],
  ["KNOWN_MODELS", '{"a":1}', "allowed: a JSON list"],
  ["KNOWN_MODELS", "abc", 'KNOWN_MODELS: "abc" from the environment is not valid; allowed: a JSON list of names'],
  ["KNOWN_MODELS", "LongCat,demo", "allowed: a JSON list"],
  [
    "PROVIDER_ORDER",
    "foo",
    'PROVIDER_ORDER: "foo" from the environment is not valid; allowed: any of openai-compatible, anthropic, kiro, cto, langfast, longcat, demo, with commas; default: ',
  ],
  ["PROVIDER_ORDER", '["kiro","foo"]', "allowed: any of openai-compatible,"],
  ["ROTATION_STRATEGY", "sticky,foo:lru", "allowed: sticky, lru,"],
  ["LONGCAT_URL", "longcat.chat", "allowed: an address such as https://host"],
  ["LONGCAT_URL", "socks5://127.0.0.1:1", "allowed: an address such as https://host"],
  ["LONGCAT_URL", "https://h/?x=1", "without user name, query or fragment"],
  ["SESSION_DELETE_DELAY_MS", "5000-3000", "a range such as 3000-5000 (ms); default: 3000-5000"],
  ["SESSION_DELETE_DELAY_MS", "1-2-3", "a range such as 3000-5000"],
  ["USER_AGENTS", "random", "allowed: account or request"],
  ["ROTATION_STRATEGY", "fastest", "allowed: sticky, lru,"],
  ["ROTATION_STRATEGY", "lru,sticky", "allowed: sticky, lru,"],
  ["LOG_LEVEL", "loud", "allowed: debug or info or warn or error"],
];
test.each(wrong)("%s=%s stops the start and says what is allowed", (name, text, says) => {
  expect(problemsOf({ [name]: text })).toContain(says);
});

test("all wrong values are told at once, one a line", () => {
  expect(problemsOf({ PORT: "x", HOST: "a b", QUEUE_MS: "soon" }).split("\n")).toHaveLength(3);
});

test("a wrong value shows no secret that was put into the wrong place", () => {
  const cookie = "passport_token_key=kJ8_x2Lm9Qw";
  for (const name of ["PORT", "LOG_LEVEL", "LONGCAT_URL"]) {
    expect(problemsOf({ [name]: cookie })).not.toContain("kJ8_x2Lm9Qw");
  }
  expect(problemsOf({ LONGCAT_URL: "https://me:hunter2@longcat.chat" })).not.toContain("hunter2");
});

test("flags win over the environment, that over the .env file, that over the console, that over defaults", () => {
  const env = { PORT: "2", MAX_ATTEMPTS: "2" };
  const file = "PORT=3\nMAX_ATTEMPTS=3\nQUEUE_MS=3\nHOST=0.0.0.0";
  const config = withSaved(load(env, { file, flags: { port: "1" } }), {
    MAX_ATTEMPTS: "4",
    QUEUE_MS: "4",
    ROTATION_USES: "4",
  });
  expect(config.server.ports).toEqual([1]);
  expect(config.server.host).toBe("0.0.0.0");
  expect(config.router.maxAttempts).toBe(2);
  expect(config.router.queueMs).toBe(3);
  expect(config.pool.rotationUses).toBe(4);
  expect(config.pool.rotationMaxFailures).toBe(5);
});

test("a name in the .env file wins over an alias in the environment", () => {
  expect(load({ NGINX_PORT: "8088" }, { file: "PORT=9000" }).server.ports).toEqual([9000]);
});

test("--env-file is read instead of ./.env and must be there", () => {
  const files: Record<string, string> = { "/srv/app/.env": "PORT=1", "/etc/s.env": "PORT=2" };
  const from = (path: string) =>
    loadConfig({ flags: { "env-file": path }, env: {}, cwd: "/srv/app", readFile: (name) => files[name] });
  expect(from("/etc/s.env").server.ports).toEqual([2]);
  expect(() => from("gone.env")).toThrow("there is no environment file /srv/app/gone.env");
});

test("a .env that cannot be read stops the start", () => {
  const readFile = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  expect(() => loadConfig({ flags: {}, env: {}, cwd: "/srv/app", readFile })).toThrow(
    "the environment file /srv/app/.env cannot be read (EACCES)",
  );
});

test("a .env that Windows saved as Unicode stops the start, as none of its lines would count", () => {
  const file = Buffer.from("\uFEFFPORT=9000\r\n", "utf16le").toString("utf8");
  expect(() => load({}, { file })).toThrow("the environment file /srv/app/.env is not UTF-8");
});

const warned: { env: Record<string, string>; says: string; keys?: string[] }[] = [
  { env: { SLUICE_PORT: "1" }, says: "SLUICE_PORT is not a setting and was ignored; the name is PORT" },
  { env: { SLUICE_COLOUR: "1" }, says: "SLUICE_COLOUR is not a setting and was ignored" },
  { env: { API_MASTER_KEY: "1" }, says: "API_MASTER_KEY is 1: no key is set by it", keys: [] },
  { env: { API_MASTER_KEY: "" }, says: "API_MASTER_KEY is empty: no key is set by it", keys: [] },
  { env: { USER_SET_KEY: " " }, says: "USER_SET_KEY is empty", keys: [] },
  { env: { API_MASTER_KEY: "sk-123456" }, says: "API_MASTER_KEY holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "your-secret-key" }, says: "holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "please-change-me-now" }, says: "holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "sk-xxxxxxxx" }, says: "holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "put-your-api-key-here" }, says: "holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "super-secret-key" }, says: "holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "<token>" }, says: "holds a key out of a sample", keys: [] },
  { env: { USER_SET_KEY: "你的密钥" }, says: "USER_SET_KEY holds a key out of a sample", keys: [] },
  { env: { API_MASTER_KEY: "abc12" }, says: "API_MASTER_KEY is shorter than 8 characters", keys: ["abc12"] },
  { env: { ADMIN_PASSWORD: "elevenchars" }, says: "ADMIN_PASSWORD is shorter than 12 characters" },
  { env: { ADMIN_PASSWORD: "admin123" }, says: "ADMIN_PASSWORD holds a password out of a sample" },
  { env: { MANAGEMENT_PASSWORD: "change-me-please" }, says: "ADMIN_PASSWORD holds a password out of a sample" },
  { env: { REQUIRE_KEY: "off" }, says: "REQUIRE_KEY is off: the API is open to every program on this machine" },
  { env: { REQUIRE_KEY: "off", HOST: "0.0.0.0" }, says: "EVERYBODY WHO CAN REACH THIS MACHINE" },
  { env: { https_proxy: "socks5://127.0.0.1:1080" }, says: "HTTPS_PROXY names a SOCKS proxy" },
  { env: { MAX_CREDENTIALS: "10" }, says: "MAX_CREDENTIALS has no effect: 1 guest session is kept" },
  { env: { MIN_CREDENTIALS: "5", MAX_CREDENTIALS: "10" }, says: "no effect: 5 guest sessions are kept" },
  { env: { AUTH_COOKIES: "这里填写cookie" }, says: "AUTH_COOKIES holds a sample sentence" },
];
test.each(warned)("$env is warned about", ({ env, says, keys }) => {
  const config = load(env);
  expect(config.warnings).toHaveLength(1);
  expect(config.warnings[0]).toContain(says);
  if (keys) expect(config.server.masterKeys).toEqual(keys);
});

test.each([
  ["admin123", undefined],
  ["Admin", undefined],
  ["elevenchars", "elevenchars"],
  ["your-password-here", undefined],
  ["exchange it all 2024!", "exchange it all 2024!"],
  ["correct horse your battery token staple", "correct horse your battery token staple"],
  ["a placeholder for my cat", "a placeholder for my cat"],
  ["我家的猫喜欢在窗台上晒太阳", "我家的猫喜欢在窗台上晒太阳"],
])("O20 ADMIN_PASSWORD=%s sets %p", (text, value) => {
  expect(load({ ADMIN_PASSWORD: text }).adminPassword).toBe(value);
});

test("what lets others in is warned about before names that have no effect", () => {
  const env = { SLUICE_A: "1", SLUICE_B: "1", REQUIRE_KEY: "off", ADMIN_PASSWORD: "elevenchars" };
  const { warnings } = load(env);
  expect(warnings.map((words) => words.split(" ")[0])).toEqual([
    "REQUIRE_KEY",
    "ADMIN_PASSWORD",
    "SLUICE_A",
    "SLUICE_B",
  ]);
});

test("a maximum of guests is not spoken of where there are none", () => {
  expect(load({ MAX_CREDENTIALS: "10", LANGFAST_GUESTS: "off" }).warnings).toEqual([]);
});

test("row 46 no warning repeats a secret", () => {
  const config = load({ API_MASTER_KEY: "sk-123456", USER_SET_KEY: "q7#z", ADMIN_PASSWORD: "w9!x" });
  expect(config.warnings).toHaveLength(3);
  expect(config.warnings.join()).not.toMatch(/sk-123456|q7#z|w9!x/);
});

test("the settings of the console are the views the operations promise, and cover only what may change while it runs", () => {
  const views: AdminSettingView[] = settingViews(
    withSaved(load({ MAX_ATTEMPTS: "2" }, { file: "QUEUE_MS=5" }), { ROTATION_USES: "9", PORT: "1" }),
  );
  const by = (name: string) => views.find((view) => view.name === name);
  expect(by("MAX_ATTEMPTS")).toMatchObject({ value: "2", defaultValue: "3", source: "environment" });
  expect(by("QUEUE_MS")).toMatchObject({ value: "5", source: "environment", unit: "ms" });
  expect(by("ROTATION_USES")).toMatchObject({
    value: "9",
    source: "console",
    allowed: "a whole number from 1 to 1000000",
  });
  expect(by("KNOWN_MODELS")).toMatchObject({ value: "", defaultValue: "", source: "default" });
  expect(by("PORT")).toBeUndefined();
  expect(by("SLUICE_SECRET")).toBeUndefined();
});

test("what the console saved long ago and is no longer valid gives way to the default with a warning", () => {
  const config = withSaved(load(), { MAX_ATTEMPTS: "99", ROTATION_USES: "4", OTHER: "x", QUEUE_MS: 5 });
  expect(config.router.maxAttempts).toBe(3);
  expect(config.pool.rotationUses).toBe(4);
  expect(config.router.queueMs).toBe(30_000);
  expect(config.warnings).toEqual([
    'MAX_ATTEMPTS: "99" from the console is not valid; allowed: a whole number from 1 to 10; default: 3',
  ]);
  expect(withSaved(config, {}).warnings).toEqual([]);
});

const PROVIDERS = "openai-compatible, anthropic, kiro, cto, langfast, longcat, demo";

test("the providers that settings may name are those that there are", () => {
  const there = buildProviders(() => load()).map(({ name }) => name);
  expect(there.toSorted()).toEqual(PROVIDERS.split(", ").toSorted());
});

test("UPSTREAM_FIRST_EVENT_MS reaches the one provider that watches for a first chunk itself", () => {
  const providers = buildProviders(() => load({ UPSTREAM_FIRST_EVENT_MS: "300000" }));
  const langfast = providers.find(({ name }) => name === "langfast");
  expect(langfast?.firstEventMs(chatRequest("hi"))).toBe(300_000);
});

const settable: [name: string, text: string, problem: string | undefined][] = [
  ["MAX_ATTEMPTS", "4", undefined],
  ["MAX_ATTEMPTS", "40", "MAX_ATTEMPTS: allowed is a whole number from 1 to 10"],
  ["MAX_ATTEMPTS", " ", "MAX_ATTEMPTS: allowed is a whole number from 1 to 10"],
  ["PORT", "9000", "PORT is read only at the start: set it in the environment or the .env file"],
  ["PROVIDER_ORDER", "foo", `PROVIDER_ORDER: allowed is any of ${PROVIDERS}, with commas`],
  ["KNOWN_MODELS", "abc", 'KNOWN_MODELS: allowed is a JSON list of names such as ["LongCat","demo"]'],
  ["toString", "1", "there is no setting toString"],
];
test.each(settable)("the console setting %s to %s is judged", (name, text, problem) => {
  expect(validateSetting(name, text)).toBe(problem);
});

test("a Config is frozen all through", () => {
  const config = load({ AUTH_COOKIES: "aaa" });
  expect(() => (config.longcat.cookies as string[]).push("bbb")).toThrow();
  expect(() => Object.assign(config.server, { host: "0.0.0.0" })).toThrow();
});

test.each([
  ["127.0.0.1", true],
  ["127.8.0.9", true],
  ["::1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["127.evil.example", false],
])("%s is loopback: %p", (host, answer) => {
  expect(isLoopback(host)).toBe(answer);
});
