import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { ACCOUNT, KEY, OVERVIEW } from "./fake-operator.ts";
import { run } from "./harness.ts";

const commands: {
  argv: string;
  stdin?: string;
  stdout: string;
  stderr?: string;
  code?: number;
  calls?: unknown[][];
}[] = [
  {
    argv: "account add longcat --label home",
    stdin: "passport_token_key=abc\nxyz\n",
    stdout: "acc_1\nacc_2\n",
    calls: [["add", "longcat", "passport_token_key=abc\nxyz", { label: "home" }]],
  },
  {
    argv: "account add longcat",
    stdin: "\n\na\nb\n",
    stdout: "acc_1\nacc_2\n",
    calls: [["add", "longcat", "\n\na\nb", {}]],
  },
  {
    argv: "account add longcat --no-check",
    stdin: '[{"cookie":"abc"}]',
    stdout: "acc_1\nacc_2\n",
    calls: [["add", "longcat", '[{"cookie":"abc"}]', { check: false }]],
  },
  { argv: "account add longcat", stdin: "known", stdout: "", stderr: "already there: acc_1 (…4f2a)\n" },
  {
    argv: "account add longcat",
    stdin: "dead",
    stdout: "",
    stderr: "refused: …dead: the service does not know it\n",
    code: 1,
  },
  {
    argv: "account add longcat",
    stdin: "offline",
    stdout: "acc_1\n",
    stderr:
      "refused: line 3 (…dead): the service does not know it\nnot checked: acc_1: 127.0.0.1:9 refuses connections.\n",
    code: 1,
  },
  {
    argv: "account list",
    stdout:
      "ID     PROVIDER  STATE  LABEL  CREDENTIAL  SUCCESS  LAST USED  REASON\n" +
      "acc_1  longcat   ready  家里   …4f2a       75%      -\n",
  },
  { argv: "account test acc_1", stdout: "ok  LongCat  5 ms  hello\n", calls: [["test", "acc_1"]] },
  { argv: "account test acc_9", stdout: "failed (auth-rejected)  LongCat  7 ms  no login\n", code: 1 },
  { argv: "account enable acc_1", stdout: "acc_1  ready\n", calls: [["enable", "acc_1"]] },
  { argv: "account disable acc_1", stdout: "acc_1  disabled_by_user\n", calls: [["disable", "acc_1"]] },
  { argv: "account reset acc_1", stdout: "acc_1  ready\n", calls: [["reset", "acc_1"]] },
  { argv: "account renew acc_1", stdin: "new", stdout: "acc_1  ready\n", calls: [["renew", "acc_1", "new"]] },
  { argv: "account remove acc_1", stdout: "acc_1  removed\n", calls: [["remove", "acc_1"]] },
  { argv: "account enable gone", stdout: "", stderr: "sluice: There is no account gone.\n", code: 1 },
  { argv: "key add laptop", stdout: "sk-sluice-invented\n", calls: [["create", "laptop", { admin: false }]] },
  { argv: "key add laptop --admin", stdout: "sk-sluice-invented\n", calls: [["create", "laptop", { admin: true }]] },
  { argv: "key revoke key_1", stdout: "key_1  revoked\n", calls: [["revoke", "key_1"]] },
  { argv: "setting set QUEUE_MS 5", stdout: "QUEUE_MS=5\n", calls: [["set", "QUEUE_MS", "5"]] },
  { argv: "setting reset QUEUE_MS", stdout: "QUEUE_MS has its default\n", calls: [["set", "QUEUE_MS", undefined]] },
  { argv: "setting set PORT 1", stdout: "", stderr: "sluice: PORT is read only at the start\n", code: 1 },
  {
    argv: "setting list",
    stdout: "NAME      VALUE  UNIT  FROM     ALLOWED\nQUEUE_MS  5      ms    console  a number\n",
  },
  {
    argv: "password",
    stdin: "correct horse\n",
    stdout: "The password is changed and every session has ended.\n",
    calls: [["password", "correct horse"]],
  },
  {
    argv: "status",
    stdout:
      "not running, version 1.2.3\n" +
      "longcat: 1 ready, 2 cooling\nlast hour: 12 requests, 11 answered\ndata folder: /srv/data\n" +
      "The data folder is not on a volume.\n",
  },
  { argv: "version", stdout: "1.2.3\n" },
  { argv: "--version", stdout: "1.2.3\n" },
  { argv: "-v", stdout: "1.2.3\n" },
];
test.each(commands)("sluice $argv", async ({ argv, stdin = "", stdout, stderr = "", code = 0, calls }) => {
  const ran = await run(argv.split(" "), { stdin });
  expect({ stdout: ran.stdout, stderr: ran.stderr, code: ran.code }).toEqual({ stdout, stderr, code });
  if (calls) expect(ran.calls).toEqual(calls);
  expect(ran.closed).toEqual(ran.opened);
});

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const jsons: { argv: string; stdin?: string; value: unknown }[] = [
  { argv: "account list --json", value: [ACCOUNT] },
  {
    argv: "--json account add longcat",
    stdin: "x",
    value: { added: [ACCOUNT, { ...ACCOUNT, id: "acc_2" }], known: [], refused: [] },
  },
  { argv: "account test acc_1 --json", value: { ok: true, model: "LongCat", durationMs: 5, text: "hello" } },
  { argv: "account enable acc_1 --json", value: ACCOUNT },
  { argv: "account remove acc_1 --json", value: { removed: "acc_1" } },
  { argv: "key add laptop --json", value: { key: "sk-sluice-invented", view: KEY } },
  { argv: "key list --json", value: [KEY] },
  { argv: "key revoke key_1 --json", value: { revoked: "key_1" } },
  { argv: "password --json", stdin: "correct horse", value: { changed: true } },
  { argv: "status --json", value: { running: false, ...OVERVIEW, verdict: undefined } },
  { argv: "setting set QUEUE_MS 5 --json", value: { name: "QUEUE_MS", value: "5" } },
  {
    argv: "version --json",
    value: { version: "1.2.3", bun: Bun.version, platform: process.platform, arch: process.arch },
  },
];
test.each(jsons)("sluice $argv prints JSON alone", async ({ argv, stdin = "", value }) => {
  const ran = await run(argv.split(" "), { stdin });
  expect(JSON.parse(ran.stdout)).toEqual(plain(value));
  expect(ran.stderr).toBe("");
});

