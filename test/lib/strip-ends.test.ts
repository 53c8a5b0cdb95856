import { expect, test } from "bun:test";
import { stripEnds } from "../../src/lib/strip-ends.ts";

test.each([
  [`"'a"b'";`, `a"b`],
  ["a", "a"],
  [`""`, ""],
  ["", ""],
  [";a;", ";a"],
])("%j is %j without quotes at both ends and semicolons behind", (text, want) => {
  expect(stripEnds(text, `"'`, `"';`)).toBe(want);
});
