import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportReport } from "../../src/admin/import/report.ts";
import { startGateway, type Gateway } from "../gateway.ts";
import { clerkCookie, longcatToken, refreshToken, social } from "../admin/import/fixtures.ts";
import { run } from "./harness.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-export-test-"));
  ends.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function gateway(): Promise<Gateway> {
  const started = await startGateway();
  ends.push(() => started.stop());
  return started;
}

/** A gateway with an account of each kind, and everything that a person can set. */
async function furnished(): Promise<Gateway> {
  const sluice = await gateway();
  const { accounts, settings } = sluice.app.admin;
  const add = async (provider: string, text: string, label?: string) => {
    const { added } = await accounts.add(provider, text, { check: false, ...(label === undefined ? {} : { label }) });
    return added[0]?.id ?? "";
  };
  await add("longcat", `lang=zh; passport_token_key=${longcatToken("a")}`, "家里");
  const off = await add("longcat", longcatToken("b"));
  await accounts.disable(off);
  await add("cto", `__client=${clerkCookie("x")}; __client_uat=1`);
  const kiro = await add("kiro", JSON.stringify(social("k")), "work");
  await accounts.configure(kiro, {
    priority: -2,
    concurrency: 1,
    requestsPerHour: 30,
    proxy: "http://u:p@10.0.0.1:3128",
    models: ["claude-*"],
  });
  await settings.set("ROTATION_USES", "9");
  return sluice;
}

/** What an export has to carry, in the order of the rotation. */
async function contentOf({ store, app }: Gateway) {
  const rows = await store.accounts.all();
  const settings = (await app.admin.settings.get()).filter(({ source }) => source === "console");
  return {
    accounts: rows.map(({ provider, credential, settings: set, health, identityHash }) => ({
      provider,
      credential,
      set,
      identityHash,
      off: health.state === "disabled_by_user",
    })),
    settings: settings.map(({ name, value }) => [name, value]),
  };
}

function at(sluice: Gateway, argv: readonly string[], given: Parameters<typeof run>[1] = {}) {
  const token = JSON.stringify({ url: sluice.url, token: sluice.adminKey, pid: process.pid });
  writeFileSync(join(sluice.dataDir, "sluice.token"), token, { mode: 0o600 });
  return run(argv, { cwd: sluice.dataDir, env: { DATA_DIR: sluice.dataDir }, ...given });
}

// A passphrase is slow to try by design, and a small machine has more to do.
setDefaultTimeout(30_000);

const PASSPHRASE = "ein langer Satz, den niemand rät";
const SECRETS = [longcatToken("a"), longcatToken("b"), clerkCookie("x"), refreshToken("k"), "u:p@", PASSPHRASE];

const ways: { name: string; argv: string[]; stdin: string | string[]; tty?: boolean; sealed: boolean }[] = [
  { name: "sealed, with the passphrase from a pipe", argv: [], stdin: `${PASSPHRASE}\nmore\n`, sealed: true },
  {
    name: "sealed, with the passphrase typed twice",
    argv: [],
    stdin: [`${PASSPHRASE}\r`, `${PASSPHRASE}\r`],
    tty: true,
    sealed: true,
  },
  { name: "in clear, with yes as a flag", argv: ["--clear", "--yes"], stdin: "", sealed: false },
  { name: "in clear, with yes typed", argv: ["--clear"], stdin: ["yes\n"], tty: true, sealed: false },
];
test.each(ways)(
  "an export $name round-trips exactly into an empty gateway, once",
  async ({ argv, stdin, tty = false, sealed }) => {
    const from = await furnished();
    const cwd = folder();
    const written = await at(from, ["export", "--settings", "--output", "out.json", ...argv], {
      cwd,
      stdin,
      tty,
      env: { DATA_DIR: from.dataDir },
    });
    expect({ code: written.code, stdout: written.stdout }).toEqual({
      code: 0,
      stdout: "4 accounts written to out.json\n",
    });
    expect(statSync(join(cwd, "out.json")).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(cwd, "out.json"), "utf8");
    for (const secret of SECRETS) {
      expect(written.stderr + written.stdout).not.toContain(secret);
      if (sealed) expect(text).not.toContain(secret);
    }
    expect(JSON.parse(text)).toMatchObject({ format: "sluice-export", version: 1 });

    const to = await gateway();
    const given = { cwd, env: { DATA_DIR: to.dataDir }, stdin: sealed ? PASSPHRASE : "" };
    const read = await at(to, ["import", "out.json", "--json"], given);
    expect((JSON.parse(read.stdout) as ImportReport).refused).toEqual([]);
    expect(read.code).toBe(0);
    expect(await contentOf(to)).toEqual(await contentOf(from));
    if (sealed) return; // a second opening would only cost time
    const again = await at(to, ["import", "out.json", "--json"], given);
    expect(JSON.parse(again.stdout)).toMatchObject({ took: [], refused: [] });
    expect(await contentOf(to)).toEqual(await contentOf(from));
  },
);

