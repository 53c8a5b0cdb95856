import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { Gate } from "../../sims/gate.ts";
import { chatRequest } from "../context.ts";
import { openDesk, until } from "./desk.ts";

const PUBLIC_PROMPT = "6456df9f-f4fd-42b3-97ff-df29af7188b7";

test("without create_prompt the public prompt serves, and the service is not asked again that day", async () => {
  await using desk = await openDesk();
  Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
  const account = desk.own();
  expect((await account.ask()).text).toBe("Hello");
  expect((await account.ask()).text).toBe("Hello");
  expect(desk.sim.count("prompt")).toBe(1);
  expect(desk.sim.runs[0]?.body).toMatchObject({ prompt_id: PUBLIC_PROMPT, test_cases: [] });
  await desk.clock.advance(86_400_000);
  desk.sim.state.keepsPrompts = true;
  expect((await account.ask()).text).toBe("Hello");
  expect(desk.sim.prompts).toHaveLength(1);
});

test("runs of one account go one at a time, those of two accounts side by side", async () => {
  await using desk = await openDesk();
  Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
  const [one, two] = [desk.own("one"), desk.own("two")];
  const gate = new Gate();
  for (const word of ["a", "b", "c"]) {
    desk.sim.play(async (run) => {
      await gate.pass();
      run.chunk(word, "completed");
    });
  }
  const told = Promise.all([one.ask(), one.ask(), two.ask()]);
  await until(() => gate.waiting === 2, "a run of each account");
  expect(new Set(desk.sim.runs.map(({ userId }) => userId)).size).toBe(2);
  gate.open();
  expect((await told).map(({ text }) => text).toSorted()).toEqual(["a", "b", "c"]);
});

test("late events of a run that was given up do not get into the next one", async () => {
  await using desk = await openDesk();
  Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
  const account = desk.own();
  const [gate, leave] = [new Gate(), new AbortController()];
  desk.sim.play(async (run) => {
    run.chunk("old");
    await gate.pass();
    run.chunk("old text");
  });
  desk.sim.play(async (run) => {
    gate.open();
    await Promise.resolve();
    run.chunk("new", "completed");
  });
  const stream = desk.provider.chat(chatRequest("Hi"), account.turn("gpt-4o", leave.signal));
  for await (const batch of stream) if (batch.length > 0) break;
  expect((await account.ask()).text).toBe("new");
});

test("a run that was given up before it said anything keeps the account for half a minute", async () => {
  await using desk = await openDesk();
  Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
  const account = desk.own();
  const leave = new AbortController();
  desk.sim.play(() => {});
  const given = account.ask("Hi", {}, "gpt-4o", leave.signal);
  await until(() => desk.sim.runs.length === 1, "the run");
  leave.abort(new GatewayError("cancelled", "gone"));
  expect((await given).error).toMatchObject({ kind: "cancelled" });
  const next = account.ask();
  await desk.clock.advance(29_000);
  expect(desk.sim.runs).toHaveLength(1);
  await desk.clock.advance(1000);
  expect((await next).text).toBe("Hello");
});

test("a run that was refused never began, and does not keep the account", async () => {
  await using desk = await openDesk();
  Object.assign(desk.sim.state, { keepsPrompts: false, givesJobs: false });
  const account = desk.own();
  desk.sim.next("run", { status: 429, body: { error: "Too many requests" } });
  expect((await account.ask()).error).toMatchObject({ kind: "rate-limited" });
  expect((await account.ask()).text).toBe("Hello");
});

test("a missing job id in variant A is bridged the same way", async () => {
  await using desk = await openDesk();
  desk.sim.state.givesJobs = false;
  const account = desk.own();
  expect((await account.ask()).text).toBe("Hello");
  expect((await account.ask()).text).toBe("Hello");
  expect(desk.sim.runs[1]?.body["prompt_id"]).toBe(String(desk.sim.prompts[0]?.id));
});
