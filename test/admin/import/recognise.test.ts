import { expect, test } from "bun:test";
import type { ImportFile } from "../../../src/admin/import/reading.ts";
import { readFiles } from "../../../src/admin/import/recognise.ts";
import { readMovedEnv } from "../../../src/config.ts";
import { clerkCookie, DEVICE, longcatToken, refreshToken, sha256, social } from "./fixtures.ts";

const read = (...files: ImportFile[]) => readFiles(files, readMovedEnv);
const json = (value: unknown) => JSON.stringify(value);

const forms: { name: string; text: string; providers: string[]; refused?: number; predecessor?: string }[] = [
  {
    name: "LongCat cookies one a line",
    text: `${longcatToken("a")}\n\n# mine\n${longcatToken("b")}\n`,
    providers: ["longcat", "longcat"],
    predecessor: "longchat",
  },
  {
    name: "a bare LongCat value in a comma list",
    text: `${longcatToken("a")},${longcatToken("b")}`,
    providers: ["longcat"],
  },
  {
    name: "cookies of two services in one list",
    text: `passport_token_key=abc123\n__client=${clerkCookie("x")}`,
    providers: ["longcat", "cto"],
  },
  { name: "a Clerk value alone", text: clerkCookie("y"), providers: ["cto"], predecessor: "enginelabs-2api" },
  {
    name: "a list with a line that is nothing",
    text: `${longcatToken("a")}\nhello there\n`,
    providers: ["longcat"],
    refused: 1,
  },
  {
    name: "a copied cURL command over several lines",
    text: `curl 'https://longcat.chat/api' \\\n  -H 'cookie: a=b; passport_token_key=${longcatToken("a")}'`,
    providers: ["longcat"],
  },
  {
    name: "a browser's cookie export",
    text: json([{ name: "passport_token_key", value: longcatToken("a"), domain: ".longcat.chat" }]),
    providers: ["longcat"],
  },
  {
    name: "a JSON list of cookies",
    text: json([longcatToken("a"), longcatToken("b")]),
    providers: ["longcat", "longcat"],
  },
  {
    name: "a cookies.txt",
    text: `# Netscape HTTP Cookie File\n.longcat.chat\tTRUE\t/\tTRUE\t0\tpassport_token_key\t${longcatToken("a")}\n.example.com\tTRUE\t/\tTRUE\t0\tsid\tother\n`,
    providers: ["longcat"],
  },
  {
    name: "Kiro API keys by line",
    text: "ksk_invented_0123456789\nksk_invented_9876543210",
    providers: ["kiro", "kiro"],
  },
  {
    name: "the IDE's token file",
    text: json({ ...social("a"), provider: "Google" }),
    providers: ["kiro"],
    predecessor: "Kiro",
  },
  { name: "base64 of a token file", text: Buffer.from(json(social("a"))).toString("base64"), providers: ["kiro"] },
  {
    name: "a token file and its registration one after the other",
    text: `${json({ refreshToken: refreshToken("a"), authMethod: "IdC", clientIdHash: "abc" })}\n${json(DEVICE)}`,
    providers: ["kiro"],
  },
  {
    name: "kiro.rs credentials as an object",
    text: json({ refreshToken: refreshToken("a"), authMethod: "social", priority: 2 }),
    providers: ["kiro"],
    predecessor: "kiro.rs",
  },
  {
    name: "kiro.rs credentials as an array with a bad entry",
    text: json([
      { refreshToken: refreshToken("a"), authMethod: "idc", ...DEVICE, priority: 0 },
      { refreshToken: "short...", priority: 1 },
    ]),
    providers: ["kiro", "kiro"],
  },
  {
    name: "CLIProxyAPI's Kiro file",
    text: json({
      type: "kiro",
      access_token: "a",
      refresh_token: refreshToken("a"),
      auth_method: "social",
      provider: "Google",
    }),
    providers: ["kiro"],
    predecessor: "CLIProxyAPI",
  },
  {
    name: "CLIProxyAPI's file of another service",
    text: json({ type: "codex", access_token: "a", refresh_token: "b" }),
    providers: [],
    refused: 1,
  },
  {
    name: "AIClient-2-API's login",
    text: json({ ...social("a"), ...DEVICE, authMethod: "builder-id", idcRegion: "us-east-1" }),
    providers: ["kiro"],
    predecessor: "AIClient-2-API",
  },
  {
    name: "an account manager's export",
    text: json({
      version: "1.8",
      accounts: [
        {
          email: "a@example.com",
          machineId: "m",
          credentials: { refreshToken: refreshToken("a"), ...DEVICE, authMethod: "IdC", region: "us-east-1" },
        },
        { email: "b@example.com", refreshToken: refreshToken("b") },
      ],
    }),
    providers: ["kiro", "kiro"],
  },
  {
    name: "OctoProxy's export, credentials as texts",
    text: json({
      success: true,
      version: "1.0",
      count: 2,
      providers: [
        { name: "one", credentials: json(social("a")) },
        { name: "two", credentials: social("b") },
      ],
    }),
    providers: ["kiro", "kiro"],
    predecessor: "OctoProxy",
  },
  {
    name: "a cut export, of which the whole entries are read",
    text: json({
      providers: [
        { name: "one", credentials: json(social("a")) },
        { name: "two", credentials: json(social("b")) },
      ],
    }).slice(0, -40),
    providers: ["kiro"],
    refused: 1,
  },
  {
    name: "rows of kiro-cli as JSON",
    text: json({ "kirocli:social:token": json({ access_token: "a", refresh_token: refreshToken("a") }) }),
    providers: ["kiro"],
  },
  {
    name: "a LangFast session",
    text: json({ access_token: "a.b.c", refresh_token: "invented-refresh", token_type: "bearer", user: { id: "u" } }),
    providers: ["langfast"],
  },
  {
    name: "a compatible service",
    text: json({ name: "mine", baseUrl: "https://api.example.com/v1", apiKey: "sk-invented" }),
    providers: ["openai-compatible"],
  },
];
test.each(forms)("$name is recognised by what it holds", ({ text, providers, refused = 0, predecessor }) => {
  const reading = read({ path: "whatever.bin", text });
  expect(reading.items.map((item) => (item.kind === "account" ? item.provider : item.kind))).toEqual(providers);
  expect(reading.refused).toHaveLength(refused);
  if (predecessor) expect(reading.predecessors).toContain(predecessor as never);
});