test("an export goes to standard output alone, of one provider if asked", async () => {
  const from = await furnished();
  const ran = await at(from, ["export", "--clear", "--yes", "--provider", "kiro"]);
  const document = JSON.parse(ran.stdout) as { accounts: { provider: string }[]; settings?: unknown };
  expect(document.accounts.map(({ provider }) => provider)).toEqual(["kiro"]);
  expect(document.settings).toBeUndefined();
  expect(ran.stderr).toBe("1 account written\n");
  expect(await at(from, ["export", "--clear", "--yes", "--provider", "nothing"])).toMatchObject({
    code: 1,
    stdout: "",
  });
});

test("nothing is written without a yes, a passphrase, or the same one twice", async () => {
  const from = await furnished();
  const cwd = folder();
  const refusals: [string[], string | string[], boolean][] = [
    [["--clear"], "no\n", false],
    [["--clear"], "", false],
    [["--clear"], ["yes please\n"], true],
    [[], "", false],
    [[], "\n", false],
    [[], ["one\r", "other\r"], true],
    [["--yes"], "x", false],
  ];
  for (const [argv, stdin, tty] of refusals) {
    const ran = await at(from, ["export", "--output", "out.json", ...argv], {
      cwd,
      stdin,
      tty,
      env: { DATA_DIR: from.dataDir },
    });
    expect({ argv, code: ran.code, stdout: ran.stdout }).toEqual({ argv, code: 2, stdout: "" });
    expect(existsSync(join(cwd, "out.json"))).toBe(false);
  }
});

test("a wrong passphrase and every kind of damage is refused in words, and takes nothing", async () => {
  const from = await furnished();
  const { stdout } = await at(from, ["export"], { stdin: PASSPHRASE });
  const whole = JSON.parse(stdout) as Record<string, unknown> & { data: string; kdf: Record<string, unknown> };
  const to = await gateway();
  const cwd = folder();
  const damages: { text: string; passphrase?: string; says: string }[] = [
    { text: stdout, passphrase: "another", says: "The passphrase is wrong, or the file is damaged." },
    { text: stdout.slice(0, -200), says: "cut off or broken" },
    { text: JSON.stringify({ ...whole, data: whole.data.slice(0, -8) }), says: "or the file is damaged" },
    { text: JSON.stringify({ ...whole, createdAt: "2020-01-01T00:00:00.000Z" }), says: "or the file is damaged" },
    { text: JSON.stringify({ ...whole, tag: "AAAA" }), says: "or the file is damaged" },
    { text: JSON.stringify({ ...whole, nonce: undefined }), says: "header of this sealed export is incomplete" },
    { text: JSON.stringify({ ...whole, version: 2 }), says: "written by a newer version" },
    { text: JSON.stringify({ ...whole, kdf: { ...whole.kdf, cost: 1_073_741_824 } }), says: "too much memory" },
    { text: JSON.stringify({ ...whole, kdf: { ...whole.kdf, cost: 1000 } }), says: "not valid" },
  ];
  for (const { text, passphrase = PASSPHRASE, says } of damages) {
    writeFileSync(join(cwd, "out.json"), text);
    const ran = await at(to, ["import", "out.json"], { cwd, env: { DATA_DIR: to.dataDir }, stdin: passphrase });
    expect({ says, code: ran.code }).toEqual({ says, code: 1 });
    expect(ran.stdout).toContain(says);
  }
  expect(await to.store.accounts.all()).toEqual([]);
});

test("a clear export with a bad entry gives the good ones", async () => {
  const to = await gateway();
  const cwd = folder();
  const accounts = [
    { provider: "longcat", credential: { token: longcatToken("a") }, settings: { label: "good", priority: 99_999 } },
    { provider: "longcat", credential: {} },
    { provider: "nowhere", credential: { token: "x" } },
    "nothing",
  ];
  const document = {
    format: "sluice-export",
    version: 1,
    createdAt: "2026-01-01T00:00:00.000Z",
    accounts,
    settings: { PORT: "1", ROTATION_USES: "no" },
  };
  writeFileSync(join(cwd, "out.json"), JSON.stringify(document));
  const ran = await at(to, ["import", "out.json", "--json"], { cwd, env: { DATA_DIR: to.dataDir } });
  const report = JSON.parse(ran.stdout) as ImportReport;
  expect(report.took.map(({ name }) => name)).toEqual(["good"]);
  expect(report.refused.map(({ from }) => from)).toEqual([
    "out.json, account 4",
    "out.json, account 2",
    "out.json, account 3",
    "out.json, ROTATION_USES",
  ]);
  expect(report.notes.join("\n")).toContain("its priority was left out");
  expect(report.notes.join("\n")).toContain("PORT is read at the start");
});
