/** The program under loads that no unit meets: thousands of hang-ups, readers that stop reading, stops, crashes, locks. */
import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { byHand, chat, footprint, MIB, until } from "../process/load.ts";
import { folder, serve, type Served, sluice } from "../process/program.ts";
import { answer, type Behaviour, Gate, startLongcatSim, v2Frame } from "../sims/longcat.ts";
import { seededRandom } from "../seeded-random.ts";
import { eventText } from "../sims/sse-body.ts";

setDefaultTimeout(180_000);

const COOKIE = "C".repeat(100);
const isQuiet = async ({ url }: Served) =>
  ((await (await fetch(`${url}/health`)).json()) as { inFlight: number }).inFlight === 0;

test("5,000 clients that hang up at any moment leave no stream, file or memory behind", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  const pieces = Array.from({ length: 50 }, (_, i) => `piece ${i} 喵😺`.repeat(20));
  sim.account(COOKIE).always("chat", answer(pieces));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, CONCURRENCY: "50", SESSION_DELETE_DELAY_MS: "0" };
  await using gateway = await serve(home.path, env);

  const hangUp = (turn: number): Promise<void> =>
    new Promise((resolve) => {
      const { socket, request } = byHand(gateway);
      const leave = () => (turn % 2 === 0 ? socket.destroy() : socket.resetAndDestroy());
      socket.on("close", () => resolve());
      const stages: (() => void)[] = [
        () => socket.write(request.slice(0, 40), leave),
        () => socket.write(request.slice(0, -10), leave),
        () => socket.write(request, leave),
        () => socket.write(request, () => socket.once("data", leave)),
        () => {
          let bytes = 0;
          socket.write(request);
          socket.on("data", (data) => (bytes += data.length) > 3000 && leave());
        },
      ];
      socket.on("connect", () => stages[turn % stages.length]?.());
    });
  const round = async (count: number) => {
    for (let at = 0; at < count; at += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => hangUp(at + i)));
    await until(async () => sim.openStreams() === 0 && (await isQuiet(gateway)));
  };

  await round(1000);
  const warm = footprint(gateway);
  await round(4000);
  // Bun gives memory back when it is idle, not at once.
  await until(() => {
    const { mib, files } = footprint(gateway);
    return mib < warm.mib + 32 && files < warm.files + 20;
  });
  expect((await (await chat(gateway)).text()).endsWith("data: [DONE]\n\n")).toBe(true);
  expect(gateway.output()).not.toMatch(/ERROR|unhandled|uncaught/);
});

/** Says ever more as long as the gateway takes it. */
function flood(piece: (sent: number) => string, sent: { bytes: number }): Behaviour {
  return async (call) => {
    const { exchange, ids, content } = call;
    if (content === "quick") return answer(["quick ", "answer"])(call);
    await exchange.head(200, { "content-type": "text/event-stream" });
    while (!exchange.over) {
      const frame = eventText(v2Frame(ids, "content", { content: piece(sent.bytes) }));
      await exchange.write(frame);
      sent.bytes += frame.length;
    }
  };
}

const floods: [string, (sent: number) => string][] = [
  ["always new", (sent) => `${sent}${"z".repeat(16_000)}`],
  ["always the same", () => "z".repeat(16_000)],
];
test.each(floods)("row 26 30 clients that do not read hold their upstreams back; the text is %s", async (_, piece) => {
  using home = folder();
  await using sim = await startLongcatSim();
  const sent = { bytes: 0 };
  sim.account(COOKIE).always("chat", flood(piece, sent));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, CONCURRENCY: "100", SESSION_DELETE_DELAY_MS: "0" };
  await using gateway = await serve(home.path, env);
  const before = footprint(gateway);
  const sockets = Array.from({ length: 30 }, () => {
    const { socket, request } = byHand(gateway);
    socket.pause();
    socket.write(request);
    return socket;
  });
  const quickOnes = async () => {
    for (let i = 0; i < 20; i++) expect(await (await chat(gateway, "quick")).text()).toEndWith("data: [DONE]\n\n");
  };
  // The upstreams stand still once every buffer between is full.
  let last = -1;
  await until(async () => {
    const still = sent.bytes === last;
    last = sent.bytes;
    await quickOnes();
    await Bun.sleep(300);
    return still;
  });
  expect(sent.bytes / 30 / MIB).toBeLessThan(20);
  await until(() => (footprint(gateway).mib - before.mib) / 30 < 2.5);
  for (const socket of sockets) socket.destroy();
  await until(() => sim.openStreams() === 0);
});

