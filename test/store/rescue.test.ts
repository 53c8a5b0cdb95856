import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { DataFolder, failureOf } from "./folder.ts";
import { account } from "./records.ts";

const ROTATED = { cookie: "invented-rotated-cookie" };

/** A store with one account whose database another program holds locked. */
async function locked() {
  const folder = new DataFolder();
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_1"));
  await store.accounts.insert(account("acc_2"));
  const other = new Database(folder.database);
  other.run("BEGIN IMMEDIATE");
  return { folder, store, other, file: `${folder.database}-rescue` };
}

test("row 7: a rotated credential that cannot be committed stands in a 0600 file, sealed, before anybody waits", async () => {
  const { folder, store, other, file } = await locked();
  await using _ = folder;
  const saving = failureOf(store.accounts.saveCredential("acc_1", ROTATED));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).not.toContain(ROTATED.cookie);
  await folder.clock.advance(1_100);
  expect(await saving).toMatchObject({ kind: "store-unavailable" });
  other.close();
});

test("row 7: the next start takes the credential from the file, and the file goes when the database has it", async () => {
  const { folder, store, other, file } = await locked();
  await using _ = folder;
  const change = { sourceHash: "entry", identityHash: "another login" };
  const saving = failureOf(store.accounts.saveCredential("acc_1", ROTATED, change));
  await folder.clock.advance(1_100);
  await saving;
  await store.close(); // and nothing was committed
  other.close();
  const next = await folder.open();
  expect(existsSync(file)).toBe(false);
  const rescued = account("acc_1", { credential: ROTATED, ...change });
  expect(await next.store.accounts.all()).toEqual([rescued, account("acc_2")]);
  await next.store.close();
  const third = await folder.open();
  expect(await third.store.accounts.all()).toEqual([rescued, account("acc_2")]);
});

test("row 7: while the database still takes nothing, the next start uses the credential out of the file", async () => {
  const { folder, store, other, file } = await locked();
  await using _ = folder;
  const saving = failureOf(store.accounts.saveCredential("acc_1", ROTATED));
  await folder.clock.advance(1_100);
  await saving;
  const opening = folder.open();
  await folder.clock.advance(1_100);
  const { store: second } = await opening;
  expect((await second.accounts.all())[0]).toMatchObject({ credential: ROTATED });
  other.close();
  await second.accounts.saveCredential("acc_1", { cookie: "newer" });
  expect(existsSync(file)).toBe(false);
  expect((await second.accounts.all())[0]).toMatchObject({ credential: { cookie: "newer" } });
});

test("row 7: a write that works again in time leaves no file behind", async () => {
  const { folder, store, other, file } = await locked();
  await using _ = folder;
  const saving = store.accounts.saveCredential("acc_1", ROTATED);
  other.run("ROLLBACK");
  other.close();
  await folder.clock.advance(20);
  await saving;
  expect(existsSync(file)).toBe(false);
  expect((await store.accounts.all())[0]).toMatchObject({ credential: ROTATED });
});

const damaged: { name: string; text: string }[] = [
  { name: "no JSON", text: "{" },
  { name: "no entry", text: '{"acc_1":{}}' },
  { name: "an entry that does not open", text: '{"acc_1":{"sealed":"AAAA"}}' },
  { name: "an account that is not there", text: '{"acc_9":{"sealed":"AAAA"}}' },
];
test.each(damaged)("a file with $name keeps nobody from starting", async ({ text }) => {
  const { folder, store, other, file } = await locked();
  await using _ = folder;
  other.close();
  await store.close();
  writeFileSync(file, text);
  const { store: next } = await folder.open();
  expect(await next.accounts.all()).toEqual([account("acc_1"), account("acc_2")]);
});
