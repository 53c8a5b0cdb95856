import { expect, test } from "bun:test";
import { isObject, jsonText, parseJson } from "../../src/lib/json.ts";
import { seededRandom } from "../seeded-random.ts";

test("good JSON comes back as its value", () => {
  expect(parseJson('{"a":[1,null]}')).toEqual({ ok: true, value: { a: [1, null] } });
});

test.each(["", "{", "nul", '{"a":1}x', "[".repeat(1_000_000), "\u0000"])(
  "bad JSON %# is a reason and never throws",
  (text) => {
    const parsed = parseJson(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.reason).not.toBe("");
  },
);

test("only a JSON object is an object", () => {
  expect([{}, [], null, "a", 1, undefined].map(isObject)).toEqual([true, false, false, false, false, false]);
});

test("a text becomes JSON as the engine writes it", () => {
  const random = seededRandom(1);
  const codes = [0x00, 0x1f, 0x20, 0x22, 0x5c, 0x61, 0x7f, 0xe9, 0x2028, 0x4e16, 0xd7ff, 0xd83c, 0xdf0a, 0xe000];
  for (let round = 0; round < 5000; round++) {
    const length = Math.floor(random() * (round % 10 === 0 ? 80 : 6));
    const text = String.fromCharCode(
      ...Array.from({ length }, () => codes[Math.floor(random() * codes.length)] ?? 0x61),
    );
    expect(jsonText(text)).toBe(JSON.stringify(text));
  }
});
