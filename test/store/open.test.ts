import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unusable, writeDurably } from "../../src/store/files.ts";
import { StoreOpenError } from "../../src/store/open.ts";
import { inspect } from "../../src/store/sqlite/inspect.ts";
import { newestMigration, upgrade } from "../../src/store/sqlite/migrate.ts";
import { DataFolder, failureOf } from "./folder.ts";
import { account, request } from "./records.ts";

/** A folder with one account in a database that was closed well. */
async function filled(): Promise<DataFolder> {
  const folder = new DataFolder();
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_1"));
  for (let i = 0; i < 300; i++) store.attempts.recordRequest(request(`req_${i}`));
  await store.close();
  return folder;
}

/** The content of every file in a folder. */
function snapshot(folder: DataFolder): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder.path, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(folder.file(name)).toString("base64")]),
  );
}

async function refusal(folder: DataFolder, options = {}): Promise<string> {
  const error = await failureOf(folder.open(options));
  expect(error).toBeInstanceOf(StoreOpenError);
  return (error as Error).message;
}

test("a first start makes a private folder and database with our application id", async () => {
  await using folder = new DataFolder();
  const dataDir = folder.file("new/data");
  const { store, notices, databasePath } = await folder.open({ dataDir });
  expect(databasePath).toBe(join(dataDir, "sluice.db"));
  expect(notices).toEqual([]);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  expect(statSync(databasePath).mode & 0o777).toBe(0o600);
  await store.close();
  const database = new Database(databasePath, { readonly: true });
  expect(database.query("PRAGMA application_id").values()).toEqual([[0x536c7563]]);
  expect(database.query("PRAGMA auto_vacuum").values()).toEqual([[2]]);
  expect(database.query("PRAGMA journal_mode").values()).toEqual([["wal"]]);
  database.close();
});

test("a folder that belongs to others keeps its rights", async () => {
  await using folder = new DataFolder();
  writeFileSync(folder.file("letter.txt"), "");
  chmodSync(folder.path, 0o755);
  await folder.open();
  expect(statSync(folder.path).mode & 0o777).toBe(0o755);
});

test("another program's database is never written: sluice.db beside it is used, and import suggested", async () => {
  await using folder = new DataFolder();
  const theirs = folder.file("octoproxy.db");
  const database = new Database(theirs);
  database.run("CREATE TABLE accounts (id TEXT)");
  database.close();
  const before = readFileSync(theirs);
  const { notices, databasePath } = await folder.open({ databasePath: theirs });
  expect(databasePath).toBe(folder.database);
  expect(notices).toEqual([expect.stringContaining(`sluice import ${theirs}`)]);
  expect(readFileSync(theirs).equals(before)).toBe(true);
  expect(readdirSync(folder.path).filter((name) => name.startsWith("octoproxy"))).toEqual(["octoproxy.db"]);
});

test("another program's database under our name is left alone, and the start refused", async () => {
  await using folder = new DataFolder();
  const database = new Database(folder.database);
  database.run("CREATE TABLE t (id TEXT)");
  database.close();
  const before = snapshot(folder);
  expect(await refusal(folder)).toContain("belongs to another program");
  expect(snapshot(folder)).toEqual(before);
});

test("DB_PATH may name a database of ours in any folder, by any name", async () => {
  await using folder = new DataFolder();
  const databasePath = folder.file("else/kept.db");
  const first = await folder.open({ databasePath });
  await first.store.settings.set("name", "value");
  await first.store.close();
  const second = await folder.open({ databasePath });
  expect(second.databasePath).toBe(databasePath);
  expect(await second.store.settings.get("name")).toBe("value");
});

