import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { StoreOpenError } from "../../src/store/open.ts";
import { sealingOf } from "../../src/store/sealing.ts";
import { DataFolder, failureOf } from "./folder.ts";
import { account } from "./records.ts";

const sealing = sealingOf(randomBytes(32));

test.each(["", "a", "cookie=invented; 中文 🙂", "x".repeat(100_000)])("a text opens as it was sealed (%#)", (text) => {
  expect(sealing.open(sealing.seal(text, "acc_1"), "acc_1")).toBe(text);
});

test("the same text is never sealed the same way twice", () => {
  expect(sealing.seal("text", "acc_1").equals(sealing.seal("text", "acc_1"))).toBe(false);
});

test("another owner, another key and any changed byte do not open", () => {
  const sealed = sealing.seal("text", "acc_1");
  expect(() => sealing.open(sealed, "acc_2")).toThrow();
  expect(() => sealingOf(randomBytes(32)).open(sealed, "acc_1")).toThrow();
  expect(() => sealing.open(sealed.subarray(0, 20), "acc_1")).toThrow();
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(() => sealing.open(changed, "acc_1")).toThrow();
  }
});

test("no file of the data folder but the key holds a credential in clear, and all are private", async () => {
  await using folder = new DataFolder();
  const { store } = await folder.open();
  await store.accounts.insert(account("acc_1", { credential: { cookie: "canary-5f1c" } }));
  await store.close();
  expect(readFileSync(folder.database).includes("canary-5f1c")).toBe(false);
  for (const name of ["sluice.db", "sluice.key"]) expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600);
});

/** How a folder is made, what happens to it, how it is opened again, and the words of the refusal. */
const refusals: {
  name: string;
  first?: string;
  spoil?: (folder: DataFolder) => void;
  secret?: string;
  says: RegExp;
}[] = [
  { name: "a missing key file", spoil: (folder) => rmSync(folder.file("sluice.key")), says: /sluice\.key is missing/ },
  {
    name: "another key file",
    spoil: (folder) => writeFileSync(folder.file("sluice.key"), randomBytes(32)),
    says: /sluice\.key is not the key/,
  },
  {
    name: "a cut key file",
    spoil: (folder) => writeFileSync(folder.file("sluice.key"), randomBytes(31)),
    says: /sluice\.key is damaged: it has 31 bytes/,
  },
  { name: "a passphrase where there is a key file", secret: "open sesame", says: /Start without SLUICE_SECRET/ },
  { name: "no passphrase where one is needed", first: "open sesame", says: /set SLUICE_SECRET/ },
  { name: "another passphrase", first: "open sesame", secret: "open barley", says: /not the passphrase/ },
];
test.each(refusals)("$name stops the start and replaces nothing", async ({ first, spoil, secret, says }) => {
  await using folder = new DataFolder();
  const { store } = await folder.open(first === undefined ? {} : { secret: first });
  await store.accounts.insert(account("acc_1"));
  await store.close();
  spoil?.(folder);
  const before = [bytesOf(folder.database), bytesOf(folder.file("sluice.key"))];
  const error = await failureOf(folder.open(secret === undefined ? {} : { secret }));
  expect(error).toBeInstanceOf(StoreOpenError);
  expect((error as Error).message).toMatch(says);
  expect((error as Error).message).not.toContain("sesame");
  expect([bytesOf(folder.database), bytesOf(folder.file("sluice.key"))]).toEqual(before);
});

test("a passphrase opens the same database again and needs no key file", async () => {
  await using folder = new DataFolder();
  const { store } = await folder.open({ secret: "open sesame" });
  await store.accounts.insert(account("acc_1"));
  await store.close();
  const again = await folder.open({ secret: "open sesame" });
  expect(await again.store.accounts.all()).toEqual([account("acc_1")]);
  expect(existsSync(folder.file("sluice.key"))).toBe(false);
});

test("a new database takes the key that is there already", async () => {
  await using folder = new DataFolder();
  writeFileSync(folder.file("sluice.key"), Buffer.alloc(32, 7));
  await folder.open();
  expect(readFileSync(folder.file("sluice.key")).equals(Buffer.alloc(32, 7))).toBe(true);
});

function bytesOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path).toString("hex") : undefined;
}
