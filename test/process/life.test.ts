import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { answer, Gate, startLongcatSim } from "../sims/longcat.ts";
import { folder, serve, type Served, sluice } from "./program.ts";

setDefaultTimeout(30_000);

const COOKIE = "C".repeat(100);

function chat({ url }: Served, key: string | undefined, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "LongCat", messages: [{ role: "user", content: "hi" }], ...body }),
  });
}

test("kill -9 loses no account, key or password, and the rotation goes on where it stood", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["meow"]));
  sim.account("D".repeat(100)).always("chat", answer(["purr"]));
  const env = { LONGCAT_URL: sim.url };
  const added = await sluice(home.path, ["account", "add", "longcat"], {
    env,
    stdin: `${COOKIE}\n${"D".repeat(100)}\n`,
  });
  expect(added.code).toBe(0);
  const ids = added.stdout.trim().split("\n");
  expect(ids).toHaveLength(2);

  const first = await serve(home.path, env);
  const { key } = first;
  for (let i = 0; i < 2; i++) expect((await chat(first, key, {})).headers.get("x-sluice-account")).toBe(ids[0] ?? "");
  const { totalCookies } = (await (await fetch(`${first.url}/stats`)).json()) as { totalCookies: number };
  expect(totalCookies).toBe(2);
  // Counters may be a second behind a crash; here they get that second from the store itself.
  await sluice(home.path, ["password"], { env, stdin: "correct horse battery\n" });
  await first.end("SIGKILL");

  await using second = await serve(home.path, env);
  expect(second.key).toBeUndefined();
  expect((await chat(second, key, {})).status).toBe(200);
  const accounts = JSON.parse((await sluice(home.path, ["account", "list", "--json"], { env })).stdout) as {
    id: string;
  }[];
  expect(accounts.map(({ id }) => id)).toEqual(ids);
  const setup = await fetch(`${second.url}/console/`, { headers: { accept: "text/html" } });
  expect(await setup.text()).not.toContain("setup?token");
  expect(second.output()).not.toContain("setup?token");
});

test("an upstream chat that a crash left behind is deleted after the next start", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  const cat = sim.account(COOKIE);
  const held = new Gate();
  cat.next("chat", answer(["a", "b"], { gate: held }));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, SESSION_READY: "off", SESSION_DELETE_DELAY_MS: "0" };
  const first = await serve(home.path, env);
  const { key } = first;
  const asked = chat(first, key, { stream: true }).catch(() => undefined);
  await sim.until(() => sim.openStreams() === 1);
  await first.end("SIGKILL");
  await asked;
  expect(cat.counts.delete).toBe(0);

  await using _second = await serve(home.path, env);
  await sim.until(() => cat.counts.delete === 1);
  expect(sim.liveConversations()).toEqual([]);
});

test("a stop takes no new work, lets the stream finish and exits 0", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  const held = new Gate();
  sim.account(COOKIE).next("chat", answer(["one ", "two"], { gate: held }));
  await using gateway = await serve(home.path, { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE });
  held.release(2);
  const response = await chat(gateway, gateway.key, { stream: true });
  const reader = response.body?.getReader();
  const beginning = await reader?.read();
  const exit = gateway.end("SIGTERM");
  held.open();
  let text = new TextDecoder().decode(beginning?.value);
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done) break;
    text += new TextDecoder().decode(piece.value);
  }
  expect(text).toContain("two");
  expect(text).toEndWith("data: [DONE]\n\n");
  expect(await exit).toBe(0);
});

test("a second gateway on the same folder ends at once and names the first", async () => {
  using home = folder();
  await using first = await serve(home.path);
  const second = await sluice(home.path, ["--port", "0"]);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`process ${first.pid}`);
  expect(second.stderr).toContain(first.url);
  expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
});

test("a taken port is said in words", async () => {
  using home = folder();
  using other = folder();
  await using first = await serve(home.path);
  const port = new URL(first.url).port;
  const second = await sluice(other.path, ["--port", port]);
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`Port ${port} is taken`);
});

test("the data folder is the owner's alone", async () => {
  using home = folder();
  await using _gateway = await serve(home.path);
  expect((await stat(join(home.path, "data"))).mode & 0o777).toBe(0o700);
  for (const file of ["sluice.db", "sluice.key", "sluice.token"]) {
    expect((await stat(join(home.path, "data", file))).mode & 0o777).toBe(0o600);
  }
});