const damages: { name: string; spoil: (path: string) => void; says: string }[] = [
  { name: "an empty file", spoil: (path) => writeFileSync(path, ""), says: "it is empty" },
  { name: "a broken header", spoil: (path) => overwrite(path, 0, 16), says: "its header is not a database's" },
  {
    name: "a cut header",
    spoil: (path) => writeFileSync(path, readFileSync(path).subarray(0, 50)),
    says: "its header",
  },
  { name: "a broken page", spoil: (path) => overwrite(path, 4096 * 3, 4096), says: "is damaged (" },
  { name: "a broken first page", spoil: (path) => overwrite(path, 100, 3_000), says: "is damaged (" },
  {
    name: "a missing half",
    spoil: (path) => writeFileSync(path, readFileSync(path).subarray(0, 40_000)),
    says: "is damaged (",
  },
  {
    name: "a file that went away and left its changes",
    spoil(path) {
      rmSync(path);
      writeFileSync(`${path}-wal`, "changes");
    },
    says: "it is missing",
  },
];
test.each(damages)(
  "$name is refused and stays byte for byte; the command that the refusal names brings the backup back",
  async ({ spoil, says }) => {
    await using folder = await filled();
    mkdirSync(folder.file("backups"));
    for (const name of ["older.db", "newest.db"]) copyFileSync(folder.database, folder.file(`backups/${name}`));
    const later = new Date(Date.now() + 60_000);
    Bun.spawnSync(["touch", "-d", later.toISOString(), folder.file("backups/newest.db")]);
    spoil(folder.database);
    const before = snapshot(folder);
    const message = await refusal(folder);
    expect(message).toStartWith(`${folder.database} is damaged`);
    expect(message).toContain(says);
    expect(message).not.toContain("\n");
    expect(snapshot(folder)).toEqual(before);

    const [, command = ""] = message.split("Restore the newest backup with: ");
    expect(command).toContain(folder.file("backups/newest.db"));
    expect(Bun.spawnSync(["sh", "-c", command]).stderr.toString()).not.toContain("cp:");
    const restored = await folder.open();
    expect(await restored.store.accounts.all()).toEqual([account("acc_1")]);
  },
);

test("one credential that cannot be read does not keep the others from serving", async () => {
  await using folder = await filled();
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_2"));
  await store.close();
  const database = new Database(folder.database);
  database.run("UPDATE accounts SET credential = zeroblob(60) WHERE id = 'acc_1'");
  database.close();
  const again = await folder.open();
  const [broken, sound] = await again.store.accounts.all();
  expect(broken).toMatchObject({ credential: undefined, health: { state: "needs_login" } });
  expect(sound).toEqual(account("acc_2"));
});

test("a database of a newer version is refused in words and not written", async () => {
  await using folder = await filled();
  const database = new Database(folder.database);
  database.run("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('future', 9999999999999)");
  database.run("DROP TABLE meta");
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  rmSync(`${folder.database}-wal`, { force: true });
  rmSync(`${folder.database}-shm`, { force: true });
  const before = snapshot(folder);
  expect(await refusal(folder)).toContain("made by a newer version of sluice");
  expect(snapshot(folder)).toEqual(before);
});

/** The migrations of this version and one more. */
function migrationsAnd(folder: DataFolder, sql: string): string {
  const migrations = folder.file("migrations");
  cpSync(join(import.meta.dir, "..", "..", "drizzle", "sqlite"), migrations, { recursive: true });
  const journalPath = join(migrations, "meta", "_journal.json");
  const journal = JSON.parse(readFileSync(journalPath, "utf8")) as { entries: object[] };
  const when = newestMigration() + 1;
  const next = { idx: journal.entries.length, version: "6", when, tag: "9999_next", breakpoints: true };
  writeFileSync(journalPath, JSON.stringify({ ...journal, entries: [...journal.entries, next] }));
  writeFileSync(join(migrations, "9999_next.sql"), sql);
  return migrations;
}

test("an older database is copied, then upgraded", async () => {
  await using folder = await filled();
  const migrations = migrationsAnd(folder, "ALTER TABLE accounts ADD colour text DEFAULT 'grey' NOT NULL;");
  const found = inspect(folder.database, newestMigration(migrations));
  const copy = upgrade(folder.database, found, folder.clock.now(), migrations) ?? "";
  expect(copy).toMatch(/backups\/sluice-before-schema-\d+-2026-11-20T12-00-00\.db$/);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  const query = (path: string) => {
    using database = new Database(path, { readonly: true });
    return Object.keys(database.query("SELECT * FROM accounts").get() ?? {}).includes("colour");
  };
  expect([query(copy), query(folder.database)]).toEqual([false, true]);
  expect(inspect(copy, newestMigration())).toEqual(found);
  expect(
    upgrade(folder.database, inspect(folder.database, newestMigration(migrations)), 0, migrations),
  ).toBeUndefined();
});

