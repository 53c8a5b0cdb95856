import { expect, test } from "bun:test";
import { Agenda, type Due } from "../../src/lib/agenda.ts";
import { VirtualClock } from "../virtual-clock.ts";

function world() {
  const clock = new VirtualClock();
  const agenda = new Agenda(clock);
  const called: string[] = [];
  const item = (name: string, then?: () => void): Due => ({
    dueAt: 0,
    place: -1,
    due() {
      called.push(`${name} at ${clock.monotonic()}`);
      then?.();
    },
  });
  return { clock, agenda, called, item };
}

test("each item is called at its own time, whatever the order they came in", async () => {
  const { clock, agenda, called, item } = world();
  for (const ms of [50, 10, 40, 20, 30, 60, 0]) agenda.add(item("it"), ms);
  await clock.advance(45);
  expect(called).toEqual(["it at 0", "it at 10", "it at 20", "it at 30", "it at 40"]);
  await clock.advance(15);
  expect(called.slice(5)).toEqual(["it at 50", "it at 60"]);
});

test("an item that was let go is never called, and the others keep their times", async () => {
  const { clock, agenda, called, item } = world();
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const items = Array.from({ length: 300 }, (_, i) => ({ item: item(String(i)), ms: Math.floor(random() * 1000) }));
  for (const { item: each, ms } of items) agenda.add(each, ms);
  const stays = items.filter(() => random() < 0.5);
  for (const each of items) if (!stays.includes(each)) agenda.remove(each.item);
  await clock.advance(1000);
  const expected = stays.map((each) => `${items.indexOf(each)} at ${each.ms}`);
  expect(called.toSorted()).toEqual(expected.toSorted());
  expect(clock.pending).toBe(0);
});

test("one timer serves all: it is set anew only for an item that is due sooner", () => {
  const { clock, agenda, item } = world();
  const set: number[] = [];
  const after = clock.after.bind(clock);
  clock.after = (ms, run) => (set.push(ms), after(ms, run));
  for (const ms of [100, 200, 50, 300]) agenda.add(item("it"), ms);
  expect(set).toEqual([100, 50]);
  expect(clock.pending).toBe(1);
});

test("an item may enter itself again when it is called", async () => {
  const { clock, agenda, called, item } = world();
  const again: Due = item("again", () => {
    if (called.length < 3) agenda.add(again, 10);
  });
  agenda.add(again, 10);
  await clock.advance(100);
  expect(called).toEqual(["again at 10", "again at 20", "again at 30"]);
});

test("letting go of what does not stand there changes nothing", async () => {
  const { clock, agenda, called, item } = world();
  const stays = item("stays");
  const gone = item("gone");
  agenda.add(stays, 10);
  agenda.add(gone, 20);
  agenda.remove(gone);
  agenda.remove(gone);
  agenda.remove(item("never came"));
  await clock.advance(30);
  expect(called).toEqual(["stays at 10"]);
});

test("a closed agenda calls nobody and takes nobody", async () => {
  const { clock, agenda, called, item } = world();
  agenda.add(item("before"), 10);
  agenda.close();
  agenda.add(item("after"), 10);
  await clock.advance(100);
  expect(called).toEqual([]);
  expect(clock.pending).toBe(0);
});
