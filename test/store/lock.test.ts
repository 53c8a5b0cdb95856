import { expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { acquireLock, FolderInUseError } from "../../src/store/lock.ts";
import { StoreOpenError } from "../../src/store/open.ts";
import { DataFolder } from "./folder.ts";
import { child, kill } from "./process.ts";

function refusal(folder: DataFolder): unknown {
  try {
    acquireLock(folder.path).release();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("a second process is refused within a second and told pid and address; kill -9 of the first frees the folder", async () => {
  await using folder = new DataFolder();
  const first = await child("hold", folder.path);
  try {
    const began = performance.now();
    const error = refusal(folder);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(error).toBeInstanceOf(FolderInUseError);
    expect(error).toBeInstanceOf(StoreOpenError);
    expect(error).toMatchObject({ holder: { pid: first.pid, url: "http://127.0.0.1:8123" } });
    expect((error as Error).message).toContain(`process ${first.pid} at http://127.0.0.1:8123`);
  } finally {
    await kill(first);
  }
  const lock = acquireLock(folder.path);
  expect(refusal(folder)).toMatchObject({ holder: { pid: process.pid } });
  lock.release();
});

test("a lock that nobody refers to is still held after a collection", async () => {
  await using folder = new DataFolder();
  const release = (() => {
    const lock = acquireLock(folder.path);
    return () => lock.release();
  })();
  Bun.gc(true);
  expect(refusal(folder)).toBeInstanceOf(FolderInUseError);
  release();
});

test("releasing frees the folder, twice does no harm to the next holder", async () => {
  await using folder = new DataFolder();
  const first = acquireLock(folder.path);
  for (const name of ["sluice.running", "sluice.lock"]) expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600);
  first.release();
  expect(existsSync(folder.file("sluice.running"))).toBe(false);
  const second = acquireLock(folder.path);
  first.release();
  expect(refusal(folder)).toMatchObject({ holder: { pid: process.pid } });
  second.release();
});

test("a holder that never said who it is, or a stale name, is another process", async () => {
  await using folder = new DataFolder();
  const lock = acquireLock(folder.path);
  const long = Bun.spawn([process.execPath, "--version"], { stdout: "ignore" });
  await long.exited;
  for (const text of ["", "{}", "not JSON", JSON.stringify({ pid: long.pid })]) {
    writeFileSync(folder.file("sluice.running"), text);
    const error = refusal(folder);
    expect(error).toMatchObject({ holder: undefined });
    expect((error as Error).message).toContain("in use by another process");
  }
  lock.release();
});

test("a lock file that is something else is named", async () => {
  await using folder = new DataFolder();
  writeFileSync(folder.file("sluice.lock"), "a text of somebody else, longer than a header ".repeat(20));
  expect(refusal(folder)).toBeInstanceOf(StoreOpenError);
  expect((refusal(folder) as Error).message).toContain("sluice.lock cannot be locked (SQLITE_NOTADB)");
});
