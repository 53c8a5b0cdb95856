import { expect, test } from "bun:test";
import { within } from "../../src/http/within.ts";
import { Agenda } from "../../src/lib/agenda.ts";
import { VirtualClock } from "../virtual-clock.ts";

function subject() {
  const clock = new VirtualClock();
  const agenda = new Agenda(clock);
  return { clock, wait: <T>(work: Promise<T>) => within(work, 100, agenda) };
}

test("work that is done in time gives what it gives", async () => {
  const { clock, wait } = subject();
  expect(await wait(Promise.resolve("done"))).toBe("done");
  await expect(wait(Promise.reject(new Error("words")))).rejects.toThrow("words");
  await clock.advance(100);
  expect(clock.pending).toBe(0);
});

test("work that takes longer gives nothing, whatever becomes of it", async () => {
  const { clock, wait } = subject();
  const work = Promise.withResolvers<string>();
  const waited = wait(work.promise);
  await clock.advance(99);
  expect(await Promise.race([waited, Promise.resolve("still waiting")])).toBe("still waiting");
  await clock.advance(1);
  expect(await waited).toBeUndefined();
  work.reject(new Error("words"));
  await clock.advance(1);
});