const unknown: { name: string; text: string; says: string }[] = [
  { name: "an empty file", text: " \n", says: "The file is empty." },
  { name: "prose", text: "Dear diary,\ntoday I did nothing.", says: "It is none of:" },
  { name: "JSON of something else", text: json({ compilerOptions: { strict: true } }), says: "It is none of:" },
  { name: "a number", text: "42", says: "It is none of:" },
  { name: "a list of checksums", text: `${sha256("a")}\n${sha256("b")}`, says: "It is none of:" },
  {
    name: "JSON that is cut in its first entry",
    text: '{"providers":[{"name":"x","credentials":"{',
    says: "cut off or broken",
  },
  { name: "a registration without its token", text: json(DEVICE), says: "import the token file beside it" },
  { name: "a .env with nothing known", text: "FOO=1\nBAR=2", says: "It is none of:" },
];
test.each(unknown)("$name is refused in words, and passed over in a folder", ({ text, says }) => {
  const { items, refused } = read({ path: "x", text });
  expect(items).toEqual([]);
  expect(refused).toHaveLength(1);
  expect(refused[0]?.reason).toContain(says);
  expect(read({ path: "x", text, named: false })).toMatchObject({ items: [], refused: [] });
});

test("each token file of a folder gets exactly the registration that it names", () => {
  const token = (name: string, hash: string) =>
    json({ refreshToken: refreshToken(name), authMethod: "IdC", clientIdHash: hash });
  const { items } = read(
    { path: "cache/kiro-auth-token.json", text: token("a", "aaaa"), named: false },
    { path: "cache/aaaa.json", text: json({ clientId: "first", clientSecret: "s1" }), named: false },
    { path: "cache/bbbb.json", text: json({ clientId: "second", clientSecret: "s2" }), named: false },
    { path: "other/aaaa.json", text: json({ clientId: "elsewhere", clientSecret: "s3" }), named: false },
  );
  expect(items).toHaveLength(1);
  const [item] = items;
  const text = item?.kind === "account" ? (item.text ?? "") : "";
  expect(text).toContain("first");
  expect(text).not.toContain("second");
  expect(text).not.toContain("elsewhere");
});

