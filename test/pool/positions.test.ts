import { expect, test } from "bun:test";
import { CallerPositions, Positions } from "../../src/pool/positions.ts";
import { DataFolder } from "../store/folder.ts";

test("a rotation goes on where it stood, and one that never moved at its start", async () => {
  await using folder = new DataFolder();
  const { store } = await folder.open();
  await store.settings.set("rotation.broken", "not a position");
  const positions = await Positions.load(store.settings);
  positions.set("longcat", { id: "acc_1", uses: 1 });
  positions.set("longcat", { id: "acc_1", uses: 2 });
  expect(positions.get("longcat")).toEqual({ id: "acc_1", uses: 2 });
  await store.close();
  const again = await Positions.load((await folder.open()).store.settings);
  expect(again.get("longcat")).toEqual({ id: "acc_1", uses: 2 });
  expect(again.get("broken")).toEqual({ id: undefined, uses: 0 });
  expect(again.get("kiro")).toEqual({ id: undefined, uses: 0 });
});

test("a kill costs a rotation less than a second", async () => {
  await using folder = new DataFolder();
  const { store } = await folder.open();
  const positions = await Positions.load(store.settings);
  positions.set("longcat", { id: "acc_1", uses: 1 });
  await folder.clock.advance(1_000);
  positions.set("longcat", { id: "acc_2", uses: 1 });
  // What is committed now, as another connection sees it.
  const { store: other } = await folder.open();
  expect((await Positions.load(other.settings)).get("longcat")).toEqual({ id: "acc_1", uses: 1 });
});

test("of callers' own rotations the thousand used last are remembered", () => {
  const positions = new CallerPositions();
  for (let i = 0; i <= 1000; i++) positions.set(`caller ${i}`, { id: "acc_1", uses: i });
  expect(positions.get("caller 0")).toEqual({ id: undefined, uses: 0 });
  expect(positions.get("caller 1000")).toEqual({ id: "acc_1", uses: 1000 });
});
