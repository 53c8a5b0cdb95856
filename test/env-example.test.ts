import { expect, test } from "bun:test";
import { join } from "node:path";
import { ALL_SETTINGS } from "../src/config/settings.ts";

const example = await Bun.file(join(import.meta.dir, "..", ".env.example")).text();
const shown = new Map(
  [...example.matchAll(/^# ([A-Z][A-Z_]*)=(.*)$/gm)].map(([, name = "", text = ""]) => [name, text]),
);

test(".env.example shows every setting and no other", () => {
  expect([...shown.keys()].toSorted()).toEqual(ALL_SETTINGS.map(([name]) => name).toSorted());
});

test(".env.example shows each default as it is", () => {
  const defaults = ALL_SETTINGS.filter(([, setting]) => setting.standard !== undefined);
  expect(defaults.map(([name]) => [name, shown.get(name)])).toEqual(
    defaults.map(([name, setting]) => [name, setting.standard]),
  );
});

test(".env.example changes nothing when it is copied as it is", () => {
  expect(example.split("\n").filter((line) => line !== "" && !line.startsWith("#"))).toEqual([]);
});
