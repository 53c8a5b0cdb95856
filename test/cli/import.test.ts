import { afterEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportReport } from "../../src/admin/import/report.ts";
import { startGateway, type Gateway, type GatewayOptions } from "../gateway.ts";
import { clerkCookie, DEVICE, longcatToken, octoDatabase, refreshToken, social } from "../admin/import/fixtures.ts";
import { run } from "./harness.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-import-test-"));
  ends.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function gateway(options: GatewayOptions = {}): Promise<Gateway> {
  const started = await startGateway(options);
  ends.push(() => started.stop());
  return started;
}

/** The command line against a gateway that serves, over its HTTP operations. */
async function importAt(sluice: Gateway, argv: readonly string[], cwd: string, stdin = "") {
  const token = JSON.stringify({ url: sluice.url, token: sluice.adminKey, pid: process.pid });
  writeFileSync(join(sluice.dataDir, "sluice.token"), token, { mode: 0o600 });
  const ran = await run(["import", ...argv, "--json"], { cwd, stdin, env: { DATA_DIR: sluice.dataDir } });
  expect(ran.opened).toEqual([]);
  return { ...ran, report: JSON.parse(ran.stdout) as ImportReport };
}

const json = (value: unknown) => JSON.stringify(value);
const KEY = "kp_Invented-Key_0123456789abcdefABCD";

