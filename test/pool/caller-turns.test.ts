import { expect, test } from "bun:test";
import { CallerRests } from "../../src/pool/caller-rests.ts";
import { CallerTurns } from "../../src/pool/caller-turns.ts";

test("of more than a thousand logins the one used longest ago is forgotten, unless it has a turn under way", () => {
  const turns = new CallerTurns(new CallerRests());
  const loads = Array.from({ length: 1000 }, (_, i) => turns.loadOf(`hash-${i}`));
  for (const load of loads.filter((_, i) => i === 0 || i === 2)) load.inFlight = 1;
  turns.loadOf("hash-1");
  for (const i of [1000, 1001]) turns.loadOf(`hash-${i}`);
  const isKept = (i: number) => turns.loadOf(`hash-${i}`) === loads[i];
  expect([0, 1, 2, 999].map(isKept)).toEqual([true, true, true, true]);
  expect([3, 4].map(isKept)).toEqual([false, false]);
});
