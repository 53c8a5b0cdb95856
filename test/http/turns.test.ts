import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { mostTurns, Turns } from "../../src/http/turns.ts";
import { VirtualClock } from "../virtual-clock.ts";

test("a client that leaves aborts its turn in words", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  const client = new AbortController();
  const turn = turns.begin(client);
  await clock.advance(250);
  expect(turn.aborted).toBe(false);
  client.abort();
  expect(turn.reason).toBeInstanceOf(GatewayError);
  expect(turn.reason).toMatchObject({ kind: "cancelled" });
  turn.end();
  expect(turns.size).toBe(0);
});

test("draining waits for the last turn and takes no new one", async () => {
  const turns = new Turns(new VirtualClock());
  const turn = turns.begin(new AbortController());
  const drained = turns.drain(30_000);
  expect(() => turns.begin(new AbortController())).toThrow("stopping");
  turn.end();
  await drained;
  expect(turn.aborted).toBe(false);
});

test("a turn that outlasts the grace is ended as stopping", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  const turn = turns.begin(new AbortController());
  const drained = turns.drain(30_000);
  await clock.advance(29_999);
  expect(turn.aborted).toBe(false);
  await clock.advance(1);
  expect(turn.reason).toMatchObject({ kind: "stopping" });
  turn.end();
  await drained;
});

test("a turn that is over does not mind a client that leaves", () => {
  const turns = new Turns(new VirtualClock());
  const client = new AbortController();
  const turn = turns.begin(client);
  turn.end();
  turn.end();
  client.abort();
  turn.leave();
  expect(turn.aborted).toBe(false);
  expect(turns.size).toBe(0);
});

test("a client that leaves at once is noticed soon, and so is the next one", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  for (const _ of ["first", "next"]) {
    const turn = turns.begin({ signal: AbortSignal.abort() });
    await clock.advance(250);
    expect(turn.reason).toMatchObject({ kind: "cancelled" });
    turn.end();
  }
});

test("a turn that is over soon never asks for its client's signal", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  const client = {
    get signal(): AbortSignal {
      throw new Error("asked");
    },
  };
  turns.begin(client).end();
  await clock.advance(1000);
  expect(turns.size).toBe(0);
});

test("row 28 as many turns as the system has files for, and one more when one is over", () => {
  const turns = new Turns(new VirtualClock(), mostTurns(70));
  const begin = () => turns.begin(new AbortController());
  const first = begin();
  begin();
  expect(begin).toThrow("full");
  first.end();
  expect(begin().aborted).toBe(false);
  expect([mostTurns(0), mostTurns(1024), mostTurns(Infinity)]).toEqual([1, 320, Infinity]);
});