test("an OctoProxy database whose program still runs is taken over, and its kp_ key goes on working", async () => {
  const sluice = await gateway();
  const cwd = folder();
  const database = octoDatabase(
    join(cwd, "octo-proxy.db"),
    [
      { name: "work", credentials: json(social("one")), models: json(["claude-sonnet-4-5"]) },
      { name: "off", credentials: json(social("two")), disabled: 1 },
      { name: "idc", credentials: json({ ...social("three"), ...DEVICE, authMethod: "IdC" }) },
      { name: "broken", credentials: "{not json" },
      { name: "short", credentials: json({ ...social("x"), refreshToken: "abc..." }) },
    ],
    [
      { key: KEY, name: "laptop", limit: 100 },
      { key: "kp_Invented-Key_off", name: "old", active: 0 },
    ],
  );
  ends.push(() => database.close());
  expect(statSync(join(cwd, "octo-proxy.db-wal")).size).toBeGreaterThan(0);
  const before = readdirSync(cwd).map((name) => [
    name,
    statSync(join(cwd, name)).mtimeMs,
    statSync(join(cwd, name)).size,
  ]);
  expect((await sluice.ask("/v1/models", { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(401);

  const { report, code } = await importAt(sluice, ["octo-proxy.db"], cwd);

  expect(code).toBe(1); // three entries are refused
  expect(report.took.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "account work",
    "account off",
    "account idc",
    "key laptop",
  ]);
  expect(report.refused.map(({ from }) => from)).toEqual([
    "octo-proxy.db, account broken",
    "octo-proxy.db, key old",
    "octo-proxy.db, account short",
  ]);
  expect(report.notes.join("\n")).toContain("its users (admin)");
  expect(report.notes.join("\n")).toContain("limit of 100 requests a day");
  expect(report.notes.join("\n")).toContain("sign each other out");
  expect(report.differences.join("\n")).toContain("kp_ keys go on working");
  const accounts = await sluice.app.admin.accounts.list();
  expect(accounts.map(({ provider, label, state }) => [provider, label, state])).toEqual([
    ["kiro", "work", "ready"],
    ["kiro", "off", "disabled_by_user"],
    ["kiro", "idc", "ready"],
  ]);
  const [work] = await sluice.store.accounts.all();
  expect(work?.settings.models).toEqual(["claude-sonnet-4-5"]);
  const asked = await sluice.ask("/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: json({ model: "demo", messages: [{ role: "user", content: "echo hi" }] }),
  });
  expect(asked.status).toBe(200);
  expect(
    readdirSync(cwd).map((name) => [name, statSync(join(cwd, name)).mtimeMs, statSync(join(cwd, name)).size]),
  ).toEqual(before);

  const again = await importAt(sluice, ["octo-proxy.db"], cwd);
  expect(again.report.took).toEqual([]);
  expect(again.report.skipped.map(({ name }) => name)).toEqual(["work", "off", "idc", "laptop"]);
  expect((await sluice.app.admin.keys.list()).filter(({ name }) => name === "laptop")).toHaveLength(1);
});

/** Everything that an import could change. */
async function stateOf({ store }: Gateway) {
  const keys = (await store.keys.all()).map((key) => ({ ...key, lastUsedAt: undefined }));
  return { accounts: await store.accounts.all(), keys, settings: await store.settings.all() };
}

const kinds: { name: string; files: Record<string, string>; took: string[]; argv?: string[] }[] = [
  {
    name: "a .env",
    files: {
      ".env": `AUTH_COOKIES=${longcatToken("a")}\nCLERK_COOKIE=__client=${clerkCookie("x")}\nAPI_MASTER_KEY=invented-master\nROTATION_USES=7\n`,
    },
    took: ["account LongCat 1", "account cto.new 1", "key API_MASTER_KEY", "setting ROTATION_USES=7"],
  },
  {
    name: "a cookie list",
    files: { "cookies.txt": `${longcatToken("a")}\n${longcatToken("b")}\n` },
    took: ["account LongCat 1", "account LongCat 2"],
  },
  {
    name: "OctoProxy's export and its config.json",
    files: {
      "octo.json": json({
        success: true,
        providers: [{ name: "one", credentials: json(social("a")), is_disabled: 1 }],
      }),
      "config.json": json({ providerStrategy: "most_usage", maxErrorCount: 3, port: 12000 }),
    },
    took: ["setting ROTATION_STRATEGY=sticky,kiro:most_usage", "setting ROTATION_MAX_FAILURES=3", "account one"],
  },
  {
    name: "a folder of the IDE with a registration",
    files: {
      "cache/kiro-auth-token.json": json({
        refreshToken: refreshToken("i"),
        authMethod: "IdC",
        provider: "BuilderId",
        clientIdHash: "f00d",
        region: "us-east-1",
      }),
      "cache/f00d.json": json(DEVICE),
      "cache/notes.json": json({ startUrl: "https://example.com" }),
    },
    took: ["account Kiro 1"],
    argv: ["cache"],
  },
  {
    name: "the IDE's token file alone, whose registration lies beside it",
    files: {
      "cache/token.json": json({ refreshToken: refreshToken("i"), authMethod: "IdC", clientIdHash: "f00d" }),
      "cache/f00d.json": json(DEVICE),
    },
    took: ["account Kiro 1"],
    argv: ["cache/token.json"],
  },
  {
    name: "kiro.rs credentials",
    files: {
      "credentials.json": json([
        { refreshToken: refreshToken("r"), email: "r@example.com", authMethod: "social", priority: 1 },
      ]),
    },
    took: ["account r@example.com"],
  },
  {
    name: "a file as Windows writes it",
    files: { "utf16.json": "\uFEFF" + json({ refreshToken: refreshToken("w"), authMethod: "social" }) },
    took: ["account Kiro 1"],
  },
];
test.each(kinds)("$name is taken once: a dry run and a second run change nothing", async ({ files, took, argv }) => {
  const sluice = await gateway();
  const cwd = folder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(cwd, name, ".."), { recursive: true });
    writeFileSync(join(cwd, name), name.startsWith("utf16") ? Buffer.from(text, "utf16le") : text);
  }
  const paths = argv ?? Object.keys(files).toSorted();
  const lines = ({ took: all }: ImportReport) => all.map(({ kind, name }) => `${kind} ${name}`);
  const untouched = await stateOf(sluice);
  const dry = await importAt(sluice, [...paths, "--dry-run"], cwd);
  expect(dry.report.took).toHaveLength(took.length);
  expect(await stateOf(sluice)).toEqual(untouched);

  const first = await importAt(sluice, paths, cwd);
  expect({ took: lines(first.report), refused: first.report.refused, code: first.code }).toEqual({
    took,
    refused: [],
    code: 0,
  });
  const settled = await stateOf(sluice);

  const second = await importAt(sluice, paths, cwd);
  expect({ took: second.report.took, code: second.code }).toEqual({ took: [], code: 0 });
  expect(second.report.skipped).toHaveLength(took.length);
  expect(await stateOf(sluice)).toEqual(settled);
});

