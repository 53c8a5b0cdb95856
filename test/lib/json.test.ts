import { expect, test } from "bun:test";
import { isObject, parseJson } from "../../src/lib/json.ts";

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
