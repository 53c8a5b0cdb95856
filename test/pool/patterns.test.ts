import { expect, test } from "bun:test";
import { fits } from "../../src/pool/patterns.ts";

const cases: { pattern: string; name: string; is: boolean }[] = [
  { pattern: "gpt-5", name: "GPT-5", is: true },
  { pattern: "gpt-5", name: "gpt-5.1", is: false },
  { pattern: "*", name: "", is: true },
  { pattern: "*", name: "anything", is: true },
  { pattern: "gpt-*", name: "gpt-", is: true },
  { pattern: "gpt-*", name: "my-gpt-5", is: false },
  { pattern: "*-mini", name: "o3-mini", is: true },
  { pattern: "*-mini", name: "o3-mini-high", is: false },
  { pattern: "claude-*-4-*", name: "claude-sonnet-4-5", is: true },
  { pattern: "claude-*-4-*", name: "claude-4-5", is: false },
  { pattern: "a*a", name: "a", is: false },
  { pattern: "a*b*c", name: "a-c-b", is: false },
  { pattern: "a.c", name: "abc", is: false },
];
test.each(cases)("$name and the pattern $pattern: $is", ({ pattern, name, is }) => {
  expect(fits(pattern, name)).toBe(is);
});

test("a pattern of many stars costs no time, whatever the name", () => {
  expect(fits("*a".repeat(50) + "b", "a".repeat(100_000))).toBe(false);
});
