/** Upstreams that vanish without a word: they take no connections, or stop in the middle of an answer. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { readStream } from "../faults/world.ts";
import { startOpenaiSim } from "../sims/openai.ts";
import { answer, startLongcatSim } from "../sims/longcat.ts";
import { chat, footprint, until } from "./load.ts";
import { folder, serve, sluice } from "./program.ts";

setDefaultTimeout(30_000);

const COOKIE = "C".repeat(100);
/** More connections than a listening socket of Bun queues. */
const QUEUE = 700;
const CONNECT_MS = 400;

/** A test that fails in time is not disposed of, and who is stopped hears no signal but this one. */
const stopped: Bun.Subprocess[] = [];
afterAll(() => {
  for (const child of stopped) child.kill("SIGKILL");
});

/** A process of its own that a test can stop dead: it runs `program`, which prints its port. */
async function stoppable(program: string) {
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
  stopped.push(child);
  const { value } = await child.stdout.getReader().read();
  return {
    port: Number(new TextDecoder().decode(value)),
    stop: () => child.kill("SIGSTOP"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const LISTENER = `const s = require("node:net").createServer();
  s.listen({ port: 0, host: "127.0.0.1" }, () => console.log(s.address().port));`;
/** Passes all bytes on, both ways. */
const relayTo = (port: string) => `const net = require("node:net");
  const s = net.createServer((near) => {
    const far = net.connect(${port}, "127.0.0.1");
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  s.listen({ port: 0, host: "127.0.0.1" }, () => console.log(s.address().port));`;

test("row 14 a host that takes no connections: the next account at the deadline, 504 when there is none", async () => {
  using home = folder();
  await using hole = await stoppable(LISTENER);
  const sim = await startOpenaiSim();
  sim.account("sk-good");
  hole.stop();
  const fillers = Array.from({ length: QUEUE }, () => connect(hole.port, "127.0.0.1").on("error", () => {}));
  await once(fillers[0] as Socket, "connect");
  const service = { apiKey: "sk-good", allowPrivate: true };
  const login = [
    { ...service, name: "hole", baseUrl: `http://127.0.0.1:${hole.port}/v1`, priority: 1, models: ["m", "only"] },
    { ...service, name: "good", baseUrl: `${sim.url}/v1`, priority: 2, models: ["m"] },
  ];
  const env = { UPSTREAM_CONNECT_MS: String(CONNECT_MS), BREAKER_FAILURES: "1000", CONCURRENCY: "100" };
  const added = await sluice(home.path, ["account", "add", "openai-compatible"], { env, stdin: JSON.stringify(login) });
  expect(added.code).toBe(0);
  await using gateway = await serve(home.path, env);
  const ask = async (model: string) => {
    const began = performance.now();
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.key}` },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
    });
    const text = await response.text();
    expect(performance.now() - began).toBeWithin(CONNECT_MS - 50, CONNECT_MS * 3);
    return { status: response.status, text };
  };
  const before = footprint(gateway);
  expect((await ask("m")).status).toBe(200);
  const { status, text } = await ask("only");
  expect([status, text]).toEqual([504, expect.stringContaining(`127.0.0.1:${hole.port} takes no connections.`)]);
  for (let round = 0; round < 4; round++) {
    for (const each of await Promise.all(Array.from({ length: 25 }, () => ask("only")))) expect(each.status).toBe(504);
  }
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  expect(footprint(gateway).mib - before.mib).toBeLessThan(32);
  for (const filler of fillers) filler.destroy();
  await sim.stop();
});

test("row 15 an upstream that vanishes in mid-stream ends in words at the idle deadline", async () => {
  using home = folder();
  await using sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["one ", "two "], { breakAfter: 2, breakBy: "hang" }));
  await using relay = await stoppable(relayTo(new URL(sim.url).port));
  const env = {
    LONGCAT_URL: `http://127.0.0.1:${relay.port}`,
    AUTH_COOKIES: COOKIE,
    CONCURRENCY: "100",
    SESSION_READY: "off",
    UPSTREAM_IDLE_MS: "1000",
  };
  await using gateway = await serve(home.path, env);
  const before = footprint(gateway).files;
  const responses = await Promise.all(Array.from({ length: 20 }, () => chat(gateway)));
  relay.stop();
  for (const response of responses) {
    const { text, dones, error } = readStream(await response.text());
    expect([text, dones, error?.code]).toEqual(["one two ", 0, "upstream_timeout"]);
  }
  await until(() => footprint(gateway).files <= before + 20);
});