const broken: [string, (data: string) => void][] = [
  ["of no bytes", (data) => writeFileSync(join(data, "sluice.db"), "")],
  ["of garbage", (data) => writeFileSync(join(data, "sluice.db"), "this is not a database at all ".repeat(200))],
];
test.each(broken)("a database %s stops the start with 3 and stays as it is", async (_, make) => {
  using home = folder();
  const data = join(home.path, "data");
  await mkdir(data);
  make(data);
  const before = await Bun.file(join(data, "sluice.db")).text();
  const { code, stderr } = await sluice(home.path, ["--port", "0"]);
  expect(code).toBe(3);
  expect(stderr).toContain("sluice.db");
  expect(await Bun.file(join(data, "sluice.db")).text()).toBe(before);
});

test("a lost sealing key stops the start with 3 and is not replaced", async () => {
  using home = folder();
  const first = await serve(home.path);
  await first.end("SIGTERM");
  const keyFile = Bun.file(join(home.path, "data", "sluice.key"));
  await keyFile.delete();
  const { code, stderr } = await sluice(home.path, ["--port", "0"]);
  expect(code).toBe(3);
  expect(stderr).toContain("sluice.key");
  expect(await keyFile.exists()).toBe(false);
});

test.each([
  ["is a folder", "logs", "EISDIR"],
  ["lies below a file", "file/sluice.log", "EEXIST"],
])("a LOG_FILE that %s is told of at the start, and the gateway serves", async (_, name, code) => {
  using home = folder();
  await mkdir(join(home.path, "logs"));
  writeFileSync(join(home.path, "file"), "");
  const path = join(home.path, name);
  await using gateway = await serve(home.path, { LOG_FILE: path });
  expect(gateway.output()).toContain(`LOG_FILE ${path} cannot be written (${code}): the log goes to`);
  expect((await chat(gateway, gateway.key, { model: "demo" })).status).toBe(200);
});

test("row 2 a first start with many warnings tells each once, and prints its text in at most 12 lines", async () => {
  using home = folder();
  const env = { REQUIRE_KEY: "off", ADMIN_PASSWORD: "short", API_MASTER_KEY: "1", USER_SET_KEY: "sk-123456" };
  const more = { SLUICE_NOTHING: "1", KNOWN_MODELS: '["abc"]', LOG_FILE: home.path };
  const gateway = await serve(home.path, { ...env, ...more });
  expect(await gateway.end("SIGTERM")).toBe(0);
  const output = gateway.output() + (await gateway.errors());
  for (const name of [...Object.keys(env), ...Object.keys(more)])
    expect([name, output.split(name).length - 1]).toEqual([name, 1]);
  const text = output.slice(0, /\S+\/console\/\n/.exec(output)?.index).trimEnd();
  expect(text.split("\n").length).toBeLessThanOrEqual(11);
  expect(output.match(/WARN {2}notice /g)).toHaveLength(4);
});

test("a foreign database under DB_PATH is left alone", async () => {
  using home = folder();
  const path = join(home.path, "octo-proxy.db");
  const database = new Database(path);
  database.run("create table providers (id text)");
  database.close();
  const before = await Bun.file(path).bytes();
  await using gateway = await serve(home.path, { DB_PATH: path });
  expect(gateway.output()).toContain("octo-proxy.db");
  expect(await Bun.file(path).bytes()).toEqual(before);
  expect(await Bun.file(join(home.path, "sluice.db")).exists()).toBe(true);
});

test.each([
  [["status"], 0, `not running, version `],
  [["account", "list"], 0, "no accounts\n"],
  [["account", "test", "acc_1"], 1, ""],
  [["key", "list", "--json"], 0, "\\[\\]\n"],
  [["setting", "list"], 0, "NAME "],
  [["login", "list"], 0, "no sign-ins\n"],
  [["login", "kiro"], 0, "METHOD "],
  [["export", "--clear", "--yes"], 0, "{"],
  [["import", "there.env", "--dry-run"], 0, "would take  key "],
] as const)("sluice %p makes nothing where nothing is", async (args, code, says) => {
  using home = folder();
  using temporary = folder();
  writeFileSync(join(home.path, "there.env"), "API_MASTER_KEY=a-key-of-mine\n");
  const env = { DATA_DIR: join(home.path, "elsewhere", "data"), TMPDIR: temporary.path };
  const ran = await sluice(home.path, args, { env });
  expect(ran).toMatchObject({ code, stdout: expect.stringMatching(new RegExp(`^${says}`)) });
  expect([readdirSync(home.path), readdirSync(temporary.path)]).toEqual([["there.env"], []]);
});

