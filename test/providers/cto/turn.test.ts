import { afterEach, describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import {
  answer,
  challengePage,
  chat,
  echo,
  empty,
  Gate,
  json,
  state,
  thinking,
  update,
  type Step,
} from "../../sims/cto.ts";
import { request } from "../../emulate/requests.ts";
import { type Desk, type DeskOptions, openDesk } from "./desk.ts";

let desk: Desk;
const open = async (options: DeskOptions = {}): Promise<Desk> => (desk = await openDesk(options));
afterEach(async () => {
  await desk.sim.until(() => desk.sim.openSockets() === 0);
  expect(desk.sim.violations).toEqual([]);
  await desk.stop();
});

const BOTH = ["v1", "v2"] as const;
const settings = (protocol: "v1" | "v2"): DeskOptions => ({ protocol, provider: { protocol } });

describe.each(BOTH)("a turn of %s", (protocol) => {
  test("streams text and thinking, ends once, and closes the socket with 1000", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says([state(true), thinking("Hm"), chat("He"), chat("llo 🐈"), state(false)]);
    const { text, thinking: thought, events, failure } = await account().turn({ text: "Grüße 🐈" });
    expect([failure, text, thought]).toEqual([undefined, "Hello 🐈", "Hm"]);
    expect(events.filter(({ type }) => type === "end")).toEqual([{ type: "end", reason: "stop", usage: undefined }]);
    expect(events.at(-1)?.type).toBe("end");
    expect(sim.turns).toMatchObject([{ prompt: "Grüße 🐈", subscribed: true, account: "ann" }]);
    await sim.until(() => sim.closes.length === 1);
    expect(sim.closes).toEqual([1000]);
    expect(desk.clock.pending).toBe(0);
  });

  test("the socket is closed when the end is handed out, whether or not anybody reads on", async () => {
    const { sim, account, provider } = await open(settings(protocol));
    sim.account("ann").says(answer(["ok"]));
    const context = account().context();
    const model = "GPT5";
    const held = { id: (await provider.chats?.open(context, model)) ?? "", continued: false };
    const events = provider.chat(request(), { ...context, model, chat: held })[Symbol.asyncIterator]();
    for (let type: string | undefined; type !== "end";) type = (await events.next()).value?.at(-1)?.type;
    await sim.until(() => sim.openSockets() === 0 && sim.closes.length === 1);
    expect(sim.closes).toEqual([1000]);
  });

  test("E9 the socket is open before the prompt is posted, so that no first token is lost", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["first", " second"]));
    expect((await account().turn()).text).toBe("first second");
    const order = sim.requests.map(({ kind }) => kind);
    expect(order.indexOf("socket")).toBeLessThan(order.indexOf("chat"));
  });

  test("trap 1 the first idle state is not the end, before or after the prompt", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says([state(false), echo("Hi"), state(false), ...answer(["still here"])]);
    expect((await account().turn()).text).toBe("still here");
  });

  test("a turn without a busy state ends with the idle state after its first piece", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says([chat("short"), state(false)]);
    expect((await account().turn()).text).toBe("short");
  });

  test("trap 11 frames that are no JSON or that nobody knows end nothing", async () => {
    const { sim, account } = await open(settings(protocol));
    const odd: Step[] = [
      { text: "pong" },
      { text: "{cut" },
      { text: "" },
      { frame: [1] },
      { frame: null },
      { frame: { type: "history", messages: [{ role: "assistant", content: "old" }] } },
      { frame: { type: "label", label: "A" } },
      { frame: { type: "update", buffer: "{cut" } },
      { frame: { type: "update" } },
      { frame: { type: "state" } },
      update({ type: "tool", name: "bash", input: {} }),
      update("text"),
    ];
    sim.account("ann").says([state(true), chat("a"), ...odd, chat("b"), state(false)]);
    expect((await account().turn()).text).toBe("ab");
  });

  test("what waits on the socket before the prompt is posted is the chat's past, not its answer", async () => {
    const { sim, account } = await open({ ...settings(protocol), greeting: [state(true), chat("old answer")] });
    sim.account("ann").says(answer(["new answer"]));
    expect((await account().turn()).text).toBe("new answer");
  });

  test("trap 9 the whole folded prompt is sent as it is, byte for byte", async () => {
    const { sim, account } = await open(settings(protocol));
    const prompt = 'system: be "kind"\n\n[k3 user]\n{"a":1}\u0000 \\n ü 🐈 漢字';
    sim.account("ann").says(answer(["ok"]));
    await account().turn({ text: prompt });
    expect(sim.turns[0]?.prompt).toBe(prompt);
  });

  test("trap 15 E8 a silent turn ends with the deadline of whoever waits, and the socket with it", async () => {
    const { sim, account } = await open(settings(protocol));
    const controller = new AbortController();
    sim.account("ann").says([state(true)]);
    const turn = account().turn({ signal: controller.signal, seen: () => controller.abort(silence) });
    const silence = new GatewayError("upstream-timeout", "cto.new has sent nothing for 180 s.");
    expect((await turn).failure).toBe(silence);
    await sim.until(() => sim.openSockets() === 0);
    expect(desk.clock.pending).toBe(0);
  });

  test("the heartbeat is sent every 30 s, and its pong is no sign of the turn's life", async () => {
    const { sim, clock, account } = await open(settings(protocol));
    const gate = new Gate();
    sim.account("ann").says([state(true), { gate }, chat("late"), state(false)]);
    const batches: string[] = [];
    const { promise: busy, resolve: isBusy } = Promise.withResolvers<void>();
    const turn = account().turn({
      seen: (events) => {
        batches.push(events.map(({ type }) => type).join());
        isBusy();
      },
    });
    await busy;
    for (const pings of [1, 2]) {
      await clock.advance(30_000);
      await sim.until(() => sim.heard.length === pings);
    }
    gate.open();
    expect((await turn).text).toBe("late");
    expect(sim.heard).toEqual(["ping", "ping"]);
    expect(batches.join(" ").match(/progress/g)?.length).toBe(2); // the busy state, and the update itself
  });

  test("a past that is replayed after the idle state is no part of the answer", async () => {
    const replay = [chat("old answer", "msg_old"), state(false)];
    const { sim, account } = await open({ ...settings(protocol), replay });
    sim.account("ann").says(answer(["new"]));
    expect((await account().turn()).text).toBe("new");
  });

  test("a browser check in the way of the socket is told as one", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").next("socket", challengePage(), challengePage(), challengePage());
    expect((await account().turn()).failure?.kind).toBe("challenge");
  });

  test("an error inside a good status is a refusal, not a turn to wait for", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").next("chat", json(200, { message: "Internal error", statusCode: 500 }));
    expect((await account().turn()).failure?.kind).toBe("upstream-broken");
    sim.account("ann").billing = { hasReachedLimit: true };
    sim.account("ann").next("chat", json(200, { error: { message: "Daily limit reached" } }));
    expect((await account().turn()).failure?.kind).toBe("quota-exhausted");
    sim.account("ann").next("chat", challengePage(200));
    expect((await account().turn()).failure?.kind).toBe("challenge");
  });

  test("an abort at any moment leaves no socket and no timer", async () => {
    const kinds = ["client", "tokens", "socket", "chat"] as const;
    const { sim, account } = await open(settings(protocol));
    for (const kind of kinds) {
      const controller = new AbortController();
      const left = new GatewayError("cancelled", "The client left.");
      const gate = new Gate();
      sim.account(kind).next(kind, async () => {
        await gate.pass();
        return new Response("{}", { status: kind === "socket" ? 503 : 500 });
      });
      const turn = account(kind).turn({ signal: controller.signal });
      await gate.arrived();
      controller.abort(left);
      const { failure } = await turn;
      expect([kind, failure]).toEqual([kind, left]);
      gate.open();
      await sim.until(() => sim.openSockets() === 0);
    }
  });

  const breaks: [string, Step][] = [
    ["1000", { close: 1000 }],
    ["1001", { close: 1001 }],
    ["1011", { close: 1011 }],
    ["1006", { break: true }],
  ];
  test.each(breaks)(
    "trap 6 E4 a socket that ends with %s within the answer is an error, and no end; its text is kept",
    async (_n, end) => {
      const { sim, account } = await open(settings(protocol));
      sim.account("ann").says([state(true), chat("half"), end]);
      const { text, failure, events } = await account().turn();
      expect([text, failure?.kind]).toEqual(["half", "upstream-broken"]);
      expect(events.some(({ type }) => type === "end")).toBe(false);
      expect(sim.turns.length).toBe(1);
    },
  );

  test("a socket that breaks before any text is tried once more, in a new chat", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says([state(true), { break: true }], answer(["second try"]));
    expect((await account().turn()).text).toBe("second try");
    const [first, second] = sim.turns;
    expect(first?.prompt).toBe(second?.prompt);
    expect(first?.chatHistoryId).not.toBe(second?.chatHistoryId);
  });

  test("and after a second break it is an error", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says([{ close: 1011 }], [{ close: 1011 }], answer(["never"]));
    expect((await account().turn()).failure?.kind).toBe("upstream-broken");
    expect(sim.turns.length).toBe(2);
  });

  test("a follow-up whose socket breaks asks the router for the whole history", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["one"]), [{ break: true }], answer(["never"]));
    const { chat: held } = await account().turn();
    expect((await account().turn({ chat: held })).failure?.kind).toBe("conversation-lost");
    expect(sim.turns.length).toBe(2);
  });

  test("a turn stopped at the service keeps its text and says so in the log", async () => {
    const { sim, account, logged } = await open(settings(protocol));
    sim.account("ann").says([state(true), chat("some"), state(false, true)]);
    const { text, events } = await account().turn();
    expect([text, events.at(-1)]).toEqual(["some", { type: "end", reason: "stop", usage: undefined }]);
    expect(logged.join()).toContain("turn-stopped-upstream");
  });

  test("a follow-up goes to the same chat", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["one"]), answer(["two"]));
    const { chat: held } = await account().turn();
    desk.restart();
    expect((await account().turn({ chat: held, text: "more" })).text).toBe("two");
    expect(new Set(sim.turns.map(({ chatHistoryId }) => chatHistoryId)).size).toBe(1);
    expect(sim.turns[1]?.prompt).toBe("more");
  });

  test("E1 E2 trap 2 two new chats never share one at the service", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["one"]), answer(["two"]));
    await account().turn();
    await account().turn();
    expect(new Set(sim.turns.map(({ chatHistoryId }) => chatHistoryId)).size).toBe(2);
  });

  test("a chat that the service lost is conversation-lost", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["one"]), answer(["two"]));
    const { chat: held } = await account().turn();
    sim.forget(sim.turns[0]?.chatHistoryId ?? "");
    expect((await account().turn({ chat: held })).failure?.kind).toBe("conversation-lost");
  });

  test("a chat that is busy is given up for a new one", async () => {
    const { sim, account } = await open(settings(protocol));
    sim
      .account("ann")
      .says(answer(["one"]))
      .next("chat", () => new Response(null, { status: 202 }));
    sim.account("ann").take("chat");
    const { chat: held } = await account().turn();
    sim.account("ann").next("chat", json(409, { message: "A task is already in progress" }));
    expect((await account().turn({ chat: held })).failure?.kind).toBe("conversation-lost");
  });

  test("a prompt over the limit is context-too-long in words that make clients compact, and is never cut", async () => {
    const { sim, account } = await open({ protocol, provider: { protocol, maxPromptBytes: 500 } });
    const { failure } = await account().turn({ text: "x".repeat(600) });
    expect(failure?.kind).toBe("context-too-long");
    expect(failure?.message).toMatch(/^prompt is too long: \d+ bytes > 500 maximum/);
    expect(sim.count("chat")).toBe(0);
  });

  test("E14 a turn that failed leaves the next one a chat of its own", async () => {
    const { sim, account } = await open(settings(protocol));
    sim
      .account("ann")
      .next("chat", empty(500))
      .says(answer(["fine"]));
    expect((await account().turn()).failure?.kind).toBe("upstream-broken");
    expect((await account().turn()).text).toBe("fine");
  });

  test("chats are deleted only where the setting says so, and one that is gone is deleted already", async () => {
    const { sim, account } = await open(settings(protocol));
    sim.account("ann").says(answer(["one"]));
    const { chat: held } = await account().turn();
    await desk.provider.chats?.remove?.(account().context(), held.id);
    expect(sim.count("delete")).toBe(0);
    await desk.sim.stop();
    const other = await open({ protocol, provider: { protocol, deleteChats: true } });
    other.sim.account("ann").says(answer(["one"]));
    const { chat: own } = await other.account().turn();
    await other.provider.chats?.remove?.(other.account().context(), own.id);
    other.sim.forget(other.sim.turns[0]?.chatHistoryId ?? "");
    await other.provider.chats?.remove?.(other.account().context(), own.id);
    const id = other.sim.turns[0]?.chatHistoryId ?? "";
    expect(other.sim.account("ann").deleted).toEqual([id, id]);
  });
});
