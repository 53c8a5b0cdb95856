/** The program for 64-bit ARM under emulation (Debian's qemu-user-static and libc6-arm64-cross): it serves and keeps data. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { ADDRESS, call, CLIENT_KEY, install, type Installed, type Running, run } from "./program.ts";

setDefaultTimeout(90_000);

let installed: Installed;
let running: Running;
let address: string;

const emulator = process.arch === "arm64" ? [] : ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];

const path = { PATH: process.env["PATH"] ?? "" };

beforeAll(async () => {
  installed = await install("sluice-linux-arm64");
  running = await run([...emulator, installed.program, "--port", "0"], installed.folder, [ADDRESS, CLIENT_KEY], path);
  address = running.find(ADDRESS);
});

afterAll(async () => {
  await running?.kill();
  await installed?.remove();
});

test("where a process cannot replace itself it goes on, and says nothing of it", async () => {
  const { code, stdout, stderr } = await call([...emulator, installed.program, "--version"], installed.folder, path);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.trim()).toBe(manifest.version);
});

test("it serves HTTP", async () => {
  expect((await fetch(`${address}/health`)).status).toBe(200);
});

test("it opened its database and ran its migrations", () => {
  using database = new Database(join(installed.folder, "data", "sluice.db"), { readonly: true });
  const applied = database.query<{ count: number }, []>("select count(*) as count from __drizzle_migrations").get();
  expect(applied?.count).toBeGreaterThan(0);
});

test("it answers a chat with the key it printed", async () => {
  const answer = await fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${running.find(CLIENT_KEY)}` },
    body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "hello" }] }),
  });
  expect(answer.status).toBe(200);
});

test("SIGTERM ends it with code 0", async () => {
  expect(await running.stop()).toBe(0);
});
