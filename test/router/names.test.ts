import { expect, test } from "bun:test";
import { isSameModel, listedNames } from "../../src/router/names.ts";

const pairs: { a: string; b: string; same: boolean }[] = [
  { a: "gpt-5", b: "GPT5", same: true },
  { a: "claude-sonnet-4-5", b: "claude-sonnet-4.5", same: true },
  { a: "claude-sonnet-4-5-20250929", b: "ClaudeSonnet4_5", same: true },
  { a: "claude-sonnet-4-5-20250929", b: "claude-sonnet-4-5-20250101", same: false },
  { a: "claude-sonnet-4-20250514", b: "claude-sonnet-4", same: true },
  { a: "claude-sonnet-4", b: "claude-sonnet-4.5", same: false },
  { a: "claude-3-5-haiku-latest", b: "claude-3.5-haiku", same: true },
  { a: "gpt-4.1", b: "gpt-41", same: false },
  { a: "gpt-4o", b: "gpt-4o-mini", same: false },
  { a: "gpt-4o-2024-08-06", b: "gpt-4o", same: false },
  { a: "模型-A", b: "模形-A", same: false },
  { a: "模型-A", b: "模型a", same: true },
  { a: "command-r+", b: "command-r", same: false },
  { a: "---", b: "__", same: false },
];
test.each(pairs)("$a and $b: one model is $same", ({ a, b, same }) => {
  expect(isSameModel(a, b)).toBe(same);
  expect(isSameModel(b, a)).toBe(same);
});

test("of several spellings the exact one is meant first, then one in another case", () => {
  const ids = ["claude-sonnet-4.5", "gpt-5", "Claude-Sonnet-4-5", "claude-sonnet-4-5"];
  const inOrder = ["claude-sonnet-4-5", "Claude-Sonnet-4-5", "claude-sonnet-4.5"];
  expect(listedNames("claude-sonnet-4-5", ids)).toEqual(inOrder);
  expect(listedNames("CLAUDE-SONNET-4.5", ids)[0]).toBe("claude-sonnet-4.5");
  expect(listedNames("claude-sonnet-4-5-20250929", ids)[0]).toBe("claude-sonnet-4.5");
  expect(listedNames("claude", ids)).toEqual([]);
});
