import { expect, test } from "bun:test";
import { Aborter } from "../../src/lib/abort.ts";
import { withDeadline } from "../../src/lib/deadline.ts";
import { VirtualClock } from "../virtual-clock.ts";

const LATE = new Error("late");
const LEFT = new Error("left");

/** Work that ends with its signal, in words of its own. */
const hangs = (signal: { addEventListener(type: "abort", listener: () => void): void }) =>
  new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(new Error("cut off"))));

test("work that is done in time gives its value and leaves no timer", async () => {
  const clock = new VirtualClock();
  expect(await withDeadline({ clock, ms: 100, late: LATE }, async () => "done")).toBe("done");
  expect(clock.pending).toBe(0);
});

test("work that takes too long fails with the deadline's reason", async () => {
  const clock = new VirtualClock();
  const work = withDeadline({ clock, ms: 100, late: LATE }, hangs).catch((error: unknown) => error);
  await clock.advance(100);
  expect(await work).toBe(LATE);
});

test("what ends it from outside gives its own reason, also when it had aborted before", async () => {
  const clock = new VirtualClock();
  const outer = new Aborter();
  const work = withDeadline({ clock, ms: 100, late: LATE, outer }, hangs).catch((error: unknown) => error);
  outer.abort(LEFT);
  expect(await work).toBe(LEFT);
  const late = withDeadline({ clock, ms: 100, late: LATE, outer }, async (signal) => signal.throwIfAborted());
  expect(await late.catch((error: unknown) => error)).toBe(LEFT);
  expect(clock.pending).toBe(0);
});

test("what the work throws by itself stays as it is", async () => {
  const clock = new VirtualClock();
  const own = new Error("own");
  const work = withDeadline({ clock, ms: 100, late: LATE }, () => Promise.reject(own));
  expect(await work.catch((error: unknown) => error)).toBe(own);
});
