/** The README's two ways to begin, each in a fresh clone with nothing but its own tools on the PATH. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADDRESS, call, CLIENT_KEY, run } from "./program.ts";

setDefaultTimeout(180_000);

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "sluice-start-"));
});

afterAll(() => rm(root, { recursive: true }));

/** A fresh clone of what is committed, and an environment whose PATH holds `tools` and a shell. */
async function newcomer(name: string, tools: string[]) {
  const folder = join(root, name, "sluice");
  const bin = join(root, name, "bin");
  await mkdir(bin, { recursive: true });
  for (const tool of [...tools, "sh", "env"]) {
    const found = Bun.which(tool);
    if (found === null) throw new Error(`there is no ${tool} here`);
    await symlink(await realpath(found), join(bin, tool));
  }
  const environment = { ...(process.env as Record<string, string>), PATH: bin };
  const clone = ["git", "clone", "--quiet", join(import.meta.dir, "..", ".."), folder];
  expect(await call(clone, root, process.env as Record<string, string>)).toMatchObject({ code: 0 });
  return { folder, bin, environment };
}

async function serves(command: string[], folder: string, environment: Record<string, string>): Promise<void> {
  const running = await run([...command, "--port", "0"], folder, [ADDRESS, CLIENT_KEY], environment);
  const address = running.find(ADDRESS);
  expect((await fetch(`${address}/health`)).status).toBe(200);
  await running.stop(); // resolves when the last process that holds its output is gone
  const refused = await fetch(`${address}/health`).then(
    () => false,
    () => true,
  );
  expect(refused).toBe(true);
}

test("with Node.js and npm alone, npm start installs everything and serves", async () => {
  const { folder, bin, environment } = await newcomer("npm", ["node", "npm", "npx"]);
  await serves([join(bin, "npm"), "start", "--"], folder, environment);
});

test("with Bun alone, bun install and bun start do", async () => {
  const { folder, bin, environment } = await newcomer("bun", ["bun"]);
  expect(await call([join(bin, "bun"), "install"], folder, environment)).toMatchObject({ code: 0 });
  await serves([join(bin, "bun"), "start"], folder, environment);
});
