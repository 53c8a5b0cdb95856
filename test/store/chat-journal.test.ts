import { expect, test } from "bun:test";
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { StoreOpenError } from "../../src/store/open.ts";
import { ChatJournal } from "../../src/store/sqlite/chat-journal.ts";
import { DataFolder } from "./folder.ts";
import { NOON } from "./records.ts";

const FIRST = { accountId: "acc_1", upstreamId: "up_1" };
const STRANGE = { accountId: "acc_1", upstreamId: 'two words\n["acc_2","up_9"]' };

/** The names that a process finds which starts after a kill. */
function leftIn(path: string) {
  const journal = new ChatJournal(path);
  journal.close();
  return journal.left;
}

test("row 33: names outlive a kill until they are cleared", async () => {
  await using folder = new DataFolder();
  const path = folder.file("chats");
  const journal = new ChatJournal(path);
  expect([journal.add(FIRST), journal.add(STRANGE)]).toEqual([true, true]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(leftIn(path)).toEqual([FIRST, STRANGE]);
  expect(leftIn(path)).toEqual([FIRST, STRANGE]);
  journal.clear();
  journal.add(FIRST);
  expect(leftIn(path)).toEqual([FIRST]);
  journal.clear();
  journal.close();
  expect(existsSync(path)).toBe(false);
});

test("a line that was cut off, or is something else, spoils none but itself", async () => {
  await using folder = new DataFolder();
  const path = folder.file("chats");
  const journal = new ChatJournal(path);
  journal.add(FIRST);
  appendFileSync(path, '\n["acc_1","up_');
  journal.add(STRANGE);
  appendFileSync(path, '\n\n{"a":1}\n[1,2]\n["acc_1"]\n\0\0\0');
  journal.close();
  expect(leftIn(path)).toEqual([FIRST, STRANGE]);
});

test("it says when it cannot take a name", async () => {
  await using folder = new DataFolder();
  const journal = new ChatJournal(folder.file("chats"));
  journal.close();
  // The next file gets the number of the one that was closed.
  const next = openSync(folder.file("next"), "w");
  expect(journal.add(FIRST)).toBe(false);
  expect(statSync(folder.file("next")).size).toBe(0);
  closeSync(next);
  expect(() => new ChatJournal(folder.path)).toThrow(StoreOpenError);
});

test("what a kill left is in the store again, to be deleted, and leaves the file when it is committed", async () => {
  await using folder = new DataFolder();
  const path = `${folder.database}-chats`;
  new ChatJournal(path).add(FIRST);
  const { store } = await folder.open();
  const leaving = { ...FIRST, state: "leaving", key: undefined, dueAt: NOON, tries: 0 };
  expect(leftIn(path)).not.toEqual([]);
  expect(await store.conversations.all()).toMatchObject([leaving]);
  expect(readFileSync(path, "utf8")).toBe("");
  await store.close();
  const again = await folder.open();
  expect(await again.store.conversations.all()).toMatchObject([leaving]);
  again.store.conversations.drop(FIRST.accountId, FIRST.upstreamId);
  await again.store.close();
  expect(await (await folder.open()).store.conversations.all()).toEqual([]);
});
