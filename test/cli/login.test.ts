import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { NotServing } from "../../src/cli/remote.ts";
import { DONE, METHODS, SIGN_IN } from "./fake-operator.ts";
import { run } from "./harness.ts";

const BEGUN = ["begin", "kiro", "code", { startUrl: "https://org.test" }, {}];
const CODE = ["login", "kiro", "code", "--field", "startUrl=https://org.test"];
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("row 11 a code and its address are shown on lines of their own, and looked at until the account is there", async () => {
  const slower = { ...SIGN_IN, prompt: { ...SIGN_IN.prompt, pollAfterMs: 10_000 } } as typeof SIGN_IN;
  const ran = await run(CODE, { script: { polls: [SIGN_IN, slower, DONE] } });
  expect(ran).toMatchObject({ code: 0, stdout: "acc_1\n", pauses: [5000, 5000, 10_000] });
  expect(ran.calls).toEqual([BEGUN, ["poll", "login_1"], ["poll", "login_1"], ["poll", "login_1"]]);
  const lines = ran.stderr.split("\n");
  expect(lines).toContain("    |   ABCD-EFGH   |");
  expect(lines).toContain("    https://sign-in.test/ [2J");
  expect(ran.stderr).toMatch(/Waiting until \d{4}-\d\d-\d\d \d\d:\d\d; Ctrl-C gives up\./);
  expect(ran.stderr).not.toContain("\u001b");
});

test("label, account and fields reach the sign-in; a value may hold =", async () => {
  const argv = ["login", "kiro", "code", "--label", "家里", "--account", "acc_1"];
  const ran = await run([...argv, "--field=startUrl=https://org.test/?a=b", "--field", "region=eu-west-1"]);
  expect(ran.calls[0]).toEqual([
    "begin",
    "kiro",
    "code",
    { startUrl: "https://org.test/?a=b", region: "eu-west-1" },
    { label: "家里", accountId: "acc_1" },
  ]);
});

test("with --json the finished sign-in is on standard output", async () => {
  const ran = await run([...CODE, "--json"]);
  expect(JSON.parse(ran.stdout)).toEqual(plain(DONE));
  expect(ran.stderr).toContain("ABCD-EFGH");
});

test("without METHOD the ways to sign in are listed with what they ask for", async () => {
  const ran = await run(["login", "kiro"]);
  expect(ran).toMatchObject({ code: 0, stderr: "", calls: [] });
  expect(ran.stdout).toBe(
    "METHOD               FIELDS\n" +
      "code     By code     startUrl (Start URL); region (Region, else here)\n" +
      "browser  By browser\n",
  );
  expect(JSON.parse((await run(["login", "kiro", "--json"])).stdout)).toEqual(METHODS);
});

test("why a login that is there cannot be kept yet is said once", async () => {
  const reason = "Nothing can be saved.";
  const waiting = { ...SIGN_IN, reason };
  const { stderr, code } = await run(CODE, { script: { polls: [waiting, waiting, waiting, DONE] } });
  expect(code).toBe(0);
  expect(stderr.split(reason)).toHaveLength(2);
});

const ends: { name: string; outcome: typeof DONE | Error; kind: string; says: string }[] = [
  {
    name: "that was refused",
    outcome: { ...DONE, status: "failed", accounts: [], reason: "The code ran out: begin again." },
    kind: "auth-rejected",
    says: "The code ran out: begin again.",
  },
  {
    name: "that was cancelled elsewhere",
    outcome: new GatewayError("unknown-path", "There is no such sign-in."),
    kind: "unknown-path",
    says: "There is no such sign-in.",
  },
  {
    name: "whose gateway stopped",
    outcome: new NotServing("gone"),
    kind: "stopping",
    says: "The gateway stopped meanwhile. The sign-in goes on when it runs again: sluice login list",
  },
];
test.each(ends)("a sign-in $name fails in words and is not begun again", async ({ outcome, kind, says }) => {
  const ran = await run(CODE, { script: { polls: [SIGN_IN, outcome] } });
  expect(ran).toMatchObject({ code: 1, stdout: "", calls: [BEGUN, ["poll", "login_1"], ["poll", "login_1"]] });
  expect(ran.stderr).toEndWith(`sluice: ${says}\n`);
  expect(ran.closed).toEqual(ran.opened);
  const json = await run([...CODE, "--json"], { script: { polls: [outcome] } });
  expect(JSON.parse(json.stderr.trim().split("\n").at(-1) ?? "")).toEqual({ error: { kind, message: says } });
});

