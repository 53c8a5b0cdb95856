import { expect, test } from "bun:test";
import { nextUtcDay } from "../../src/lib/utc-day.ts";

test("the next day begins after any moment of this one, its first included", () => {
  const midnight = Date.UTC(2026, 10, 20);
  const next = Date.UTC(2026, 10, 21);
  expect([midnight, midnight + 1, next - 1].map(nextUtcDay)).toEqual([next, next, next]);
});
