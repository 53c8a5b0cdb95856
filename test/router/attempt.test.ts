import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { drain, iterated } from "../chat/streams.ts";
import { END, FakeProvider, fails, hangs, says, text, type Behaviour } from "./fake-provider.ts";
import { openWorld } from "./world.ts";

const SECOND = 1000;

/** Notes how far a turn was read, and that its generator was closed. */
function noting(behaviour: Behaviour) {
  const seen = { batches: 0, closed: false };
  const turn: Behaviour = async function* (...asked) {
    try {
      for await (const batch of behaviour(...asked)) {
        seen.batches++;
        yield batch;
      }
    } finally {
      seen.closed = true;
    }
  };
  return { seen, turn };
}

/** A provider that leaves stop sequences and limits to the gateway. */
function plainProvider(): FakeProvider {
  const fake = new FakeProvider();
  fake.capabilities = { ...fake.capabilities, stop: false, maxOutputTokens: false };
  return fake;
}

test("a met stop sequence ends the answer as a success, and cuts the upstream off", async () => {
  const { seen, turn } = noting(says([text("one EN")], [text("D two"), text("three")], [text("four")], [END]));
  const fake = plainProvider().next("a", turn);
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  const events = await drain((await world.run({}, { stop: ["END"] })).stream);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "stop-sequence", usage: { estimated: true } });
  await world.clock.advance(0);
  expect(seen).toEqual({ batches: 2, closed: true });
  expect(fake.aborted).toEqual(["a"]);
  expect(world.view("a")).toMatchObject({ successes: 1, failures: 0, inFlight: 0 });
});

test("a reached limit ends the answer as a success, and cuts the upstream off", async () => {
  const { seen, turn } = noting(says([text("one two three four five six")], [text("seven")], [END]));
  const fake = plainProvider().next("a", turn);
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  const events = await drain((await world.run({}, { maxOutputTokens: 3 })).stream);
  expect(events.at(-1)).toMatchObject({ type: "end", reason: "length", usage: { outputTokens: 3 } });
  await world.clock.advance(0);
  expect(seen).toEqual({ batches: 1, closed: true });
  expect(fake.aborted).toEqual(["a"]);
});

test("an upstream that has ended is read to its last byte, so that its connection serves again", async () => {
  const { seen, turn } = noting(says([text("Hi")], [END]));
  const fake = new FakeProvider().next("a", turn);
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  await drain((await world.run()).stream);
  await world.clock.advance(3 * SECOND);
  expect(seen).toEqual({ batches: 2, closed: true });
  expect(fake.aborted).toEqual([]);
});

test("an upstream that goes on after its end is cut off after two seconds, and nobody waits for it", async () => {
  const fake = new FakeProvider().next("a", hangs([[text("Hi")], [END]]));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  expect((await drain((await world.run()).stream)).map(({ type }) => type)).toEqual(["text-delta", "end"]);
  expect(world.view("a")).toMatchObject({ successes: 1, inFlight: 0 });
  await world.clock.advance(1.9 * SECOND);
  expect(fake.aborted).toEqual([]);
  await world.clock.advance(0.1 * SECOND);
  expect(fake.aborted).toEqual(["a"]);
});

test("an upstream may be at work for very many reads before its first event", async () => {
  const progress = Array.from({ length: 100_000 }, () => [{ type: "progress" as const }]);
  const fake = new FakeProvider().next("a", says(...progress, [text("Hi")], [END]));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  expect((await drain((await world.run()).stream)).map(({ type }) => type)).toEqual(["text-delta", "end"]);
});

test("a reader that leaves closes an upstream that rests between two reads", async () => {
  const { seen, turn } = noting(says([text("a")], [text("b")], [END]));
  const fake = new FakeProvider().next("a", turn);
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  for await (const batch of iterated((await world.run()).stream)) if (batch.length > 0) break;
  await world.clock.advance(0);
  expect(seen).toEqual({ batches: 1, closed: true });
  expect(fake.aborted).toEqual(["a"]);
  expect(world.view("a")).toMatchObject({ successes: 0, failures: 0, inFlight: 0 });
});