test("status of a stopped gateway says what is true of one, and where nothing is yet", async () => {
  using home = folder();
  const status = async (...more: string[]) => (await sluice(home.path, ["status", ...more])).stdout;
  expect(await status()).toEndWith(`\ndata folder: ${home.path}/data\nThere is nothing in ${home.path}/data yet.\n`);
  expect(await status()).not.toMatch(/starting|usable/);
  expect((await sluice(home.path, ["key", "add", "laptop"])).code).toBe(0);
  expect(await status()).toEndWith(`\ndata folder: ${home.path}/data\n`);
  expect(Object.keys(JSON.parse(await status("--json")) as object)).not.toContain("verdict");
});

test("with DB_PATH all lies beside the database, and the start, status and the command line look there", async () => {
  using home = folder();
  const env = { DB_PATH: join(home.path, "here", "mine.db") };
  expect((await sluice(home.path, ["key", "add", "laptop"], { env })).code).toBe(0);
  const stopped = await sluice(home.path, ["status"], { env });
  expect(stopped.stdout).toContain(`\ndata folder: ${home.path}/here (mine.db)\n`);
  await using gateway = await serve(home.path, env);
  expect(gateway.output()).toContain(`  ${home.path}/here (mine.db)\n`);
  const status = await sluice(home.path, ["status", "--json"], { env: { ...env, DATA_DIR: "/elsewhere" } });
  const { running, dataDir, database } = JSON.parse(status.stdout) as Record<string, unknown>;
  expect([running, dataDir, database]).toEqual([true, join(home.path, "here"), env.DB_PATH]);
  expect(readdirSync(home.path)).toEqual(["here"]);
  expect(readdirSync(join(home.path, "here"))).toContain("sluice.key");
});

test("a bad value stops the start and names key, value and what is allowed", async () => {
  using home = folder();
  const { code, stderr } = await sluice(home.path, ["serve"], { env: { CONCURRENCY: "many", DATA_DIR: home.path } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/CONCURRENCY.*many.*allowed/);
});

test("L12 no cookie, key or password is ever printed", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE);
  await using gateway = await serve(home.path, {
    LONGCAT_URL: sim.url,
    AUTH_COOKIES: `${COOKIE},passport_token_key=${"E".repeat(100)}`,
    API_MASTER_KEY: "master-key-nobody-prints",
    ADMIN_PASSWORD: "password-nobody-prints",
    LOG_LEVEL: "debug",
  });
  for (let i = 0; i < 6; i++)
    await chat(gateway, "master-key-nobody-prints", { stream: i % 2 === 0 }).then((r) => r.text());
  for (const secret of [COOKIE.slice(0, 20), "E".repeat(20), "master-key-nobody", "password-nobody"]) {
    expect(gateway.output()).not.toContain(secret);
  }
});

test("the command line works with the gateway running and stopped", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["meow"]));
  const env = { LONGCAT_URL: sim.url };
  const run = (...args: string[]) => sluice(home.path, args, { env, stdin: COOKIE });
  const life = async () => {
    const id = (await run("account", "add", "longcat", "--label", "my cat")).stdout.trim();
    expect(id).toStartWith("acc_");
    expect((await run("account", "test", id)).stdout).toContain("meow");
    expect((await run("account", "disable", id)).stdout).toContain("disabled_by_user");
    expect((await run("account", "enable", id)).stdout).toContain("ready");
    expect((await run("key", "add", "laptop")).stdout.trim()).toMatch(/^sk-sluice-[\w-]{32}$/);
    expect((await run("status", "--json")).code).toBe(0);
    expect((await run("account", "remove", id)).code).toBe(0);
    expect((await run("account", "test", id)).code).toBe(1);
  };
  await life();
  await using gateway = await serve(home.path, env);
  expect(gateway.key).toBeUndefined();
  await life();
});

test("an ENV account is retired with its variable and comes back with its history", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE);
  const env = { LONGCAT_URL: sim.url };
  const named = { ...env, AUTH_COOKIES: `passport_token_key=${COOKIE}` };
  const listed = async (extra: Record<string, string>) => {
    const gateway = await serve(home.path, extra);
    const { stdout } = await sluice(home.path, ["account", "list", "--json"], { env: extra });
    await gateway.end("SIGTERM");
    return (JSON.parse(stdout) as { id: string; source: string }[]).map(({ id, source }) => `${source} ${id}`);
  };
  const [before] = await listed(named);
  expect(before).toStartWith("environment acc_");
  expect(await listed(env)).toEqual([]);
  expect(await listed({ ...env, AUTH_COOKIES: COOKIE })).toEqual([before ?? ""]);
});
