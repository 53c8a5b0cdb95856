import { expect, test } from "bun:test";
import { every } from "../../src/lib/clock.ts";
import { VirtualClock } from "../virtual-clock.ts";

test("every calls at each interval until it is ended", async () => {
  const clock = new VirtualClock();
  const at: number[] = [];
  const end = every(clock, 100, () => void at.push(clock.monotonic()));
  await clock.advance(350);
  end();
  await clock.advance(1000);
  expect(at).toEqual([100, 200, 300]);
  expect(clock.pending).toBe(0);
});

test("every that is ended by its own call leaves no timer", async () => {
  const clock = new VirtualClock();
  const end = every(clock, 100, () => end());
  await clock.advance(1000);
  expect(clock.pending).toBe(0);
});
