import { afterEach, describe, expect, test } from "bun:test";
import { answer, echo, empty, Gate, json, state, type Step } from "../../sims/cto.ts";
import { type Desk, type DeskOptions, openDesk } from "./desk.ts";

let desk: Desk;
const open = async (options: DeskOptions = {}): Promise<Desk> => (desk = await openDesk(options));
afterEach(async () => {
  await desk.sim.until(() => desk.sim.openSockets() === 0);
  expect(desk.sim.violations).toEqual([]);
  await desk.stop();
});

const DAY_MS = 86_400_000;

describe("auto", () => {
  test("a v1 server gets v1, in plain text, and nothing of v2", async () => {
    const { sim, account } = await open({ protocol: "v1" });
    sim.account("ann").says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    expect(JSON.parse(sim.requests.find(({ kind }) => kind === "chat")?.body ?? "")).toEqual({
      prompt: "Hi",
      chatHistoryId: sim.turns[0]?.chatHistoryId ?? "",
      adapterName: "ClaudeSonnet4_5",
    });
    expect(sim.turns[0]?.chatHistoryId).toMatch(/^[0-9a-f-]{36}$/);
    expect(["offers", "create", "model", "adapters"].map((kind) => sim.count(kind as "offers"))).toEqual([0, 0, 0, 0]);
  });

  test("a v2 server gets v2 from its first refusal on, and the prompt encoded", async () => {
    const { sim, account } = await open({ protocol: "v2" });
    sim.account("ann").says(answer(["one"]), answer(["two"]), answer(["three"]));
    const first = await account().turn({ text: "Grüße" });
    expect([first.failure, first.text]).toEqual([undefined, "one"]);
    expect(sim.turns).toMatchObject([{ prompt: "Grüße", model: "claude_sonnet_4_5" }]);
    expect((await account().turn({ chat: first.chat })).text).toBe("two");
    expect(sim.turns[1]?.chatHistoryId).toBe(sim.turns[0]?.chatHistoryId ?? "");
    desk.restart();
    expect((await account().turn({ chat: first.chat })).text).toBe("three");
    expect(sim.turns[2]?.chatHistoryId).toBe(sim.turns[0]?.chatHistoryId ?? "");
    // Only the first turn tried v1: its socket was refused.
    expect(sim.requests.filter(({ kind, query }) => kind === "socket" && !query["workspaceId"]).length).toBe(1);
    expect(sim.requests.filter(({ kind, body }) => kind === "chat" && !body.includes("encoded")).length).toBe(0);
    expect(sim.count("create")).toBe(1);
    expect(sim.count("offers")).toBe(3);
  });

  test("a v1 server that looks at the socket's cookies finds them", async () => {
    const { sim, account } = await open({ protocol: "v1", sockets: "cookies" });
    sim.account("ann").says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    expect(sim.count("create")).toBe(0);
  });

  test.each([400, 403, 404])("a chat call of v1 refused with %i changes to v2", async (status) => {
    const { sim, account } = await open({ protocol: "v2", sockets: "any" });
    sim
      .account("ann")
      .next("chat", json(status, { message: "no" }))
      .says(answer(["ok"]));
    const { text, failure } = await account().turn();
    expect([failure, text]).toEqual([undefined, "ok"]);
    expect(account().memory).toMatchObject({ protocol: "v2" });
    expect([sim.count("chat"), sim.count("client"), sim.turns.length]).toEqual([2, 1, 1]);
  });

  test.each([400, 401, 403, 404])("a socket of v1 refused with %i changes to v2", async (status) => {
    const { sim, account } = await open({ protocol: "v2" });
    sim
      .account("ann")
      .next("socket", empty(status))
      .says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
    expect([sim.count("socket"), sim.count("chat")]).toEqual([2, 1]);
  });

  test("a socket of v1 that is closed for a policy changes to v2", async () => {
    const { sim, account } = await open({ protocol: "v2", sockets: "any", greeting: [{ close: 1008 }] });
    const { failure } = await account().turn();
    expect([failure?.kind, sim.count("create")]).toEqual(["upstream-broken", 2]);
    expect(sim.requests.some(({ kind, query }) => kind === "socket" && query["workspaceId"] === "ws_ann")).toBe(true);
  });

  test.each([
    ["size", json(400, { message: "prompt too long" }), "context-too-long"],
    ["quota", json(403, { message: "quota exceeded" }), "rate-limited"],
    ["500", empty(500), "upstream-broken"],
  ] as const)("a refusal for %s says nothing about the protocol", async (_name, behaviour, kind) => {
    const { sim, account } = await open({ protocol: "v1" });
    sim.account("ann").next("chat", behaviour);
    expect((await account().turn()).failure?.kind).toBe(kind);
    expect(sim.count("create")).toBe(0);
  });

  test("where v2 is refused as well, its failure is told and nothing is remembered", async () => {
    const { sim, account } = await open({ protocol: "v1" });
    sim
      .account("ann")
      .next("chat", json(404, { message: "no" }))
      .next("create", empty(404));
    expect((await account().turn()).failure).toBeDefined();
    expect(account().memory).toBeUndefined();
    sim.account("ann").says(answer(["v1 after all"]));
    expect((await account().turn()).text).toBe("v1 after all");
  });

  test("what worked is remembered for a day and over a restart, for each account", async () => {
    const { sim, clock, account } = await open({ protocol: "v2" });
    for (const name of ["ann", "bob"]) sim.account(name).says(...Array.from({ length: 4 }, () => answer(["ok"])));
    const v1Sockets = () => sim.requests.filter(({ kind, query }) => kind === "socket" && !query["workspaceId"]).length;
    await account("ann").turn();
    desk.restart();
    await account("ann").turn();
    expect(v1Sockets()).toBe(1);
    await account("bob").turn();
    expect(v1Sockets()).toBe(2);
    await clock.advance(DAY_MS);
    expect((await account("ann").turn()).text).toBe("ok");
    expect(v1Sockets()).toBe(3);
  });

  test("an account known to speak v1 is not changed by a refusal", async () => {
    const { sim, account } = await open({ protocol: "v1" });
    sim.account("ann").says(answer(["ok"]));
    const { chat } = await account().turn();
    sim.account("ann").next("chat", json(404, { message: "gone" }));
    expect((await account().turn({ chat })).failure?.kind).toBe("conversation-lost");
    sim.account("ann").next("chat", json(400, { message: "odd" }));
    expect((await account().turn()).failure?.kind).toBe("upstream-changed");
    expect(sim.count("create")).toBe(0);
  });

  test("a v1 chat that v2 cannot go on with is lost, without a call", async () => {
    const { sim, account } = await open({ protocol: "v2" });
    sim.account("ann").says(answer(["ok"]));
    await account().turn();
    const before = sim.requests.length;
    const { failure } = await account().turn({ chat: { id: crypto.randomUUID(), continued: true } });
    expect([failure?.kind, sim.requests.length]).toEqual(["conversation-lost", before]);
  });

  test("a chat deleted after it moved is deleted where it is", async () => {
    const { sim, account } = await open({ protocol: "v2", provider: { deleteChats: true } });
    sim.account("ann").says(answer(["ok"]));
    const { chat } = await account().turn();
    desk.restart();
    await desk.provider.chats?.remove?.(account().context(), chat.id);
    expect(sim.account("ann").deleted).toEqual(["proj_ann_1"]);
  });
});