test("what a person set for an account comes along", () => {
  const { items } = read({
    path: "credentials.json",
    text: json([
      {
        refreshToken: refreshToken("a"),
        email: "a@example.com",
        priority: 3,
        disabled: true,
        proxyUrl: "http://10.0.0.1:3128",
        proxyUsername: "u",
        proxyPassword: "p w",
      },
      {
        refreshToken: refreshToken("b"),
        nickname: "work",
        proxyUrl: "direct",
        allowed_models: '["claude-sonnet-4-5"]',
      },
    ]),
  });
  expect(items).toMatchObject([
    { settings: { label: "a@example.com", priority: 3, proxy: "http://u:p%20w@10.0.0.1:3128" }, disabled: true },
    { settings: { label: "work", models: ["claude-sonnet-4-5"] }, disabled: false },
  ]);
});

test("a .env gives accounts, keys by hash and settings, and names the rest without showing it", () => {
  const text = [
    `AUTH_COOKIES=${longcatToken("a")},${longcatToken("b")}`,
    `CLERK_COOKIE="__client=${clerkCookie("x")}||__client=${clerkCookie("y")}"`,
    "API_MASTER_KEY=invented-master-key",
    "USER_SET_KEY=1",
    "DEFAULT_MODEL=gpt-4o-mini",
    "API_REQUEST_TIMEOUT=300",
    "NGINX_PORT=8088",
    "APP_NAME=mine",
    "MAX_CREDENTIALS=10",
    "SOMETHING=secret-thing",
    `KIRO_OAUTH_CREDS_BASE64=${Buffer.from(json(social("k"))).toString("base64")}`,
    "not a line",
  ].join("\n");
  const { items, notes, predecessors } = read({ path: "old/.env", text });
  expect(items.map((item) => `${item.kind} ${item.kind === "account" ? item.provider : item.name}`)).toEqual([
    "account longcat",
    "account longcat",
    "account cto",
    "account cto",
    "account kiro",
    "key API_MASTER_KEY",
    "setting DEFAULT_MODEL",
    "setting API_REQUEST_TIMEOUT",
  ]);
  expect(items.find(({ kind }) => kind === "key")).toMatchObject({ hash: sha256("invented-master-key") });
  const said = notes.join("\n");
  expect(said).toContain("keep it in the environment, it is read at the start: NGINX_PORT (here PORT)");
  expect(said).toContain("without effect here: APP_NAME, MAX_CREDENTIALS");
  expect(said).toContain("not known here, without effect: SOMETHING");
  expect(said).toContain("USER_SET_KEY is 1");
  expect(said).toContain("line 12");
  expect(said).not.toContain("secret-thing");
  expect(predecessors).toEqual(["longchat", "langfast-2api", "langfast2api", "enginelabs-2api", "AIClient-2-API"]);
});

const OCTO_CONFIG = {
  port: 9091,
  host: "0.0.0.0",
  dbPath: "data/octo-proxy.db",
  adminPassword: "invented",
  sessionExpireHours: 24,
  maxErrorCount: 4,
  healthCheckIntervalMinutes: 10,
  requestMaxRetries: 5,
  requestBaseDelay: 1000,
  cronRefreshTokenMinutes: 15,
  providerStrategy: "least_usage",
  usageSyncIntervalMinutes: 20,
  debug: false,
  systemPrompt: "",
  errorResetMinutes: 30,
  healthCheckEnabled: false,
  healthCheckModel: "m",
  surprise: 1,
};

test("every key of OctoProxy's config.json is mapped or named", () => {
  const { items, notes, refused } = read({ path: "config.json", text: json(OCTO_CONFIG) });
  const settings = items.flatMap((item) => (item.kind === "setting" ? [[item.name, item.value]] : []));
  expect(Object.fromEntries(settings)).toEqual({
    ROTATION_MAX_FAILURES: "4",
    MAX_ATTEMPTS: "5",
    ROTATION_STRATEGY: "least_usage",
    USAGE_SYNC_MINUTES: "20",
    HEALTH_CHECK_MINUTES: "10",
  });
  expect(refused).toEqual([]);
  const mapped = items.map(({ from }) => from);
  for (const key of Object.keys(OCTO_CONFIG)) {
    const isNamed =
      mapped.includes(`config.json, ${key}`) || notes.some((note) => note.startsWith(`config.json, ${key}: `));
    expect([key, isNamed]).toEqual([key, true]);
  }
  expect(notes.join("\n")).not.toContain("invented");
});