test("with --json a failure is JSON on standard error", async () => {
  const ran = await run(["account", "enable", "gone", "--json"]);
  expect(ran.stdout).toBe("");
  expect(JSON.parse(ran.stderr)).toEqual({ error: { kind: "unknown-path", message: "There is no account gone." } });
});

const misuses: { argv: string[]; says: string; stdin?: string; env?: Record<string, string> }[] = [
  { argv: ["dance"], says: "there is no such command" },
  { argv: ["account"], says: "say which: account add, account list" },
  { argv: ["account", "dance"], says: "say which: account add" },
  { argv: ["account", "add"], says: "PROVIDER is missing\nUsage: sluice account add PROVIDER" },
  { argv: ["account", "test"], says: "ID is missing" },
  { argv: ["status", "--label", "x"], says: "status takes no --label" },
  { argv: ["health", "--admin"], says: "health takes no --admin" },
  { argv: ["serve", "--json"], says: "serve takes no --json" },
  { argv: ["--cookie", "x"], says: "Unknown option '--cookie'" },
  { argv: ["serve", "--port"], says: "Option '--port <value>' argument missing" },
  { argv: ["account", "add", "longcat"], says: "nothing came in on standard input" },
  { argv: ["password"], says: "nothing came in on standard input", stdin: " \n" },
  { argv: ["setting", "set", "QUEUE_MS", ""], says: "the value is empty" },
  { argv: ["serve", "--port", "abc"], says: '--port (PORT): "abc" from the flag is not valid' },
  { argv: ["status"], says: 'QUEUE_MS: "soon" from the environment is not valid', env: { QUEUE_MS: "soon" } },
  { argv: ["serve", "--env-file", "gone.env"], says: "there is no environment file /nowhere/gone.env" },
];
test.each(misuses)("sluice $argv is wrong use", async ({ argv, says, stdin = "", env = {} }) => {
  const ran = await run(argv, { stdin, env });
  expect(ran.stderr).toContain(says);
  expect(ran.stdout).toBe("");
  expect(ran.code).toBe(2);
  expect(ran.served).toEqual([]);
});

