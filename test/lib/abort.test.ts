import { expect, test } from "bun:test";
import { orAborted } from "../../src/lib/abort.ts";

const never = new Promise<string>(() => {});

test("work that ends first gives what it gives", async () => {
  const { signal } = new AbortController();
  expect(await orAborted(Promise.resolve("done"), signal)).toBe("done");
  await expect(orAborted(Promise.reject(new Error("broke")), signal)).rejects.toThrow("broke");
});

test("an abort ends the wait with its reason", async () => {
  const controller = new AbortController();
  const waiting = orAborted(never, controller.signal);
  controller.abort(new Error("left"));
  await expect(waiting).rejects.toThrow("left");
});

test("an abort that came before ends it at once, and work that fails later fails unseen", async () => {
  const { promise, reject } = Promise.withResolvers<string>();
  await expect(orAborted(promise, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  reject(new Error("late"));
  await Promise.resolve();
});
