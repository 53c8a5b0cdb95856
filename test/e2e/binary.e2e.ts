/**
 * The compiled program as a stranger meets it: one file in an empty folder, no environment, no network but loopback
 * (`.ci/run` starts this suite in a network namespace of its own). The tests follow one life and stand in its order.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Database } from "bun:sqlite";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { ADDRESS, CLIENT_KEY, call, install, type Installed, type Running, run, SETUP_LINK } from "./program.ts";

setDefaultTimeout(90_000);

let installed: Installed;
let running: Running;
let address: string;
let key: string;

/** Starts the program in its folder, after ending what a failed test left running. */
async function start(until: RegExp[]): Promise<void> {
  await running?.kill();
  running = await run([installed.program, "--port", "0"], installed.folder, until);
  address = running.find(ADDRESS);
}

beforeAll(async () => {
  installed = await install(process.platform === "win32" ? "sluice.exe" : "sluice");
  await start([ADDRESS, SETUP_LINK, CLIENT_KEY]);
  key = running.find(CLIENT_KEY);
});

afterAll(async () => {
  await running?.kill();
  await installed?.remove();
});

/** Asks the demo model to say `text` back, as curl would. */
function chat(text: string, options: { key?: string; stream?: boolean } = {}): Promise<Response> {
  return fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    },
    body: JSON.stringify({
      model: "demo",
      stream: options.stream ?? false,
      messages: [{ role: "user", content: `echo ${text}` }],
    }),
  });
}

/** Every file of our own that a page's markup loads. */
function assetsOf(page: string, url: string): string[] {
  const links = [...page.matchAll(/<(?:link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
  return [...new Set(links.map((link) => new URL(link, url).href))];
}

async function pageAt(path: string): Promise<{ html: string; url: string }> {
  const response = await fetch(`${address}${path}`, { headers: { accept: "text/html" } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/html");
  return { html: await response.text(), url: response.url };
}

test("the first start says everything in at most 12 lines", () => {
  expect(running.printed().trim().split("\n").length).toBeLessThanOrEqual(12);
});

test("the first start makes the data folder and the sealed database for its user alone", async () => {
  const data = join(installed.folder, "data");
  expect(await readdir(installed.folder)).toEqual(["data"]);
  expect((await stat(data)).mode & 0o777).toBe(0o700);
  expect((await stat(join(data, "sluice.db"))).mode & 0o777).toBe(0o600);
});

test("the process that was started has the options of its engine", async () => {
  const environment = (await Bun.file(`/proc/${running.pid}/environ`).text()).split("\0");
  expect(environment.filter((line) => /^(?:BUN|MIMALLOC)_/.test(line))).toHaveLength(3);
});

test("options of the engine that are set stand", async () => {
  const option = { MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "1000" };
  const own = await run([installed.program, "--port", "0", "--data", "own"], installed.folder, [ADDRESS], option);
  const environment = await Bun.file(`/proc/${own.pid}/environ`).text();
  await own.kill();
  await rm(join(installed.folder, "own"), { recursive: true });
  expect(environment.split("\0")).toContain("MIMALLOC_PURGE_HOLES_MIN_INTERVAL=1000");
});

test("the migrations inside the executable were run", () => {
  using database = new Database(join(installed.folder, "data", "sluice.db"), { readonly: true });
  const applied = database.query<{ count: number }, []>("select count(*) as count from __drizzle_migrations").get();
  expect(applied?.count).toBeGreaterThan(0);
});

test("the page and every file it loads come out of the executable", async () => {
  const { html, url } = await pageAt("/console/");
  const assets = assetsOf(html, url);
  expect(assets.some((asset) => asset.includes(".css"))).toBe(true);
  expect(assets.filter((asset) => !asset.startsWith(`${address}/`))).toEqual([]);
  for (const asset of assets) {
    const response = await fetch(asset);
    expect(`${response.status} ${asset}`).toBe(`200 ${asset}`);
    expect((await response.bytes()).length).toBeGreaterThan(0);
  }
});

test("the setup link opens a page", async () => {
  const response = await fetch(running.find(SETUP_LINK), { headers: { accept: "text/html" } });
  expect(response.status).toBe(200);
});

test("the API document and its page work without a network", async () => {
  const document = (await (await fetch(`${address}/docs/json`)).json()) as { openapi: string; paths: object };
  expect(document.openapi).toStartWith("3.");
  expect(Object.keys(document.paths)).toContain("/v1/chat/completions");
  const { html, url } = await pageAt("/docs");
  const assets = assetsOf(html, url);
  expect(assets.some((asset) => asset.includes("swagger-ui"))).toBe(true);
  for (const asset of assets) {
    expect(asset).toStartWith(`${address}/`);
    expect(`${(await fetch(asset)).status} ${asset}`).toBe(`200 ${asset}`);
  }
});

test("curl gets OK at the root", async () => {
  const response = await fetch(`${address}/`, { headers: { "user-agent": "curl/8.5.0", accept: "*/*" } });
  expect((await response.text()).trim()).toBe("OK");
});

test("the demo model answers a caller who has the printed key, and nobody else", async () => {
  const answer = await chat("hello 世界 🌊", { key });
  expect(answer.status).toBe(200);
  const { choices } = (await answer.json()) as { choices: { message: { content: string }; finish_reason: string }[] };
  expect(choices[0]?.message.content).toBe("hello 世界 🌊");
  expect(choices[0]?.finish_reason).toBe("stop");
  expect((await chat("hello")).status).toBe(401);
});

test("the demo model streams to one end mark", async () => {
  const answer = await chat("hello 世界 🌊", { key, stream: true });
  expect(answer.headers.get("content-type")).toContain("text/event-stream");
  const text = await answer.text();
  expect(text.match(/^data: \[DONE\]$/gm)).toHaveLength(1);
  const said = [...text.matchAll(/^data: (\{.*\})$/gm)].map(
    ([, json]) => (JSON.parse(json ?? "") as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content,
  );
  expect(said.join("")).toBe("hello 世界 🌊");
});

test("its own commands know the running program", async () => {
  const { port } = new URL(address);
  expect((await call([installed.program, "health"], installed.folder, { PORT: port })).code).toBe(0);
  const { code, stdout } = await call([installed.program, "version"], installed.folder);
  expect(code).toBe(0);
  expect(stdout).toContain(manifest.version);
});

test("SIGTERM ends it with code 0", async () => {
  expect(await running.stop()).toBe(0);
});

test("the second start shows the data kept: the same key works, and no new one is handed out", async () => {
  await start([ADDRESS]);
  expect((await chat("again", { key })).status).toBe(200);
  expect(running.printed()).not.toContain("sk-sluice-");
  expect(await running.stop()).toBe(0);
});

test("the working directory's bunfig.toml cannot load code; its .env counts as settings", async () => {
  await Bun.write(join(installed.folder, "bunfig.toml"), 'preload = ["./intruder.ts"]\n');
  await Bun.write(join(installed.folder, "intruder.ts"), "process.exit(77);\n");
  await Bun.write(join(installed.folder, ".env"), "DEMO=off\n");
  await start([ADDRESS]);
  expect((await chat("hello", { key })).status).toBe(404);
  expect(await running.stop()).toBe(0);
});
