import { describe, expect, test } from "bun:test";
import { Aborter, orAborted } from "../../src/lib/abort.ts";

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

describe("an aborter", () => {
  test("calls whoever listens, once and in order, with the first reason", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    const leaver = () => heard.push("leaver");
    aborter.addEventListener("abort", () => heard.push(String(aborter.reason)));
    aborter.addEventListener("abort", leaver);
    aborter.addEventListener("abort", { handleEvent: () => heard.push("object") });
    aborter.removeEventListener("abort", leaver);
    aborter.removeEventListener("abort", leaver);
    expect([aborter.aborted, aborter.reason]).toEqual([false, undefined]);
    aborter.abort("left");
    aborter.abort("again");
    expect(heard).toEqual(["left", "object"]);
    expect([aborter.aborted, aborter.reason]).toEqual([true, "left"]);
  });

  test("a listener that takes itself or another off while it is called keeps none from hearing", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    const first = () => {
      heard.push("first");
      aborter.removeEventListener("abort", first);
    };
    aborter.addEventListener("abort", first);
    aborter.addEventListener("abort", () => heard.push("second"));
    aborter.abort("left");
    aborter.addEventListener("abort", () => heard.push("late"));
    expect(heard).toEqual(["first", "second"]);
  });

  test("calls none that an earlier one has taken off, as a signal does", () => {
    const controller = new AbortController();
    const aborter = new Aborter();
    for (const { signal, abort } of [
      { signal: controller.signal, abort: () => controller.abort() },
      { signal: aborter, abort: () => aborter.abort("left") },
    ]) {
      const heard: string[] = [];
      const second = () => heard.push("second");
      signal.addEventListener("abort", () => signal.removeEventListener("abort", second));
      signal.addEventListener("abort", second);
      signal.addEventListener("abort", () => heard.push("third"));
      abort();
      expect(heard).toEqual(["third"]);
    }
  });

  test("ends a wait as a signal does", async () => {
    const aborter = new Aborter();
    const waiting = orAborted(never, aborter);
    aborter.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await expect(orAborted(never, aborter)).rejects.toThrow("left");
  });
});
