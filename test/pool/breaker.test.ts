import { expect, test } from "bun:test";
import { Breaker } from "../../src/pool/breaker.ts";

const SECOND = 1000;
const RULES = { failures: 5, windowMs: 30 * SECOND, openMs: 30 * SECOND };

function broken(at: number): Breaker {
  const breaker = new Breaker(() => RULES);
  for (let i = 0; i < 5; i++) breaker.record("down", at, false);
  return breaker;
}

test("5 failures within 30 s open it for 30 s", () => {
  const breaker = broken(0);
  expect(breaker.allows(29 * SECOND)).toBe(false);
  expect(breaker.trialInMs(10 * SECOND)).toBe(20 * SECOND);
  expect(breaker.allows(30 * SECOND)).toBe(true);
});

test("5 failures over more than 30 s do not open it", () => {
  const breaker = new Breaker(() => RULES);
  for (let i = 0; i < 12; i++) breaker.record("down", i * 8 * SECOND, false);
  expect(breaker.state(96 * SECOND)).toBe("closed");
});

test("a success between failures starts the count anew", () => {
  const breaker = new Breaker(() => RULES);
  for (let i = 0; i < 4; i++) breaker.record("down", i, false);
  breaker.record("up", 5, false);
  for (let i = 0; i < 4; i++) breaker.record("down", i, false);
  expect(breaker.state(6)).toBe("closed");
});

test("one trial at a time goes through after the wait, and its success closes it", () => {
  const breaker = broken(0);
  expect(breaker.enter(31 * SECOND)).toBe(true);
  expect(breaker.allows(31 * SECOND)).toBe(false);
  breaker.record("up", 32 * SECOND, true);
  expect(breaker.state(32 * SECOND)).toBe("closed");
});

test("a failed trial opens it again for 30 s", () => {
  const breaker = broken(0);
  breaker.enter(31 * SECOND);
  breaker.record("down", 32 * SECOND, true);
  expect(breaker.allows(61 * SECOND)).toBe(false);
  expect(breaker.allows(62 * SECOND)).toBe(true);
});

test("a trial whose client left lets the next request try", () => {
  const breaker = broken(0);
  breaker.enter(31 * SECOND);
  breaker.record("unknown", 32 * SECOND, true);
  expect(breaker.allows(32 * SECOND)).toBe(true);
});
