/** Busy accounts: who waits, in what order, how long, and what becomes of one that leaves. */
import { expect, test } from "bun:test";
import { answer, fail, Gate } from "../sims/longcat.ts";
import { startGateway } from "../gateway.ts";
import { A, B, readStream, startWorld } from "./world.ts";

const ONE = { CONCURRENCY: "1", AUTH_COOKIES: A };
const chats = (requests: readonly { readonly kind: string | undefined; readonly token: string }[]) =>
  requests.filter(({ kind }) => kind === "chat").map(({ token }) => token[0]);

test("a request that finds all accounts busy waits and is served in turn", async () => {
  await using w = await startWorld(ONE);
  const gate = new Gate();
  w.sim
    .account(A)
    .next("chat", answer("first", { headGate: gate }))
    .always("chat", answer("later"));
  const asked = [1, 2, 3].map(() => w.gateway.chat({ model: "LongCat" }));
  await w.sim.until(() => w.sim.openStreams() === 1);
  gate.open();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 200]);
  expect(w.sim.account(A).turnsPeak).toBe(1);
});

test("a wait that is too long is a 429 that SDKs repeat soon", async () => {
  await using w = await startWorld({ ...ONE, QUEUE_MS: "20" });
  w.sim.account(A).next("chat", fail.hangBeforeHead());
  const leaving = new AbortController();
  const holder = w.gateway.chat({ model: "LongCat" }, { signal: leaving.signal }).catch(() => undefined);
  await w.sim.until(() => w.sim.openStreams() === 1);
  const response = await w.gateway.chat({ model: "LongCat" });
  expect(response.status).toBe(429);
  expect(response.headers.get("x-should-retry")).toBe("true");
  expect(Number(response.headers.get("retry-after"))).toBeWithin(1, 6);
  leaving.abort();
  await holder;
});

test("a client that leaves the queue asks nobody, and those behind it are served", async () => {
  await using w = await startWorld(ONE);
  const gate = new Gate();
  w.sim.account(A).always("chat", answer("meow", { headGate: gate }));
  const first = w.gateway.chat({ model: "LongCat" });
  await w.sim.until(() => w.sim.openStreams() === 1);
  const leaving = new AbortController();
  const second = w.gateway.chat({ model: "LongCat" }, { signal: leaving.signal }).catch(() => "left");
  const third = w.gateway.chat({ model: "LongCat" });
  while (w.gateway.app.turns.size < 3) await new Promise(setImmediate);
  leaving.abort();
  expect(await second).toBe("left");
  while (w.gateway.app.turns.size > 2) await new Promise(setImmediate);
  gate.open();
  expect([(await first).status, (await third).status]).toEqual([200, 200]);
  expect(w.sim.account(A).counts.chat).toBe(2);
});

test("a cookie serves three requests, then the next one, round and round", async () => {
  await using w = await startWorld();
  for (const token of [A, B]) w.sim.account(token).always("chat", answer("meow"));
  for (let i = 0; i < 10; i++) await (await w.gateway.chat({ model: "LongCat" })).text();
  expect(chats(w.sim.requests).join("")).toBe("AAABBBAAAB");
});

test("five refusals in a row disable a cookie, each request counting once; one success starts anew", async () => {
  await using w = await startWorld();
  w.sim.account(B).always("chat", answer("meow"));
  const cat = w.sim.account(A).always("chat", fail.signedOut());
  const state = async () => {
    const [first] = await w.gateway.app.admin.accounts.list();
    return [first?.state, first?.rotationFailures];
  };
  const until = async (asked: number) => {
    while (cat.counts.chat < asked) expect((await w.gateway.chat({ model: "LongCat" })).status).toBe(200);
  };
  await until(4);
  expect(await state()).toEqual(["ready", 4]);
  cat.next("chat", answer("back again"));
  await until(5);
  expect(await state()).toEqual(["ready", 0]);
  await until(10);
  expect(await state()).toEqual(["disabled_auto", 5]);
  for (let i = 0; i < 6; i++) await w.gateway.chat({ model: "LongCat" });
  expect(cat.counts.chat).toBe(10);
});

test("when all cool, nobody is asked any more and the least wait is told", async () => {
  await using w = await startWorld();
  w.sim.account(A).always("chat", fail.status(429, "slow down", { retryAfter: 300 }));
  w.sim.account(B).always("chat", fail.status(429, "slow down", { retryAfter: 40 }));
  for (let i = 0; i < 30; i++) {
    const response = await w.gateway.chat({ model: "LongCat", stream: i % 2 === 0 });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeWithin(38, 41);
    expect(response.headers.get("x-should-retry")).toBe("true");
  }
  expect([w.sim.account(A).counts.chat, w.sim.account(B).counts.chat]).toEqual([1, 1]);
});

test("a setting changed while it runs holds for the next request", async () => {
  await using w = await startWorld();
  for (const token of [A, B]) w.sim.account(token).always("chat", answer("meow"));
  const set = await fetch(`${w.gateway.url}/api/settings/ROTATION_USES`, {
    method: "POST",
    headers: { authorization: `Bearer ${w.gateway.adminKey}` },
    body: JSON.stringify({ value: "1" }),
  });
  expect(set.status).toBe(200);
  for (let i = 0; i < 4; i++) await (await w.gateway.chat({ model: "LongCat" })).text();
  expect(chats(w.sim.requests).join("")).toBe("ABAB");
});

test("an upstream that is not there blames no account and opens the breaker, without blocking the demo", async () => {
  await using gateway = await startGateway({ env: { LONGCAT_URL: "http://127.0.0.1:1", AUTH_COOKIES: `${A},${B}` } });
  for (let i = 0; i < 8; i++) {
    const response = await gateway.chat({ model: "LongCat", stream: i % 2 === 0 });
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([502, "false"]);
  }
  for (const { state, rotationFailures } of await gateway.app.admin.accounts.list()) {
    expect([state, rotationFailures]).toEqual(["ready", 0]);
  }
  expect(readStream(await (await gateway.chat({ stream: true })).text())).toMatchObject({ text: "hi", dones: 1 });
});
