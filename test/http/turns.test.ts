import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { Turns } from "../../src/http/turns.ts";
import { VirtualClock } from "../virtual-clock.ts";

test("a client that leaves aborts its turn in words", () => {
  const turns = new Turns(new VirtualClock());
  const client = new AbortController();
  const turn = turns.begin(client.signal);
  client.abort();
  expect(turn.signal.reason).toBeInstanceOf(GatewayError);
  expect(turn.signal.reason.kind).toBe("cancelled");
  turn.end();
  expect(turns.size).toBe(0);
});

test("draining waits for the last turn and takes no new one", async () => {
  const turns = new Turns(new VirtualClock());
  const turn = turns.begin(new AbortController().signal);
  const drained = turns.drain(30_000);
  expect(() => turns.begin(new AbortController().signal)).toThrow("stopping");
  turn.end();
  await drained;
  expect(turn.signal.aborted).toBe(false);
});

test("a turn that outlasts the grace is ended as stopping", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(clock);
  const turn = turns.begin(new AbortController().signal);
  const drained = turns.drain(30_000);
  await clock.advance(29_999);
  expect(turn.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(turn.signal.reason.kind).toBe("stopping");
  turn.end();
  await drained;
});

test("beyond what may run at once turns wait in line, first come first served", async () => {
  const turns = new Turns(new VirtualClock(), 1);
  const begin = (client = new AbortController()) => ({ client, turn: turns.begin(client.signal) });
  const first = begin();
  const second = begin();
  const third = begin();
  expect(first.turn.admitted).toBeUndefined();
  expect(turns.waiting).toBe(2);
  second.client.abort();
  await expect(second.turn.admitted).rejects.toThrow("left");
  second.turn.end();
  expect(turns.waiting).toBe(1);
  first.turn.end();
  await third.turn.admitted;
  expect(turns.waiting).toBe(0);
  expect(begin().turn.admitted).toBeDefined();
});