test("row 11 Ctrl-C cancels the sign-in and closes the data folder", async () => {
  const ran = await run(CODE, { script: { polls: [SIGN_IN] }, interruptAt: 2 });
  expect(ran).toMatchObject({ code: 1, stdout: "", calls: [BEGUN, ["poll", "login_1"], ["cancel", "login_1"]] });
  expect(ran.stderr).toEndWith("sluice: Given up: the sign-in is cancelled.\n");
  expect(ran.closed).toEqual(ran.opened);
});

const open = {
  ...SIGN_IN,
  method: "browser",
  prompt: { kind: "browser", url: "https://x.test", listens: true },
} as const;
const browsers: { name: string; stdin: string[]; tty?: boolean; calls: unknown[][]; says?: string; code?: number }[] = [
  {
    name: "comes back by itself",
    stdin: [],
    calls: [
      ["poll", "login_1"],
      ["poll", "login_1"],
    ],
  },
  {
    name: "ends on an address that is pasted",
    stdin: ["http://localhost/?code=1\n"],
    calls: [["complete", "login_1", "http://localhost/?code=1"]],
  },
  {
    name: "ends on an address that is pasted at a terminal, after a wrong one",
    stdin: ["nonsense\r", "http://localhost/?code=1\r"],
    tty: true,
    calls: [
      ["complete", "login_1", "nonsense"],
      ["poll", "login_1"],
      ["complete", "login_1", "http://localhost/?code=1"],
    ],
    says: "That address has no code.\n",
  },
  {
    name: "is given up with Ctrl-C at a terminal",
    stdin: ["\u0003"],
    tty: true,
    calls: [["cancel", "login_1"]],
    says: "sluice: Given up: the sign-in is cancelled.\n",
    code: 1,
  },
];
test.each(browsers)("a browser that $name", async ({ stdin, tty = false, calls, says = "", code = 0 }) => {
  const ran = await run(["login", "kiro", "browser"], { stdin, tty, script: { polls: [open, DONE] } });
  expect(ran).toMatchObject({ code, stdout: code === 0 ? "acc_1\n" : "" });
  expect(ran.calls.slice(1)).toEqual(calls);
  expect(ran.stderr).toContain("https://sign-in.test/go");
  expect(ran.stderr).toEndWith(says);
});

const misuses: { argv: string[]; says: string; code?: number }[] = [
  { argv: ["login"], says: "PROVIDER is missing\nUsage: sluice login PROVIDER [METHOD]" },
  { argv: ["login", "kiro", "code", "more"], says: "there is a word too much" },
  { argv: ["login", "kiro", "telepathy"], says: "there is no such way to sign in; there are: code, browser" },
  { argv: ["login", "kiro", "code"], says: "the Start URL is missing: --field startUrl=VALUE" },
  { argv: [...CODE, "--field", "colour=red"], says: "code takes --field startUrl, region" },
  { argv: ["login", "kiro", "browser", "--field", "a=b"], says: "browser takes no --field" },
  { argv: [...CODE, "--field", "region"], says: "--field is written NAME=VALUE" },
  { argv: ["login", "cancel"], says: "ID is missing" },
  { argv: ["login", "longcat"], says: "It works for kiro; for any other: sluice account add PROVIDER", code: 1 },
];
test.each(misuses)("sluice $argv begins nothing", async ({ argv, says, code = 2 }) => {
  const ran = await run(argv);
  expect(ran.stderr).toContain(says);
  expect(ran).toMatchObject({ code, stdout: "", calls: [] });
});

test("login list and cancel", async () => {
  const listed = await run(["login", "list"]);
  const [head, first, second] = listed.stdout.split("\n");
  expect(head).toStartWith("ID       PROVIDER  METHOD  STATUS  LABEL  OPEN UNTIL");
  expect(first).toMatch(/^login_1  kiro      code    open           \d{4}-/);
  expect(second).toMatch(/^login_0  kiro      code    done    家里   -  +acc_1$/);
  expect(JSON.parse((await run(["login", "list", "--json"])).stdout)).toHaveLength(2);
  const cancelled = await run(["login", "cancel", "login_1"]);
  expect(cancelled).toMatchObject({ code: 0, stdout: "login_1  cancelled\n", calls: [["cancel", "login_1"]] });
  expect(JSON.parse((await run(["login", "cancel", "login_1", "--json"])).stdout)).toEqual({ cancelled: "login_1" });
  expect(await run(["login", "cancel", "gone"])).toMatchObject({
    code: 1,
    stderr: "sluice: There is no such sign-in.\n",
  });
});

test("the help of login shows its flags and its neighbours", async () => {
  const { stdout } = await run(["help", "login"]);
  for (const words of [
    "Usage: sluice login PROVIDER [METHOD] [flags]",
    "--field NAME=VALUE",
    "login cancel ID",
    "--json prints",
  ])
    expect(stdout).toContain(words);
});
