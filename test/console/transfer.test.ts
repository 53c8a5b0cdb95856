import { expect, test } from "bun:test";
import { desk, operator, PASSWORD } from "./desk.ts";
import { everyState } from "./fake-admin.ts";

const HTMX = { "hx-request": "true" };

async function start() {
  const at = await desk();
  at.world.accounts = everyState(at.clock.now());
  const browser = await operator(at);
  const bring = (fields: Record<string, string>, files: readonly File[] = []) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    for (const file of files) body.append("files", file);
    return browser.send("/console/import", { method: "POST", body, headers: HTMX });
  };
  const take = (fields: Record<string, string>) => browser.post("/console/export", fields, HTMX);
  return { ...at, bring, take, signIns: () => at.sessions.size };
}

test("files and pasted text are handed over with their names, and the report counts and explains", async () => {
  const { bring, world } = await start();
  const answer = await bring({ text: "passport_token_key=x", passphrase: "open sesame" }, [
    new File(["AUTH_COOKIES=a"], ".env"),
    new File(["{}"], "config.json"),
  ]);
  expect(world.moved).toEqual([
    {
      files: [
        { path: ".env", text: "AUTH_COOKIES=a" },
        { path: "config.json", text: "{}" },
        { path: "pasted text", text: "passport_token_key=x" },
      ],
      dryRun: false,
      passphrase: "open sesame",
    },
  ]);
  const report = await answer.text();
  for (const text of ["2 taken", "1 was there already", "1 refused", "There is no passport_token_key.", "cat-a"]) {
    expect(report).toContain(text);
  }
});

test("a preview says so, and asks for nothing to be done", async () => {
  const { bring, world } = await start();
  const report = await (await bring({ text: "a", dry: "yes" })).text();
  expect(world.moved).toMatchObject([{ dryRun: true }]);
  expect(report).toContain("Preview: nothing has changed");
  expect(report).toContain("2 would be taken");
});

test("nothing to import is an error beside the field", async () => {
  const { bring } = await start();
  const refused = await bring({ text: " " }, [new File([], "")]);
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain('data-field="text"');
});

test("a database is refused with the command that takes it", async () => {
  const { bring, world } = await start();
  const report = await (await bring({ text: "" }, [new File(["SQLite format 3\0…"], "octo-proxy.db")])).text();
  expect(world.moved).toMatchObject([{ files: [] }]);
  expect(report).toContain("octo-proxy.db");
  expect(report).toContain("sluice import PATH");
});

const INCOMPLETE: readonly (readonly [string, Record<string, string>, string])[] = [
  ["no passphrase", {}, "passphrase"],
  ["two that differ", { passphrase: "open sesame", again: "open sesam" }, "again"],
];
test.each(INCOMPLETE)("%s exports nothing", async (_name, fields, field) => {
  const { take, world } = await start();
  const refused = await take(fields);
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain(`data-field="${field}"`);
  expect(world.moved).toEqual([]);
});

test("a sealed export is there to save, with what was left out", async () => {
  const { take, world } = await start();
  const ready = await (
    await take({ passphrase: "open sesame", again: "open sesame", only: "longcat", settings: "yes" })
  ).text();
  expect(world.moved).toEqual([{ passphrase: "open sesame", provider: "longcat", settings: true }]);
  expect(ready).toContain("7 accounts are in the file");
  expect(ready).toContain('data-name="sluice-accounts-2026-11-21.json"');
  expect(ready).toContain("sluice-export");
  expect(ready).toContain("guest sessions are left out");
});

test("R14 a clear export asks a second question and wants the password, which opens no session", async () => {
  const { take, world, signIns } = await start();
  const before = signIns();
  for (const fields of [{ clear: "yes" }, { clear: "yes", password: "a wrong password" }]) {
    const question = await (await take(fields)).text();
    expect(question).toContain("Whoever gets this file can use all your accounts.");
    expect(question).toContain('name="password"');
    expect(world.moved).toEqual([]);
  }
  await take({ clear: "yes", password: PASSWORD });
  expect(world.moved).toEqual([{ clear: true }]);
  expect(signIns()).toBe(before);
});