test("row 39 a credential in the arguments is refused and not repeated", async () => {
  const secret = "kJ8x2Lm9QwE4rT6y";
  for (const argv of [["account", "add", "longcat", secret], ["password", secret], [secret], [`--cookie=${secret}`]]) {
    const ran = await run(argv, { stdin: "x" });
    expect(ran.code).toBe(2);
    expect(ran.stdout + ran.stderr).not.toContain(secret);
    expect(ran.calls).toEqual([]);
  }
});

const servings: { argv: string[]; port: number; open?: boolean }[] = [
  { argv: [], port: 8001 },
  { argv: ["serve"], port: 8001 },
  { argv: ["--port", "9000"], port: 9000 },
  { argv: ["serve", "--port=9000", "--open"], port: 9000, open: true },
];
test.each(servings)("sluice $argv serves", async ({ argv, port, open = false }) => {
  const { served, code, stdout } = await run(argv, { env: { PORT: "8001" } });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(served.map(({ server }) => server)).toMatchObject([{ ports: [port], openBrowser: open }]);
});

test.each(["serve", "status"])(
  "sluice %s leaves the warnings of the settings to the gateway's own text",
  async (word) => {
    expect((await run([word], { env: { REQUIRE_KEY: "off" } })).stderr).toBe("");
  },
);

const troubles: { name: string; error: Error; code: number }[] = [
  { name: "that cannot be opened exits 3", error: new Error("/srv/data cannot be written by user 1000"), code: 3 },
  {
    name: "whose schema is newer exits 3",
    error: new GatewayError("store-unavailable", "made by a newer version"),
    code: 3,
  },
  { name: "that says its own exit code has it", error: Object.assign(new Error("in use"), { exitCode: 1 }), code: 1 },
];
test.each(troubles)("row 38 a data folder $name", async ({ error, code }) => {
  const openLocal = () => Promise.reject(error);
  const ran = await run(["account", "list"], { deps: { openLocal } });
  expect(ran).toMatchObject({ code, stdout: "", stderr: `sluice: ${error.message}\n` });
});

test("a failure while it serves has its exit code and shows no secret", async () => {
  const serve = () => Promise.reject(Object.assign(new Error("bad passport_token_key=kJ8x2"), { exitCode: 3 }));
  const ran = await run([], { deps: { serve } });
  expect(ran).toMatchObject({ code: 3, stderr: "sluice: bad passport_token_key=***\n" });
});

const helps: { argv: string[]; says: string[] }[] = [
  {
    argv: ["--help"],
    says: ["Usage: sluice [command] [flags]", "account add PROVIDER", "key revoke ID", "Exit codes: 0 done"],
  },
  { argv: ["help"], says: ["--env-file FILE", "password"] },
  { argv: ["account", "--help"], says: ["account add PROVIDER", "account remove ID"] },
  {
    argv: ["help", "account", "add"],
    says: ["Usage: sluice account add PROVIDER [flags]", "--label TEXT", "--json prints { added"],
  },
  { argv: ["key", "add", "-h"], says: ["Usage: sluice key add NAME", "--admin", "{ key, view"] },
  { argv: ["serve", "--help"], says: ["--open", "--port PORT"] },
  { argv: ["account", "add", "longcat", "--help"], says: ["Usage: sluice account add PROVIDER"] },
  { argv: ["help", "login"], says: ["Usage: sluice login PROVIDER", "Also:", "login cancel ID"] },
];
test.each(["help nothing", "nothing --help", "help account nothing"])(
  "sluice %s is a wrong use: there is no such command",
  async (line) => {
    const stderr = "sluice: there is no such command\nMore: sluice --help\n";
    expect(await run(line.split(" "))).toMatchObject({ code: 2, stdout: "", stderr });
  },
);

test.each(helps)("sluice $argv helps", async ({ argv, says }) => {
  const ran = await run(argv);
  for (const words of says) expect(ran.stdout).toContain(words);
  expect(ran).toMatchObject({ code: 0, stderr: "", served: [] });
});