type World = Awaited<ReturnType<typeof openWorld>>;

/** A reader that had the first batch and left while it waited for the second. */
async function leftInMidRead(world: World) {
  await world.add("a");
  const reader = iterated((await world.run()).stream);
  await reader.next();
  const pending = reader.next();
  await reader.return();
  expect(pending).rejects.toMatchObject({ kind: "cancelled" });
  return reader;
}

test("a reader that leaves in the middle of a read gets its end at once, from a deaf upstream too", async () => {
  const fake = new FakeProvider().next("a", hangs([[text("a")]], { deaf: true }));
  await using world = await openWorld({ providers: [fake] });
  const reader = await leftInMidRead(world);
  expect(await reader.next().catch((error: unknown) => error)).toMatchObject({ kind: "cancelled" });
  expect(world.router.active).toBe(0);
});

test("an upstream whose next words come when the reader has left is closed too, and gives back what it holds", async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const { seen, turn } = noting(async function* ({ signal }) {
    yield [text("a")];
    signal.addEventListener("abort", () => resolve());
    await aborted;
    yield [text("b")];
    yield [END];
  });
  const fake = new FakeProvider().next("a", turn);
  await using world = await openWorld({ providers: [fake] });
  await leftInMidRead(world);
  await world.clock.advance(0);
  expect(seen).toEqual({ batches: 2, closed: true });
});

test("what the upstream throws after its first event passes through, once and to every later read", async () => {
  const fake = new FakeProvider().next("a", fails("rate-limited", {}, [text("a")]));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a");
  const reader = iterated((await world.run()).stream);
  expect(await reader.next()).toMatchObject({ value: [text("a")] });
  for (const _ of [1, 2]) {
    expect(await reader.next().catch((error: unknown) => error)).toMatchObject({ kind: "rate-limited" });
  }
  expect(world.view("a")).toMatchObject({ attempts: 1, failures: 1 });
});

test("an idle time that is shorter than the wait for the first event holds from the first event on", async () => {
  const fake = new FakeProvider().next("a", hangs([[text("a")]]));
  await using world = await openWorld({ providers: [fake], router: { idleMs: 5 * SECOND } });
  await world.add("a");
  const reader = iterated((await world.run()).stream);
  await reader.next();
  const pending = reader.next().catch((error: unknown) => error);
  await world.clock.advance(4.9 * SECOND);
  expect(fake.aborted).toEqual([]);
  await world.clock.advance(0.1 * SECOND);
  expect(await pending).toMatchObject({ kind: "upstream-timeout", message: "Fake has sent nothing for 5 s." });
});

test("an idle time that is longer counts from the last event, not from the deadline of the first", async () => {
  const fake = new FakeProvider().next("a", hangs([[text("a")]]));
  fake.firstEvent = 2 * SECOND;
  await using world = await openWorld({ providers: [fake], router: { idleMs: 5 * SECOND } });
  await world.add("a");
  const reader = iterated((await world.run()).stream);
  await reader.next();
  await world.clock.advance(1 * SECOND);
  const pending = reader.next().catch((error: unknown) => error);
  await world.clock.advance(4.9 * SECOND);
  expect(fake.aborted).toEqual([]);
  await world.clock.advance(0.1 * SECOND);
  expect(await pending).toMatchObject({ kind: "upstream-timeout" });
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
  "a client that leaves %i steps after the upstream was asked, about when its first event comes, ends turn and books",
  async (steps) => {
    const client = new AbortController();
    const fake = new FakeProvider().next("a", says([text("a")], [END]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const running = world.run({ signal: client.signal });
    while (fake.asked.length === 0) await Promise.resolve();
    for (let i = 0; i < steps; i++) await Promise.resolve();
    client.abort(new GatewayError("cancelled", "The client left."));
    const ended = await running.then(({ stream }) => drain(stream)).catch((error: unknown) => error);
    expect(ended).toMatchObject({ kind: "cancelled" });
    expect(world.router.active).toBe(0);
    expect(world.view("a")).toMatchObject({ inFlight: 0, attempts: 1, successes: 0, failures: 0 });
  },
);
