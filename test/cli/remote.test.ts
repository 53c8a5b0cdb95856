import { afterEach, expect, test } from "bun:test";
import { remoteOperator, NotServing } from "../../src/cli/remote.ts";
import { fakeOperator, OVERVIEW, type Script } from "./fake-operator.ts";
import { folderOf, run, serveOperator, TOKEN } from "./harness.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A serving gateway, with a working folder whose data folder it serves. */
function serving(token = TOKEN, script: Script = {}) {
  const { operator, calls } = fakeOperator(script);
  const { url, stop } = serveOperator(operator);
  const { cwd, remove } = folderOf(url, token);
  ends.push(stop, remove);
  return { cwd, url, calls, stop };
}

test("row 39 every command does over HTTP what it does on the folder itself, without opening it", async () => {
  const { cwd, calls } = serving();
  const lines: [string, string][] = [
    ["account add longcat --label home --no-check", "a cookie"],
    ["account list --json", ""],
    ["account test acc_1", ""],
    ["account test acc_9", ""],
    ["account enable acc_1", ""],
    ["account disable acc_1 --json", ""],
    ["account reset acc_1", ""],
    ["account renew acc_1", "new cookie"],
    ["account remove acc_1", ""],
    ["account remove gone --json", ""],
    ["key add laptop --admin", ""],
    ["key list --json", ""],
    ["key revoke key_1", ""],
    ["setting list --json", ""],
    ["setting set QUEUE_MS 5", ""],
    ["setting reset QUEUE_MS", ""],
    ["setting set PORT 1", ""],
    ["password", "correct horse"],
  ];
  for (const [line, stdin] of lines) {
    calls.splice(0);
    const remote = await run(line.split(" "), { cwd, stdin });
    const local = await run(line.split(" "), { stdin });
    expect(remote.opened).toEqual([]);
    expect(local.opened).toEqual(["/nowhere/data"]);
    const { stdout, stderr, code } = remote;
    expect({ line, stdout, stderr, code }).toEqual({
      line,
      stdout: local.stdout,
      stderr: local.stderr,
      code: local.code,
    });
    expect(calls).toEqual(local.calls);
  }
});

test("status names the process that serves", async () => {
  const { cwd, url } = serving();
  expect((await run(["status"], { cwd })).stdout).toStartWith(
    `running at ${url} (pid 42), version 1.2.3\nlimited: a part does not answer; 1 of 3 accounts usable\nlongcat: `,
  );
  const { stdout } = await run(["status", "--json"], { cwd });
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify({ running: true, url, pid: 42, ...OVERVIEW })));
});

const [LONGCAT] = OVERVIEW.providers;
if (!LONGCAT) throw new Error("the fake overview has a provider");
const DEMO = { ...LONGCAT, name: "demo", title: "Demo", needsAccounts: false };
const GUESTS = { wanted: 1, alive: 0, failure: undefined, needsLogin: false, retryAt: undefined };
const LANGFAST = { ...LONGCAT, name: "langfast", title: "LangFast", guests: GUESTS };
test.each([
  ["only the demo answers", [LONGCAT, DEMO]],
  ["nothing can answer", [LONGCAT]],
  ["LangFast answers with guest sessions", [LANGFAST, DEMO]],
  ["nothing can answer", [{ ...LANGFAST, guests: { ...GUESTS, failure: "too many sign-ups" } }]],
])("status before there is an account: %s", async (says, providers) => {
  const overview = {
    ...OVERVIEW,
    providers,
    verdict: { ...OVERVIEW.verdict, state: "empty", usable: 0, total: 0 },
  } as const;
  const { cwd } = serving(TOKEN, { overview });
  const { stdout } = await run(["status"], { cwd });
  expect(stdout).toContain(`\nno account yet: ${says}; 0 of 0 accounts usable\n`);
});

test("a token file that a killed process left behind sends the command to the folder itself", async () => {
  const { cwd, stop } = serving();
  await stop();
  const ran = await run(["account", "list"], { cwd });
  expect(ran).toMatchObject({ code: 0, opened: [`${cwd}/data`], closed: [`${cwd}/data`] });
});

test("a port that another gateway has now sends the command to the folder itself", async () => {
  const { cwd, calls } = serving("the token of a gateway long gone");
  const ran = await run(["key", "revoke", "key_1"], { cwd });
  expect(ran).toMatchObject({ code: 0, opened: [`${cwd}/data`], calls: [["revoke", "key_1"]] });
  expect(calls).toEqual([]);
});

test.each(["", "not json", '{"url":5}', "[]"])("the token file %p counts as none", async (text) => {
  const { cwd } = serving();
  await Bun.write(`${cwd}/data/sluice.token`, text);
  expect((await run(["account", "list"], { cwd })).opened).toEqual([`${cwd}/data`]);
});

test("a gateway that takes the question and dies is not asked again behind its back", async () => {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => socket.terminate() },
  });
  const { cwd, remove } = folderOf(`http://127.0.0.1:${server.port}`);
  ends.push(() => server.stop(true), remove);
  const ran = await run(["key", "add", "laptop"], { cwd });
  expect(ran).toMatchObject({ code: 1, opened: [], stdout: "" });
  expect(ran.stderr).toContain("look whether it did what was asked");
});

test("operations without a command and odd ids keep their input on the way", async () => {
  const { url, calls } = serving();
  const operator = remoteOperator({ url, token: TOKEN, pid: 1 });
  await operator.requests.list({ limit: 10, before: 5, outcome: "rate-limited" });
  await operator.requests.attempts("a/b ?&#%20");
  await operator.accounts.rename("a b", "家里 & more");
  expect(calls).toEqual([
    ["requests", { limit: 10, before: 5, outcome: "rate-limited" }],
    ["attempts", "a/b ?&#%20"],
    ["rename", "a b", "家里 & more"],
  ]);
});

test("a failure comes back with its kind and field", async () => {
  const { url } = serving();
  const { accounts, requests } = remoteOperator({ url, token: TOKEN, pid: 1 });
  const stranger = remoteOperator({ url, token: "wrong", pid: 1 });
  expect(await rejection(accounts.enable("gone"))).toMatchObject({ kind: "unknown-path", field: "id", status: 404 });
  expect(await rejection(requests.list({ limit: 5000 }))).toMatchObject({ kind: "invalid-request", field: "limit" });
  expect(await rejection(stranger.overview())).toBeInstanceOf(NotServing);
});

/** What a promise is rejected with; undefined when it is not. */
function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
