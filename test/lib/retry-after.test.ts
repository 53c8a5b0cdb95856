import { describe, expect, test } from "bun:test";
import { retryAtIn, retryAtOf } from "../../src/lib/retry-after.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const seconds = (at: number | undefined) => (at === undefined ? undefined : (at - NOW) / 1000);

describe("8 a Retry-After header", () => {
  const cases: [string | null, number | undefined][] = [
    ["30", 30],
    ["1.5", 1.5],
    ["0", 1],
    ["3600", 3600],
    ["99999999", 86_400],
    ["Fri, 20 Nov 2026 12:02:00 GMT", 120],
    ["Fri, 20 Nov 2020 12:02:00 GMT", 1],
    ["Fri, 20 Nov 2099 12:02:00 GMT", 86_400],
    ["-5", 1],
    ["soon", undefined],
    ["", undefined],
    [null, undefined],
  ];
  test.each(cases)("%p names %p s", (header, want) => expect(seconds(retryAtOf(header, NOW))).toBe(want));
});

describe("a text", () => {
  const cases: [string, number | undefined][] = [
    ["Please try again in 20s. Visit https://example.com", 20],
    ["try again in 1m20s", 80],
    ["Try again in 6h2m0.5s.", 21_720.5],
    ["try again in 350ms", 1],
    ["Please retry after 12 seconds", 12],
    ["try again in 3 minutes", 180],
    ["try again in a while", undefined],
    ["try again in 400 days", 86_400],
    ["nothing of the kind", undefined],
  ];
  test.each(cases)("%p names %p s", (text, want) => expect(seconds(retryAtIn(text, NOW))).toBe(want));
});