test("a login that was renewed here is not put back by importing its old file again", async () => {
  const dataDir = folder();
  const cwd = folder();
  writeFileSync(join(cwd, "token.json"), json(social("a")));
  const before = await startGateway({ dataDir });
  await importAt(before, ["token.json"], cwd);
  const [account] = await before.store.accounts.all();
  const renewed = { ...(account?.credential as object), refreshToken: refreshToken("renewed"), accessToken: "new" };
  await before.store.accounts.saveCredential(account?.id ?? "", renewed);
  await before.stop();
  const sluice = await gateway({ dataDir });
  const { report } = await importAt(sluice, ["token.json"], cwd);
  expect(report).toMatchObject({ took: [], skipped: [{ id: account?.id, reason: "already there" }] });
  expect((await sluice.store.accounts.all()).map(({ credential }) => credential)).toEqual([renewed]);
});

test("kiro-cli's database is read without being written", async () => {
  const sluice = await gateway();
  const cwd = folder();
  const path = join(cwd, "data.sqlite3");
  const database = new Database(path, { create: true });
  database.run("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)");
  const put = (key: string, value: unknown) => database.run("INSERT INTO auth_kv VALUES (?, ?)", [key, json(value)]);
  put("kirocli:social:token", {
    access_token: "a",
    refresh_token: refreshToken("s"),
    expires_at: "2030-01-01T00:00:00Z",
  });
  put("kirocli:odic:token", { access_token: "b", refresh_token: "cut...", region: "us-east-1" });
  put("kirocli:odic:device-registration", { client_id: "c", client_secret: "s" });
  database.close();
  chmodSync(cwd, 0o500);
  ends.push(() => chmodSync(cwd, 0o700));
  const { report } = await importAt(sluice, ["data.sqlite3"], cwd);
  expect(report.took).toHaveLength(1);
  expect(report.refused).toMatchObject([{ from: "data.sqlite3, kirocli:odic:token" }]);
  expect(readdirSync(cwd)).toEqual(["data.sqlite3"]);
});

const refusals: { name: string; make: (cwd: string) => void; says: string }[] = [
  { name: "a path that is not there", make: () => {}, says: "There is no such file or folder." },
  {
    name: "a folder without anything",
    make: (cwd) => mkdirSync(join(cwd, "it")),
    says: "No file of this folder can be taken over.",
  },
  {
    name: "a picture",
    make: (cwd) => writeFileSync(join(cwd, "it"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255])),
    says: "neither a text nor",
  },
  {
    name: "a database that is cut off",
    make: (cwd) => writeFileSync(join(cwd, "it"), "SQLite format 3\0 and then nothing"),
    says: "The database is broken",
  },
  {
    name: "a database of another program",
    make: (cwd) => {
      const database = new Database(join(cwd, "it"), { create: true });
      database.run("CREATE TABLE songs (name TEXT)");
      database.close();
    },
    says: "belongs to none of the programs",
  },
];
test.each(refusals)("$name is refused in words", async ({ make, says }) => {
  const cwd = folder();
  make(cwd);
  const ran = await run(["import", "it"], { cwd });
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain(`refused  it: `);
  expect(ran.stdout).toContain(says);
});

test("import wants a path, takes several, and says what it did line by line", async () => {
  expect(await run(["import"])).toMatchObject({
    code: 2,
    stderr: "sluice: PATH... is missing\nUsage: sluice import PATH...\n",
  });
  const cwd = folder();
  writeFileSync(join(cwd, "a"), "x");
  const operator = {
    dryRun: true,
    took: [{ kind: "account" as const, provider: "kiro", name: "work", from: "a" }],
    skipped: [{ kind: "key" as const, name: "laptop", from: "a", reason: "already there" }],
    refused: [],
    notes: ["a: port stays."],
    differences: ["OctoProxy: other."],
  };
  const { fakeOperator } = await import("./fake-operator.ts");
  const fake = fakeOperator().operator;
  const admin = { ...fake, transfer: { ...fake.transfer, importFiles: async () => operator } };
  const ran = await run(["import", "a", "./a"], {
    cwd,
    deps: { openLocal: async () => ({ admin, close: async () => {} }) },
  });
  expect(ran.stdout).toBe(
    "would take  kiro account  work    a\nskipped     key           laptop  a (already there)\n\nNotes:\n- a: port stays.\n\n" +
      "What is different here:\n- OctoProxy: other.\n\n1 would be taken, 1 skipped, 0 refused\n",
  );
  expect(ran.code).toBe(0);
});
