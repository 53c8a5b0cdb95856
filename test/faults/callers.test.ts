/** Cookies that a caller brings along serve that caller alone and are nobody's business. */
import { describe, expect, test } from "bun:test";
import { answer, fail } from "../sims/longcat.ts";
import { A, B, startWorld, type World } from "./world.ts";

const [D, E] = ["D".repeat(100), "E".repeat(100)];

async function cats(): Promise<World> {
  const w = await startWorld();
  for (const token of [A, B]) w.sim.account(token).always("chat", answer("pool"));
  w.sim.account(D).always("chat", answer("dee"));
  w.sim.account(E).always("chat", answer("eee"));
  return w;
}

const ask = (w: World, bearer: string, body: object = {}) =>
  fetch(`${w.gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ model: "LongCat", messages: [{ role: "user", content: "hi" }], ...body }),
  });
const textOf = async (response: Response) =>
  ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content;
const poolCalls = (w: World) => w.sim.requests.filter(({ token }) => token === A || token === B).length;

test("L4 a caller's own cookie serves, and is neither stored nor counted nor named", async () => {
  await using w = await cats();
  const response = await ask(w, D);
  expect(response.headers.get("x-sluice-account")).toBeNull();
  expect(await textOf(response)).toBe("dee");
  expect(poolCalls(w)).toBe(0);
  await w.gateway.store.flush();
  expect(await w.gateway.store.accounts.all()).toHaveLength(2);
  const { cookies } = (await (await fetch(`${w.gateway.url}/stats`)).json()) as { cookies: { requestCount: number }[] };
  expect(cookies.map(({ requestCount }) => requestCount)).toEqual([0, 0]);
  await w.sim.until(() => w.sim.liveConversations().length === 0);
});

test("two cookies rotate and fail over among themselves, never to the pool or another caller", async () => {
  await using w = await cats();
  const texts: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) texts.push(await textOf(await ask(w, `${D},${E}`)));
  expect(texts).toEqual(["dee", "dee", "dee", "eee", "eee", "eee", "dee"]);
  w.sim.account(D).always("chat", fail.signedOut());
  expect(await textOf(await ask(w, `${D},${E}`))).toBe("eee");
  expect((await ask(w, D)).status).toBe(503);
  expect(poolCalls(w)).toBe(0);
});

test("L3 a dead cookie of one caller leaves everybody else as they were", async () => {
  await using w = await cats();
  for (let i = 0; i < 8; i++) expect((await ask(w, "F".repeat(90))).status).toBe(503);
  expect(await textOf(await w.gateway.chat({ model: "LongCat" }))).toBe("pool");
  for (const { state, rotationFailures } of await w.gateway.app.admin.accounts.list()) {
    expect([state, rotationFailures]).toEqual(["ready", 0]);
  }
});

describe("what looks like a cookie but is none is a 401, and goes nowhere", () => {
  const cases = [
    ["79 characters", "x".repeat(79)],
    ["an SDK's key", `sk-${"x".repeat(90)}`],
    ["a key of OctoProxy", `kp_${"x".repeat(90)}`],
    ["a cookie and something short", `${D},short`],
    ["a character that no cookie has", `${"x".repeat(90)}.`],
  ] as const;
  test.each(cases)("%s", async (_, bearer) => {
    await using w = await cats();
    expect((await ask(w, bearer)).status).toBe(401);
    expect(w.sim.requests).toEqual([]);
  });
});

test("no cookie, key or password is in any output", async () => {
  await using w = await cats();
  const { gateway } = w;
  w.sim.account(E).always("chat", fail.code(7, `bad cookie passport_token_key=${E}`));
  const seen = [
    await (await ask(w, D)).text(),
    await (await ask(w, E)).text(),
    await (await ask(w, "F".repeat(90))).text(),
    await (await fetch(`${gateway.url}/v1/nothing?key=${gateway.key}`)).text(),
    await (await gateway.chat({ model: "LongCat", stream: true })).text(),
  ];
  for (const path of ["/stats", "/health", "/healthz", "/docs/json", "/console/"]) {
    seen.push(await (await fetch(gateway.url + path)).text());
  }
  for (const path of ["/api/accounts", "/api/keys", "/api/requests", "/api/overview", "/api/settings"]) {
    const headers = { authorization: `Bearer ${gateway.adminKey}` };
    seen.push(await (await fetch(gateway.url + path, { headers })).text());
  }
  await gateway.store.flush();
  seen.push(gateway.log());
  for (const file of ["sluice.db", "sluice.db-wal"]) {
    seen.push(Buffer.from(await Bun.file(`${gateway.dataDir}/${file}`).bytes()).toString("latin1"));
  }
  const secrets = [A, B, D, E, "F".repeat(90)].map((token) => token.slice(0, 24));
  for (const secret of [...secrets, gateway.key, gateway.adminKey]) {
    expect(seen.filter((text) => text.includes(secret))).toEqual([]);
  }
});