describe("v2", () => {
  const V2: DeskOptions = { protocol: "v2", provider: { protocol: "v2" } };

  test("E9 the model is set and the offers are read before the prompt; the socket carries cookie and token", async () => {
    const { sim, account } = await open(V2);
    sim.account("ann").says(answer(["ok"]));
    await account().turn({ model: "gpt_5_4" });
    const order = sim.requests.map(({ kind }) => kind).filter((kind) => kind !== "adapters" && kind !== "billing");
    expect(order).toEqual(["client", "tokens", "create", "model", "offers", "socket", "chat"]);
    const socket = sim.requests.find(({ kind }) => kind === "socket");
    expect(socket?.headers).toMatchObject({ origin: "https://cto.new", "user-agent": "Mozilla/5.0 (Test)" });
    expect(socket?.headers["cookie"]).toMatch(/^__client=[^;]+; __session=[^;]+$/);
    expect(sim.turns).toMatchObject([{ model: "gpt_5_4" }]);
  });

  test("offers that fail cost no turn", async () => {
    const { sim, account } = await open(V2);
    sim
      .account("ann")
      .next("offers", empty(500))
      .says(answer(["ok"]));
    expect((await account().turn()).text).toBe("ok");
  });

  test("two turns of different models at once are each served by their own", async () => {
    const { sim, clock, account } = await open(V2);
    const seat = account();
    // The second turn's model must not be set before the first turn has begun.
    const gate = new Gate();
    sim.account("ann").says([echo("Hi"), { gate }, ...answer(["ok"])], answer(["ok"]));
    const models = ["gpt_5_4", "glm_5_1"];
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>();
    const turns = models.map((model) => seat.turn({ model, text: model, seen: () => hear() }));
    await gate.arrived();
    await heard;
    await sim.until(() => sim.count("create") === 2);
    for (let turn = 0; turn < 5; turn++) await clock.advance(0);
    expect(sim.count("model")).toBe(1);
    gate.open();
    expect((await Promise.all(turns)).map(({ text }) => text)).toEqual(["ok", "ok"]);
    expect(sim.turns.map(({ prompt, model }) => prompt === model)).toEqual([true, true]);
  });

  test("a turn that has begun keeps no other model waiting", async () => {
    const { sim, account } = await open(V2);
    const gate = new Gate();
    sim.account("ann").says([state(true), { gate }, ...answer(["first"])], answer(["second"]));
    const first = account().turn({ model: "gpt_5_4" });
    await gate.arrived();
    expect((await account().turn({ model: "glm_5_1" })).text).toBe("second");
    gate.open();
    expect((await first).text).toBe("first");
  });

  test("turns of one model run side by side", async () => {
    const { sim, account } = await open(V2);
    const gate = new Gate();
    const held: Step[] = [state(true), { gate }, ...answer(["ok"])];
    sim.account("ann").says(held, held);
    const turns = [account().turn(), account().turn()];
    await sim.until(() => sim.turns.length === 2);
    gate.open();
    expect((await Promise.all(turns)).map(({ text }) => text)).toEqual(["ok", "ok"]);
  });

  test("a turn that waits for another model's turn can be given up, and the next one goes on", async () => {
    const { sim, clock, account } = await open(V2);
    const gate = new Gate();
    sim.account("ann").says([{ gate }, ...answer(["first"])], answer(["third"]));
    const first = account().turn({ model: "gpt_5_4" });
    await gate.arrived();
    const controller = new AbortController();
    const second = account().turn({ model: "glm_5_1", signal: controller.signal });
    await sim.until(() => sim.count("create") === 2);
    await clock.advance(0);
    const third = account().turn({ model: "gpt_5_4" });
    await sim.until(() => sim.count("create") === 3);
    await clock.advance(0);
    controller.abort();
    expect((await second).failure?.kind).toBe("cancelled");
    gate.open();
    expect([(await first).text, (await third).text]).toEqual(["first", "third"]);
  });

  test("trap 12 a model that the service refuses is unknown, and none is used in its place", async () => {
    const { sim, account } = await open(V2);
    sim.account("ann").next("model", json(400, { message: "no such model" }));
    expect((await account().turn({ model: "grok_4_1_fast" })).failure?.kind).toBe("model-unavailable");
    expect(sim.count("chat")).toBe(0);
  });

  test("a project without its id is a changed service", async () => {
    const { sim, account } = await open(V2);
    sim.account("ann").next("create", json(201, { message: "ok" }));
    expect((await account().turn()).failure).toMatchObject({ kind: "upstream-changed", field: "projectId" });
  });
});
