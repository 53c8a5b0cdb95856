/** Clients that leave: whatever the moment, nothing stays at the upstream and no account stays lent. */
import { expect, test } from "bun:test";
import { answer, type Behaviour, fail, Gate } from "../sims/longcat.ts";
import { A, B, startWorld, type World } from "./world.ts";

/** The service makes the conversation at once and answers when the gate opens. */
const madeButUnanswered =
  (gate: Gate): Behaviour =>
  async (call) => {
    const { exchange } = call;
    const head = exchange.head.bind(exchange);
    exchange.head = async (...args) => {
      await gate.pass(exchange.closed);
      await head(...args);
    };
    await call.usual();
  };

async function leaveWhen(w: World, ready: () => Promise<void>, stream: boolean): Promise<void> {
  const leaving = new AbortController();
  const left = w.gateway.chat({ model: "LongCat", stream }, { signal: leaving.signal }).then(
    (response) => response.text().catch(() => "left"),
    () => "left",
  );
  await ready();
  leaving.abort();
  expect(await left).toBe("left");
}

async function expectNothingLeft(w: World): Promise<void> {
  await w.sim.until(() => w.sim.openStreams() === 0 && w.sim.liveConversations().length === 0);
  for (const { inFlight } of await w.gateway.app.admin.accounts.list()) expect(inFlight).toBe(0);
  expect(w.gateway.app.turns.size).toBe(0);
  expect(w.sim.violations).toEqual([]);
}

test.each([true, false])("L11 while its conversation is being made: it is deleted (stream: %p)", async (stream) => {
  await using w = await startWorld();
  const gate = new Gate();
  w.sim.account(A).next("create", madeButUnanswered(gate));
  const made = async () => {
    while (w.sim.conversations.length === 0) await new Promise(setImmediate);
  };
  await leaveWhen(w, made, stream);
  while (w.gateway.app.turns.size > 0) await new Promise(setImmediate);
  gate.open();
  await expectNothingLeft(w);
});

test.each([true, false])("L11 before the first event (stream: %p)", async (stream) => {
  await using w = await startWorld();
  w.sim.account(A).next("chat", fail.hangBeforeFrame());
  await leaveWhen(w, () => w.sim.until(() => w.sim.openStreams() === 1), stream);
  await expectNothingLeft(w);
});

test.each([true, false])("L11 in the middle of the answer (stream: %p)", async (stream) => {
  await using w = await startWorld();
  const gate = new Gate();
  gate.release(3);
  const inTheMiddle = async () => {
    await w.sim.until(() => w.sim.openStreams() === 1);
    while (gate.waiting === 0) await new Promise(setImmediate);
  };
  w.sim.account(A).next("chat", answer(["Hello a", " b", " c", " d"], { gate }));
  await leaveWhen(w, inTheMiddle, stream);
  await expectNothingLeft(w);
});

test("an account whose client left is not blamed, and serves the next", async () => {
  await using w = await startWorld({ ROTATION_USES: "9", AUTH_COOKIES: `${A},${B}`, CONCURRENCY: "1" });
  const cat = w.sim.account(A).always("chat", answer("meow"));
  for (let i = 0; i < 6; i++) {
    cat.next("chat", fail.hangBeforeFrame());
    await leaveWhen(w, () => w.sim.until(() => w.sim.openStreams() === 1), i % 2 === 0);
    await w.sim.until(() => w.sim.openStreams() === 0);
  }
  while (w.gateway.app.turns.size > 0) await new Promise(setImmediate);
  expect((await w.gateway.chat({ model: "LongCat" })).status).toBe(200);
  const [first] = await w.gateway.app.admin.accounts.list();
  expect([first?.state, first?.rotationFailures]).toEqual(["ready", 0]);
});
