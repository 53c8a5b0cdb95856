import { describe, expect, test } from "bun:test";
import { EventStreamDecoder, EventStreamError, readEventStream, type EventFrame } from "../../src/lib/event-stream.ts";
import { corrupt, errorFrame, event, exception, message } from "../sims/kiro-frames.ts";
import { bodyOf } from "../upstream-body.ts";

const text = (frame: EventFrame): string => new TextDecoder().decode(frame.payload);

const frames = [
  event("assistantResponseEvent", { content: "héllo 🌊 世界" }),
  message({ ":message-type": "event", ":event-type": "empty" }),
  exception("ThrottlingException", "slow down"),
  errorFrame("Boom", "it broke"),
];
const stream = Buffer.concat(frames);

function decodeAll(parts: Uint8Array[]): EventFrame[] {
  const decoder = new EventStreamDecoder();
  const found = parts.flatMap((part) => decoder.push(part));
  decoder.finish();
  return found;
}

const whole = decodeAll([stream]);

test("messages come with their string headers and their payload", () => {
  expect(whole.map((frame) => frame.headers[":message-type"])).toEqual(["event", "event", "exception", "error"]);
  expect(text(whole[0]!)).toBe('{"content":"héllo 🌊 世界"}');
  expect(whole[3]?.headers[":error-message"]).toBe("it broke");
});

test("O8 a stream cut at any offset gives the same messages, split characters included", () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    expect(decodeAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
  }
});

test("a stream that comes byte by byte gives the same messages", () => {
  expect(decodeAll([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test("header types other than strings are read over", () => {
  const frame = message(
    {
      yes: { type: 0, bytes: new Uint8Array() },
      no: { type: 1, bytes: new Uint8Array() },
      int8: { type: 2, bytes: Uint8Array.of(1) },
      int16: { type: 3, bytes: Uint8Array.of(0, 1) },
      int32: { type: 4, bytes: new Uint8Array(4) },
      int64: { type: 5, bytes: new Uint8Array(8) },
      bytes: { type: 6, bytes: Uint8Array.of(0, 2, 7, 7) },
      at: { type: 8, bytes: new Uint8Array(8) },
      uuid: { type: 9, bytes: new Uint8Array(16) },
      ":event-type": "x",
    },
    "payload",
  );
  const [read] = decodeAll([frame]);
  expect(read?.headers).toEqual({ ":event-type": "x" });
  expect(text(read!)).toBe("payload");
});

test("messages before a broken one are still given", () => {
  const decoder = new EventStreamDecoder();
  expect(decoder.push(Buffer.concat([frames[0]!, corrupt(frames[0]!)]))).toEqual([whole[0]!]);
  expect(() => decoder.check()).toThrow(EventStreamError);
});

describe("broken streams end in an error", () => {
  const oversized = Buffer.from(frames[0]!);
  oversized.writeUInt32BE(oversized.length + 1);
  const cases: { name: string; bytes: Uint8Array; says: RegExp }[] = [
    { name: "a payload bit turned", bytes: corrupt(frames[0]!), says: /checksum/ },
    { name: "a length changed under the prelude's checksum", bytes: oversized, says: /checksum of a prelude/ },
    { name: "a page instead of messages", bytes: Buffer.from("<!doctype html><p>hello</p>"), says: /checksum/ },
    { name: "a message cut off", bytes: stream.subarray(0, stream.length - 1), says: /ended inside a message/ },
    {
      name: "an unknown header type",
      bytes: message({ x: { type: 12, bytes: new Uint8Array() } }),
      says: /header type/,
    },
    {
      name: "a header whose value is longer than the headers",
      bytes: message({ x: { type: 7, bytes: Uint8Array.of(0, 9, 65) } }, "payload"),
      says: /header is cut off/,
    },
    {
      name: "a header without a value",
      bytes: message({ x: { type: 6, bytes: new Uint8Array() } }, "payload"),
      says: /header is cut off/,
    },
  ];
  test.each(cases)("$name", ({ bytes, says }) => {
    expect(() => decodeAll([bytes])).toThrow(says);
    expect(() => decodeAll([bytes])).toThrow(EventStreamError);
  });
});

test("messages and streams longer than the caps are refused before they are held", () => {
  const big = event("x", { content: "y".repeat(2000) });
  const small = new EventStreamDecoder({ maxFrameBytes: 1000 });
  expect(small.push(big.subarray(0, 12))).toEqual([]);
  expect(() => small.check()).toThrow(/longer than 1000/);
  const short = new EventStreamDecoder({ maxBytes: 3000 });
  expect(short.push(big)).toHaveLength(1);
  expect(short.push(big)).toEqual([]);
  expect(() => short.check()).toThrow(/longer than 3000/);
});

test("reading yields the messages of one read together and cancels the body when left early", async () => {
  let cancelled = false;
  const body = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(stream.subarray(0, frames[0]!.length + 3));
        controller.enqueue(stream.subarray(frames[0]!.length + 3));
        controller.close();
      },
      cancel() {
        cancelled = true;
      },
    });
  const counts: number[] = [];
  for await (const batch of readEventStream(bodyOf(body()))) counts.push(batch.length);
  expect(counts).toEqual([1, 3]);
  const big = event("x", { content: "y" });
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(big),
    cancel() {
      cancelled = true;
    },
  });
  expect(cancelled).toBe(false);
  for await (const batch of readEventStream(bodyOf(endless))) if (batch.length > 0) break;
  expect(cancelled).toBe(true);
});

test("a broken message ends the reading at once, though more may come", async () => {
  const batches: number[] = [];
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.concat([event("x", {}), corrupt(event("x", { content: "y" }))])),
    cancel() {
      cancelled = true;
    },
  });
  const reading = async () => {
    for await (const batch of readEventStream(bodyOf(body))) batches.push(batch.length);
  };
  await expect(reading()).rejects.toThrow(EventStreamError);
  expect(batches).toEqual([1]);
  expect(cancelled).toBe(true);
});
