import { afterEach, beforeEach, expect, test } from "bun:test";
import { chat, codeOf, contentsOf, create, framesOf, headers, post, TOKEN } from "./longcat-client.ts";
import { answer, echo, fail, Gate, held, type LongcatSim, startLongcatSim } from "./longcat.ts";

let sim: LongcatSim;

beforeEach(async () => {
  sim = await startLongcatSim();
});
afterEach(() => sim.stop());

test("no cookie, an unknown token and a signed-out account are refused", async () => {
  const anonymous = await post(sim, "session-create", { agentId: "1" }, { headers: { ...headers(), cookie: "" } });
  expect([anonymous.status, await codeOf(anonymous)]).toEqual([401, 401]);
  expect(await codeOf(await post(sim, "session-create", { agentId: "1" }))).toBe(401);
  sim.account(TOKEN).signedIn = false;
  expect(await codeOf(await post(sim, "session-create", { agentId: "1" }))).toBe(401);
  expect(sim.violations).toEqual([]);
});

test.each(["x-requested-with", "x-client-language"])("a call without %s is refused and noted", async (name) => {
  sim.account(TOKEN);
  const { [name as keyof ReturnType<typeof headers>]: _, ...rest } = headers();
  expect((await post(sim, "session-create", { agentId: "1" }, { headers: rest })).status).toBe(400);
  expect(sim.violations).toEqual([`/api/v1/session-create without ${name}`]);
});

test("missing, deleted, forgotten and foreign conversations are unknown, and take nothing from the script", async () => {
  sim.account(TOKEN).next("chat", echo());
  sim.account("token-b");
  const [deleted, forgotten] = [await create(sim), await create(sim)];
  const foreign = await create(sim, { headers: headers("token-b") });
  await fetch(`${sim.url}/api/v1/session-delete?conversationId=${deleted}`, { headers: headers() });
  sim.forget(forgotten);
  for (const id of ["nowhere", deleted, forgotten, foreign]) expect(await codeOf(await chat(sim, id))).toBe(1002);
  expect(sim.violations).toEqual(["a turn on another account's conversation"]);
  expect(contentsOf(framesOf(await (await chat(sim, await create(sim))).text()))).toEqual(["hi"]);
});

test("a second turn at once on one conversation is too fast; after the end it is welcome", async () => {
  const gate = new Gate();
  sim.account(TOKEN).next("chat", answer("a", { gate }));
  const id = await create(sim);
  const first = await chat(sim, id);
  expect(await (await chat(sim, id)).json()).toMatchObject({ message: "操作太快啦，请稍后再试～" });
  gate.open();
  await first.text();
  expect((await (await chat(sim, id)).text()).includes("finish")).toBe(true);
  expect(sim.violations).toEqual(["two turns at once on one conversation"]);
});

test("a legacy-only server answers 404 or 405 on the V2 path", async () => {
  await using old = await startLongcatSim({ v2Status: 405 });
  old.account(TOKEN);
  const response = await fetch(`${old.url}/api/v1/chat-completion-V2`, {
    method: "POST",
    headers: headers(),
    body: "{}",
  });
  expect(response.status).toBe(405);
});

test("user-current answers code 0 to anybody, and only loginStatus tells", async () => {
  const ask = async () => (await fetch(`${sim.url}/api/v1/user-current`, { headers: headers() })).json();
  expect(await ask()).toMatchObject({ code: 0, data: { loginStatus: 0, userId: null } });
  sim.account(TOKEN);
  expect(await ask()).toMatchObject({ code: 0, data: { loginStatus: 1 } });
});

test("session-create can be limited or held, and is counted", async () => {
  const gate = new Gate();
  const account = sim.account(TOKEN).next("create", fail.tooFast(), held(gate));
  expect(await (await post(sim, "session-create", { agentId: "1" })).json()).toMatchObject({
    message: "操作太快啦，请稍后再试～",
  });
  const waiting = create(sim);
  await gate.arrived();
  expect(sim.conversations).toHaveLength(0);
  gate.open();
  expect(await waiting).toBe(sim.conversations[0]?.id ?? "none");
  expect(account.counts).toMatchObject({ create: 2, chat: 0 });
});

test("session-create too soon after another, and one turn too many on an account, are too fast", async () => {
  let at = 0;
  await using strict = await startLongcatSim({ now: () => at, createEveryMs: 500 });
  const account = strict.account(TOKEN);
  account.maxTurns = 1;
  const init = { method: "POST", headers: headers() };
  const make = async () => {
    const response = await fetch(`${strict.url}/api/v1/session-create`, { ...init, body: '{"agentId":"1"}' });
    return (await response.json()) as { code: number; data: { conversationId: string } | null };
  };
  const turn = (made: Awaited<ReturnType<typeof make>>) => {
    const body = { ...made.data, content: "hi", agentId: "1", reasonEnabled: 0, searchEnabled: 0 };
    return fetch(`${strict.url}/api/v1/chat-completion-V2`, { ...init, body: JSON.stringify(body) });
  };
  const first = await make();
  at = 499;
  expect((await make()).code).toBe(1001);
  at = 500;
  const second = await make();
  const gate = new Gate();
  account.next("chat", answer("a", { gate }));
  const running = await turn(first);
  expect(await codeOf(await turn(second))).toBe(1001);
  gate.open();
  await running.text();
  await strict.until(() => account.turnsNow === 0);
  expect([account.turnsPeak, strict.conversations[0]?.turns[0]?.endedAt]).toEqual([1, 500]);
});

test("a body that is no JSON object, or a chat without its fields, is refused and noted", async () => {
  sim.account(TOKEN);
  expect((await post(sim, "session-create", {}, { body: "{" })).status).toBe(400);
  expect(
    (await post(sim, "chat-completion-V2", { conversationId: "x", content: "hi", reasonEnabled: true })).status,
  ).toBe(400);
  expect(sim.violations).toEqual([
    "/api/v1/session-create with a body that is no JSON object",
    "chat with reasonEnabled other than 0 or 1",
  ]);
});
