import { expect, test } from "bun:test";
import { fakeOperator } from "./fake-operator.ts";
import { folderOf, run, serveOperator } from "./harness.ts";

const changes: { argv: string[]; stdin?: string; tty?: boolean; to: Record<string, unknown> }[] = [
  { argv: ["--label", "家里 2", "--priority=-5"], to: { label: "家里 2", priority: -5 } },
  {
    argv: ["--concurrency", "4", "--requests-per-hour", "60"],
    to: { concurrency: 4, requestsPerHour: 60 },
  },
  { argv: ["--models", " claude-*, gpt-5,"], to: { models: ["claude-*", "gpt-5"] } },
  {
    argv: [
      "--label",
      "default",
      "--priority",
      "default",
      "--concurrency",
      "default",
      "--requests-per-hour",
      "default",
      "--models",
      "default",
    ],
    to: { label: null, priority: null, concurrency: null, requestsPerHour: null, models: null },
  },
  { argv: ["--proxy"], stdin: "http://me:pass@proxy.test:8080\n", to: { proxy: "http://me:pass@proxy.test:8080" } },
  { argv: ["--proxy"], stdin: "default\r", tty: true, to: { proxy: null } },
];
test.each(changes)("account configure $argv", async ({ argv, stdin = "", tty = false, to }) => {
  const { operator, calls } = fakeOperator();
  const served = serveOperator(operator);
  const { cwd, remove } = folderOf(served.url);
  try {
    const line = ["account", "configure", "acc_1", ...argv];
    const local = await run(line, { stdin, tty });
    expect(local).toMatchObject({ code: 0, calls: [["configure", "acc_1", to]] });
    expect(local.stdout).toBe(
      "acc_1  家里  priority 0  2 at once  any number an hour  no proxy of its own  all models\n",
    );
    const remote = await run([...line, "--json"], { cwd, stdin, tty });
    expect(JSON.parse(remote.stdout)).toMatchObject({ id: "acc_1", settings: { priority: 0 } });
    expect(calls).toEqual(local.calls);
    expect(local.stdout + local.stderr + remote.stdout + remote.stderr).not.toContain("pass@");
  } finally {
    await served.stop();
    remove();
  }
});

const misuses: { argv: string[]; says: string; stdin?: string }[] = [
  { argv: ["account", "configure"], says: "ID is missing" },
  { argv: ["account", "configure", "acc_1"], says: "say what to change" },
  {
    argv: ["account", "configure", "acc_1", "--priority", "high"],
    says: "--priority is a whole number, or the word default",
  },
  { argv: ["account", "configure", "acc_1", "--concurrency=1.5"], says: "--concurrency is a whole number" },
  { argv: ["account", "configure", "acc_1", "--models", " , "], says: "--models is a list with commas" },
  { argv: ["account", "configure", "acc_1", "--proxy"], says: "nothing came in on standard input" },
  { argv: ["account", "configure", "acc_1", "--proxy", "http://me:pass@x"], says: "there is a word too much" },
  { argv: ["account", "configure", "acc_1", "--proxy=http://me:pass@x"], says: "does not take an argument" },
  { argv: ["account", "sync"], says: "ID is missing" },
];
test.each(misuses)("sluice $argv changes nothing and repeats no secret", async ({ argv, says, stdin = "" }) => {
  const ran = await run(argv, { stdin });
  expect(ran.stderr).toContain(says);
  expect(ran).toMatchObject({ code: 2, stdout: "", calls: [] });
  expect(ran.stderr).not.toContain("pass@");
});

test("account sync says what is left", async () => {
  const ran = await run(["account", "sync", "acc_1"]);
  expect(ran).toMatchObject({ code: 0, calls: [["sync", "acc_1"]] });
  expect(ran.stdout).toMatch(/^acc_1 {2}ready {2}12 of 50 credits used, resets \d{4}-\d\d-\d\d \d\d:\d\d, Free\n$/);
  expect(JSON.parse((await run(["account", "sync", "acc_1", "--json"])).stdout)).toMatchObject({ quota: { used: 12 } });
  expect(await run(["account", "sync", "gone"])).toMatchObject({ code: 1, stdout: "" });
});