test("kiro.rs' config.json gives its key by hash and its mode as a strategy, and names every other key", () => {
  const config = {
    host: "127.0.0.1",
    port: 8990,
    apiKey: "sk-kiro-rs-invented",
    adminApiKey: "sk-admin-invented",
    loadBalancingMode: "balanced",
    proxyUrl: "socks5://127.0.0.1:1080",
    kiroVersion: "0.8",
  };
  const { items, notes } = read({ path: "config.json", text: json(config) });
  expect(items).toMatchObject([
    { kind: "key", hash: sha256("sk-kiro-rs-invented") },
    { kind: "setting", name: "ROTATION_STRATEGY", provider: "kiro", value: "lru" },
  ]);
  expect(notes).toHaveLength(5);
  expect(JSON.stringify([items, notes])).not.toContain("sk-admin-invented");
});

const configs: {
  name: string;
  config: Record<string, unknown>;
  predecessor: string;
  items: number;
  refused?: number;
}[] = [
  {
    name: "OctoProxy's with its first three keys alone",
    config: { port: 9091, host: "0.0.0.0", dbPath: "data/x.db" },
    predecessor: "OctoProxy",
    items: 0,
  },
  {
    name: "what OctoProxy's settings page writes",
    config: { selectionStrategy: "round_robin", maxErrorCount: 3 },
    predecessor: "OctoProxy",
    items: 2,
  },
  {
    name: "kiro.rs' shortest",
    config: { host: "127.0.0.1", port: 8990, apiKey: "sk-kiro-rs-invented", region: "us-east-1" },
    predecessor: "kiro.rs",
    items: 1,
  },
  {
    name: "kiro.rs' with a mode that is not known",
    config: { loadBalancingMode: "chaos" },
    predecessor: "kiro.rs",
    items: 0,
    refused: 1,
  },
  {
    name: "AIClient-2-API's with its sample key",
    config: { REQUIRED_API_KEY: "123456", MODEL_PROVIDER: "claude-kiro-oauth", KIRO_OAUTH_CREDS_FILE_PATH: "/a.json" },
    predecessor: "AIClient-2-API",
    items: 0,
    refused: 1,
  },
  {
    name: "AIClient-2-API's pools",
    config: { "claude-kiro-oauth": [{ KIRO_OAUTH_CREDS_FILE_PATH: "configs/kiro/a.json" }] },
    predecessor: "AIClient-2-API",
    items: 0,
  },
];
test.each(configs)("a config.json is recognised: $name", ({ config, predecessor, items, refused = 0 }) => {
  const reading = read({ path: "c.json", text: json(config) });
  expect(reading.items).toHaveLength(items);
  expect(reading.refused).toHaveLength(refused);
  expect(reading.predecessors).toContain(predecessor as never);
});

test("a short key of a .env is taken as it worked there, and called short", () => {
  const { items, notes } = read({ path: ".env", text: "API_MASTER_KEY=k7q2w" });
  expect(items).toMatchObject([{ kind: "key", hash: sha256("k7q2w"), prefix: "k7…" }]);
  expect(notes.join()).toContain("can be guessed");
});

test("a file cut at any place gives the entries that are whole, breaks nothing and shows no secret", () => {
  const whole = json({
    success: true,
    providers: ["one", "two", "three"].map((name) => ({ name, credentials: social(name), is_disabled: 1 })),
  });
  for (let length = 1; length < whole.length; length += 7) {
    const text = whole.slice(0, length);
    const { items, refused, notes } = read({ path: "cut.json", text });
    const lastWhole = text.split('"is_disabled":1}').length - 1;
    if (lastWhole > 0) {
      expect(items).toHaveLength(lastWhole);
      expect(items.every((item) => item.kind === "account" && item.disabled)).toBe(true);
    }
    expect(refused).toHaveLength(1);
    expect(json([refused, notes])).not.toMatch(/Invented|access-/);
  }
});