test("a stop lets streams finish for 30 s; the rest end with an error frame, and the program with 0", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  const [begin, finish] = [new Gate(), new Gate()];
  sim.account(COOKIE).always("chat", (call) =>
    answer(["one ", "two ", "three"], {
      breakAfter: 1,
      breakBy: [
        { gate: call.content === "ends" ? finish : begin },
        { frame: v2Frame(call.ids, "finish", { finalContentX: "one " }, { lastOne: true }), done: true },
      ],
    })(call),
  );
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, CONCURRENCY: "100", SESSION_DELETE_DELAY_MS: "0" };
  await using gateway = await serve(home.path, env);
  const responses = await Promise.all(
    Array.from({ length: 50 }, (_, i) => chat(gateway, i % 2 === 0 ? "ends" : "never ends")),
  );
  const exit = gateway.end("SIGTERM");
  finish.open();
  const texts = await Promise.all(responses.map((response) => response.text()));
  for (const [i, text] of texts.entries()) {
    if (i % 2 === 0) expect(text).toEndWith("data: [DONE]\n\n");
    else {
      expect(text).toContain('"code":"overloaded"');
      expect(text).not.toContain("[DONE]");
    }
  }
  expect(await exit).toBe(0);
});

test("row 33 kill -9 under load, thirty times at any moment: whole database, nothing acknowledged lost, no chat left", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["meow ", "purr"], { wire: { cut: "bytes" } }));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, CONCURRENCY: "20", SESSION_DELETE_DELAY_MS: "0" };
  const random = seededRandom(33);
  const operator = (await sluice(home.path, ["key", "add", "operator", "--admin"], { env })).stdout.trim();
  const keys = [operator];
  let uses = 3;
  let served = 0;
  const readyMs: number[] = [];

  for (let life = 0; life < 30; life++) {
    const began = performance.now();
    await using gateway = await serve(home.path, env);
    readyMs.push(performance.now() - began);
    const api = async (path: string, body?: object) => {
      const headers = { authorization: `Bearer ${operator}` };
      const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
      const response = await fetch(`${gateway.url}/api/${path}`, { headers, ...sent });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      return response.json();
    };
    const settings = (await api("settings")) as { name: string; value: string }[];
    const stored = Number(settings.find(({ name }) => name === "ROTATION_USES")?.value);
    expect(stored).toBeWithin(uses, uses + 2); // The last one may have been committed, and its answer not sent.
    uses = stored;
    for (const key of keys.slice(-3)) {
      const { status } = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
      expect(status).toBe(200);
    }

    let isOver = false;
    const client = async () => {
      while (!isOver) {
        const text = await chat({ ...gateway, key: operator })
          .then((response) => response.text())
          .catch(() => "cut");
        if (text.endsWith("data: [DONE]\n\n")) served++;
      }
    };
    const tell = async () => {
      for (let n = 1; !isOver; n++) {
        try {
          keys.push(((await api("keys", { name: `life ${life}, ${n}` })) as { key: string }).key);
          await api("settings/ROTATION_USES", { value: String(uses + 1) });
          uses += 1;
        } catch {
          isOver = true; // Killed between the question and the answer: either may hold.
        }
      }
    };
    const load = [...Array.from({ length: 10 }, client), tell()];
    await sim.until(() => sim.openStreams() > 0);
    await Bun.sleep(random() * 300);
    const exit = gateway.end("SIGKILL");
    isOver = true;
    await exit;
    await Promise.all(load);
    const database = new Database(join(home.path, "data", "sluice.db"), { readonly: true });
    expect(database.query("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    database.close();
  }

  await using gateway = await serve(home.path, { ...env, SESSION_READY: "off" });
  expect(served).toBeGreaterThan(30);
  expect(Math.max(...readyMs)).toBeLessThan(1500);
  for (const key of keys) {
    const { status } = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(status).toBe(200);
  }
  // Nobody can delete a chat whose name was still on its way: what was asked to open at the kill, and never used.
  await sim.until(() => sim.liveConversations().every(({ turns }) => turns.length === 0));
  expect(sim.liveConversations().length).toBeLessThan(4 * readyMs.length);
  expect(sim.violations).toEqual([]);
});

test("a database that another program locks stops no chat and no health answer, and nothing is lost", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["meow ", "purr"]));
  const env = { LONGCAT_URL: sim.url, AUTH_COOKIES: COOKIE, SESSION_DELETE_DELAY_MS: "0" };
  await using gateway = await serve(home.path, env);
  const operator = (await sluice(home.path, ["key", "add", "operator", "--admin"], { env })).stdout.trim();
  const addKey = () =>
    fetch(`${gateway.url}/api/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${operator}` },
      body: JSON.stringify({ name: "another" }),
    });
  const other = new Database(join(home.path, "data", "sluice.db"));
  other.run("begin exclusive");
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    expect(await (await chat(gateway)).text()).toEndWith("data: [DONE]\n\n");
    const asked = performance.now();
    await fetch(`${gateway.url}/healthz`);
    waits.push(performance.now() - asked);
  }
  const refused = await addKey();
  expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([503, "true"]);
  expect(Number(refused.headers.get("retry-after"))).toBeWithin(1, 6);
  expect(await (await fetch(`${gateway.url}/healthz`)).json()).toMatchObject({ status: "degraded" });
  expect(Math.max(...waits)).toBeLessThan(250);
  other.run("commit");
  await until(async () => (await addKey()).status === 200);
  await until(() => other.query("select count(*) as n from attempts").get() !== null && countOf(other) === 5);
  other.close();
});

function countOf(database: Database): number {
  return (database.query("select count(*) as n from attempts").get() as { n: number }).n;
}
