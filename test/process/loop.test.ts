/** The program's loop under 95 streams: nothing that a caller or the operator asks for may hold them up. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { answer, type LongcatSim, startLongcatSim, v2Frame } from "../sims/longcat.ts";
import { eventText } from "../sims/sse-body.ts";
import { chat, MIB, until } from "./load.ts";
import { folder, serve, type Served, sluice } from "./program.ts";

setDefaultTimeout(30_000);

const COOKIE = "C".repeat(100);
/** Five fewer than its account takes: those are for what the tests ask. */
const STREAMS = 95;
const PASSWORD = "correct horse battery";
/** What holds at worst, ms: a stream's client sees it as a stutter. */
const MOST_MS = 250;
const BIG = Array.from({ length: 600 }, (_, i) => `${i} 喵 and words `.repeat(100));

const home = folder();
const holdsFile = join(home.path, "holds.json");
let sim: LongcatSim;
let gateway: Served;
let operator: string;
let cookie: string;

beforeAll(async () => {
  sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", async (call) => {
    if (call.content !== "slow") return answer(call.content === "big" ? BIG : ["short"])(call);
    await call.exchange.head(200, { "content-type": "text/event-stream" });
    while (!call.exchange.over) {
      await call.exchange.write(eventText(v2Frame(call.ids, "content", { content: "a piece " })));
      await Bun.sleep(100);
    }
  });
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, CONCURRENCY: "100", SESSION_DELETE_DELAY_MS: "0" };
  const watched = { ...env, ADMIN_PASSWORD: PASSWORD, HOLDS_FILE: holdsFile };
  gateway = await serve(home.path, watched, { preload: Bun.fileURLToPath(import.meta.resolve("./loop-watch.ts")) });
  operator = (await sluice(home.path, ["key", "add", "operator", "--admin"])).stdout.trim();
  const signedIn = await fetch(`${gateway.url}/console/login`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: gateway.url },
    body: new URLSearchParams({ password: PASSWORD }),
  });
  cookie = signedIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  for (const path of ["", "", "live", "live"]) {
    const accept = path === "" ? "text/html" : "text/event-stream";
    const response = await fetch(`${gateway.url}/console/${path}`, { headers: { cookie, accept } });
    expect(response.status).toBe(200);
    void read(response);
  }
  for (let i = 0; i < STREAMS; i++) void read(await chat(gateway, "slow"));
});
afterAll(async () => {
  await gateway.end("SIGKILL");
  await sim.stop();
  home[Symbol.dispose]();
});

/** Reads as a client does, until the program is gone. */
async function read({ body }: Response): Promise<void> {
  const reader = body?.getReader();
  while ((await reader?.read().catch(() => undefined))?.done === false);
}

/** The longest hold since the last time, ms, and the one that 99 of 100 stay below. */
async function holds(): Promise<{ readonly p99: number; readonly most: number }> {
  rmSync(holdsFile, { force: true });
  process.kill(gateway.pid, "SIGUSR2");
  await until(() => existsSync(holdsFile) && readFileSync(holdsFile, "utf8").endsWith("}"));
  return JSON.parse(readFileSync(holdsFile, "utf8"));
}

const whole = (content: string) =>
  chat(gateway, content).then(async (response) => [response.status, await response.text()]);
const importing = (count: number) => async () => {
  const text = Array.from({ length: count }, (_, i) => `import${i}`.padEnd(100, "q")).join("\n");
  const headers = { authorization: `Bearer ${operator}` };
  const body = JSON.stringify({ files: [{ path: "cookies.txt", text }] });
  const response = await fetch(`${gateway.url}/api/import`, { method: "POST", headers, body });
  expect(((await response.json()) as { took: unknown[] }).took).toHaveLength(count);
};
const cases: [string, () => Promise<unknown>][] = [
  ["nothing else", () => Bun.sleep(500)],
  ["33 MiB that are refused", () => whole("x".repeat(33 * MIB))],
  ["31 MiB in one prompt", () => whole("x".repeat(31 * MIB))],
  ["prompts of 1 MiB, four at once", () => Promise.all([1, 2, 3, 4].map((i) => whole(`${i} word `.repeat(MIB / 7))))],
  ["answers of 1 MiB, four at once", () => Promise.all([1, 2, 3, 4].map(() => whole("big")))],
  ["an import of 500 accounts", importing(500)],
  ["the console with them", () => fetch(`${gateway.url}/console/`, { headers: { cookie } }).then((r) => r.text())],
];
test.each(cases)("the loop is never held long: %s", async (_, ask) => {
  await holds();
  await ask();
  expect((await holds()).most).toBeLessThan(MOST_MS);
});
