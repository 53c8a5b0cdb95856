/** A streaming client that waits: its 200 after 15 s, comments while the search goes on, and a failure as a frame. */
import { expect, test } from "bun:test";
import { answer, fail, Gate, held, type LongcatSim, startLongcatSim } from "../sims/longcat.ts";
import { type Gateway, startGateway } from "../gateway.ts";
import { VirtualClock } from "../virtual-clock.ts";

const [A, B] = ["A".repeat(100), "B".repeat(100)];

async function world(env: Record<string, string> = {}) {
  const clock = new VirtualClock();
  const sim = await startLongcatSim({ now: () => clock.now() });
  const gateway = await startGateway({
    clock,
    env: { LONGCAT_URL: sim.url, AUTH_COOKIES: `${A},${B}`, SESSION_READY: "off", ...env },
  });
  const stop = async () => {
    await gateway.stop();
    await sim.stop();
  };
  return { clock, sim, gateway, [Symbol.asyncDispose]: stop };
}

/** Reads piece by piece, so that a test sees what has come before the answer is over. */
function follow(response: Response) {
  const reader = response.body?.getReader();
  let text = "";
  const next = async () => {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    text += new TextDecoder().decode(value);
    return !done;
  };
  return {
    text: () => text,
    next,
    async rest() {
      while (await next());
      return text;
    },
  };
}

const ask = (gateway: Gateway) => gateway.chat({ model: "LongCat", stream: true });
const asked = (sim: LongcatSim, turns: number) =>
  sim.until(() => sim.requests.filter(({ kind }) => kind === "chat").length === turns);

test("the status and a comment come after 15 s, the answer when it is there", async () => {
  await using w = await world();
  const gate = new Gate();
  for (const token of [A, B]) w.sim.account(token).always("chat", held(gate, answer(["meow"])));
  const response = ask(w.gateway);
  await asked(w.sim, 1);
  await w.clock.advance(15_000);
  const { status, body, headers } = await response;
  expect(status).toBe(200);
  expect(headers.get("content-type")).toStartWith("text/event-stream");
  const stream = follow({ body } as Response);
  await stream.next();
  expect(stream.text()).toBe(": ping\n\n");
  const second = stream.next();
  await w.clock.advance(15_000);
  await second;
  expect(stream.text()).toBe(": ping\n\n: ping\n\n");
  gate.open();
  const text = await stream.rest();
  expect(text).toContain('"content":"meow"');
  expect(text).toEndWith("data: [DONE]\n\n");
});

test("the search goes on over accounts after the early status", async () => {
  await using w = await world({ UPSTREAM_FIRST_EVENT_MS: "20000" });
  w.sim.account(A).always("chat", fail.hangBeforeHead());
  w.sim.account(B).always("chat", answer(["purr"]));
  const response = ask(w.gateway);
  await asked(w.sim, 1);
  await w.clock.advance(15_000);
  const stream = follow(await response);
  await w.clock.advance(5000);
  const text = await stream.rest();
  expect(text).toContain('"content":"purr"');
  expect(text).toEndWith("data: [DONE]\n\n");
});

test("a failure after the early status is a frame without [DONE]", async () => {
  await using w = await world({ UPSTREAM_FIRST_EVENT_MS: "20000" });
  for (const token of [A, B]) w.sim.account(token).always("chat", fail.hangBeforeHead());
  const response = ask(w.gateway);
  await asked(w.sim, 1);
  await w.clock.advance(15_000);
  const stream = follow(await response);
  await w.clock.advance(5000);
  await asked(w.sim, 2);
  await w.clock.advance(20_000);
  const text = await stream.rest();
  expect(text).toContain('"code":"upstream_timeout"');
  expect(text).not.toContain("[DONE]");
});

test("a failure before 15 s keeps its status", async () => {
  await using w = await world({ UPSTREAM_FIRST_EVENT_MS: "6000" });
  for (const token of [A, B]) w.sim.account(token).always("chat", fail.hangBeforeHead());
  const response = ask(w.gateway);
  await asked(w.sim, 1);
  await w.clock.advance(6000);
  await asked(w.sim, 2);
  await w.clock.advance(6000);
  const { status, headers } = await response;
  expect([status, headers.get("x-should-retry")]).toEqual([504, "false"]);
});

test("a client that leaves after the early status frees its account and is no unhandled fault", async () => {
  await using w = await world();
  const faults: unknown[] = [];
  const note = (fault: unknown) => faults.push(fault);
  process.on("unhandledRejection", note);
  w.sim.account(A).always("chat", fail.hangBeforeHead());
  const leaving = new AbortController();
  const response = w.gateway.chat({ model: "LongCat", stream: true }, { signal: leaving.signal });
  await asked(w.sim, 1);
  await w.clock.advance(15_000);
  await response;
  leaving.abort();
  await w.sim.until(() => w.sim.openStreams() === 0);
  expect(w.sim.aborted).toHaveLength(1);
  await w.clock.advance(1000);
  process.off("unhandledRejection", note);
  expect(faults).toEqual([]);
  expect(w.gateway.app.turns.size).toBe(0);
});