const BREAK = "--> statement-breakpoint\n";
test.each([
  {
    name: "fails a statement of it",
    sql: `PRAGMA max_page_count = 1;${BREAK}CREATE TABLE filler (x);${BREAK}INSERT INTO filler VALUES (zeroblob(999999));`,
  },
  {
    name: "ends its transaction too",
    sql: `CREATE TABLE filler (x UNIQUE);${BREAK}INSERT OR ROLLBACK INTO filler VALUES (1), (1);`,
  },
])("row 36: an upgrade for which a full disk $name says so, and leaves the database as it was", async ({ sql }) => {
  await using folder = await filled();
  const migrations = migrationsAnd(folder, sql);
  const found = inspect(folder.database, newestMigration(migrations));
  expect(() => upgrade(folder.database, found, 0, migrations)).toThrow("the disk is full");
  expect(inspect(folder.database, newestMigration(migrations))).toEqual(found);
});

test("an upgrade that fails leaves the database as it was, with its copy", async () => {
  await using folder = await filled();
  const migrations = migrationsAnd(
    folder,
    "DROP TABLE settings;\n--> statement-breakpoint\nALTER TABLE nowhere ADD x text;",
  );
  const found = inspect(folder.database, newestMigration(migrations));
  expect(() => upgrade(folder.database, found, 0, migrations)).toThrow(StoreOpenError);
  expect(readdirSync(folder.file("backups"))).toHaveLength(1);
  const { store } = await folder.open();
  expect(await store.accounts.all()).toEqual([account("acc_1")]);
  expect(await store.settings.all()).toEqual({});
});

test("a folder that cannot be made or written is named with its user", async () => {
  await using folder = new DataFolder();
  writeFileSync(folder.file("file"), "");
  const isRoot = process.getuid?.() === 0; // root may write wherever the kernel lets anybody
  chmodSync(folder.path, 0o500);
  const readOnly = isRoot ? "/sys" : folder.path;
  for (const dataDir of [folder.file("file/data"), readOnly]) {
    const message = await refusal(folder, { dataDir });
    expect(message).toMatch(/cannot be written by (this user|user \S+) \(uid \d+\)/);
    expect(message).not.toContain("unknown");
    expect(message).toStartWith(dataDir);
  }
  chmodSync(folder.path, 0o700);
});

test.each(["ENOSPC", "EDQUOT"])(
  "row 36: a file for which the disk has no room (%s) is named with the remedy",
  (code) => {
    const { message } = unusable("/data/sluice.key", Object.assign(new Error("no space left"), { code }));
    expect(message).toBe("/data/sluice.key cannot be written: the disk is full. Make room there.");
  },
);

test("a file that cannot be written is named with the user, and leaves no part of it", async () => {
  await using folder = new DataFolder();
  expect(() => writeDurably(folder.file("gone/key"), "x")).toThrow(`${folder.file("gone/key")} cannot be written by`);
  expect(readdirSync(folder.path)).toEqual([]);
});

test("a backup is a whole database that opens with the same key", async () => {
  await using folder = await filled();
  const { store } = await folder.open();
  store.attempts.recordRequest(request("req_last"));
  await store.backup(folder.file("copy.db"));
  expect(statSync(folder.file("copy.db")).mode & 0o777).toBe(0o600);
  expect(existsSync(folder.file("copy.db.part"))).toBe(false);
  const copy = await folder.open({ databasePath: folder.file("copy.db") });
  expect(await copy.store.accounts.all()).toEqual([account("acc_1")]);
  expect(await copy.store.attempts.requests({ limit: 1, id: "req_last" })).toHaveLength(1);
});

function overwrite(path: string, from: number, length: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, from, from + length);
  writeFileSync(path, bytes);
}

test("row 39: a database of the first version is brought up with everything that it held", async () => {
  await using folder = await filled();
  const { store } = await folder.open();
  await store.settings.set("kept", true);
  await store.close();
  // The schema of the first version: what later migrations added is taken away again.
  const old = new Database(folder.database);
  old.run("DROP TABLE sign_ins");
  old.run("CREATE INDEX requests_account ON requests (account_id, at)");
  for (const column of ["requests_per_hour", "proxy", "models"]) old.run(`ALTER TABLE accounts DROP COLUMN ${column}`);
  old.run("DELETE FROM __drizzle_migrations WHERE created_at > (SELECT min(created_at) FROM __drizzle_migrations)");
  old.close();
  const { store: upgraded, notices } = await folder.open();
  expect(notices).toEqual([expect.stringContaining("The database was upgraded; a copy from before is")]);
  expect(await upgraded.accounts.all()).toEqual([account("acc_1")]);
  expect(await upgraded.settings.get("kept")).toBe(true);
  await upgraded.signIns.put({ id: "login_1", provider: "kiro", data: {}, createdAt: 1, keptUntil: 2 });
});
