import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { DataFolder } from "./folder.ts";
import { account } from "./records.ts";
import { child, kill } from "./process.ts";

test("kill -9 loses nothing that was acknowledged and at most what was still behind", async () => {
  await using folder = new DataFolder();
  await kill(await child("fill", folder.path));
  const { store } = await folder.open();
  const [saved] = await store.accounts.all();
  expect(saved).toMatchObject({ credential: { cookie: "renewed" } });
  expect(await store.settings.get("acknowledged")).toBe(true);
  expect(await store.conversations.all()).toMatchObject([
    { upstreamId: "up_1", state: "leaving" },
    { upstreamId: "up_2", state: "kept", key: "history" },
  ]);
  // 500 events were recorded; up to 100 and those of one turn of the loop may be lost.
  const requests = await store.attempts.requests({ limit: 1_000 });
  const attempts = saved?.counters.attempts ?? 0;
  expect(attempts + requests.length).toBeGreaterThanOrEqual(500 - 120);
  expect(requests.length).toBe(attempts); // counters and log go in the same transaction
  await store.close();
  using database = new Database(folder.database, { readonly: true });
  expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
});

test("a start that was killed while it made the database leaves nothing in the way of the next", async () => {
  await using folder = new DataFolder();
  await Bun.write(folder.file("sluice.db.new"), "half a database");
  await Bun.write(folder.file("sluice.db.new-journal"), "its journal");
  await Bun.write(folder.file("sluice.key.part"), "half a key");
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_1"));
  expect(await store.accounts.all()).toEqual([account("acc_1")]);
});
