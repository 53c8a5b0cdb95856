import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatEvent, ChatReader, ChatStream } from "../../src/chat/event.ts";
import type { StreamEncoder } from "../../src/dialects/dialect.ts";
import { PING_MS, streamBody } from "../../src/http/stream.ts";
import { Aborter } from "../../src/lib/abort.ts";
import { Agenda } from "../../src/lib/agenda.ts";
import { VirtualClock } from "../virtual-clock.ts";

const encoder: StreamEncoder = {
  start: () => "<start>",
  event: (event) => (event.type === "text-delta" ? event.text : `<${event.type}>`),
  failure: (error) => `<failed ${error.kind}>`,
};

const END: ChatEvent = {
  type: "end",
  reason: "stop",
  usage: { inputTokens: 1, outputTokens: 1, estimated: false },
};
const text = (value: string): ChatEvent => ({ type: "text-delta", text: value });

/** An answer whose batches the test hands out, and which knows how far it was read. */
function scripted() {
  const waiting: ChatReader[] = [];
  const ready: ((reader: ChatReader) => void)[] = [];
  const seen = { reads: 0, cancelled: false };
  const give = (step: (reader: ChatReader) => void) => {
    const reader = waiting.shift();
    if (reader) step(reader);
    else ready.push(step);
  };
  const stream: ChatStream = {
    read(reader) {
      seen.reads++;
      const step = ready.shift();
      if (step) step(reader);
      else waiting.push(reader);
    },
    cancel() {
      seen.cancelled = true;
    },
  };
  return {
    stream,
    seen,
    batch: (...events: ChatEvent[]) => give((reader) => reader.came(events)),
    fail: (error: Error) => give((reader) => reader.failed(error)),
  };
}

function open(answer: Promise<ChatStream>) {
  const clock = new VirtualClock();
  const calls = { left: 0, ended: 0, failed: [] as string[] };
  const body = streamBody(answer, {
    encoder,
    clock,
    agenda: new Agenda(clock),
    turn: { leave: () => calls.left++, end: () => calls.ended++ },
    failed: (error) => calls.failed.push(error.kind),
  });
  const reader = body.getReader();
  const read = async () => {
    const { value, done } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  };
  return { clock, calls, reader, read };
}

test("what arrived together goes out in one write, the start with the first", async () => {
  const script = scripted();
  const { read, calls } = open(Promise.resolve(script.stream));
  script.batch(text("a"), text("b"));
  script.batch(text("c"));
  script.batch(END);
  expect(await read()).toBe("<start>ab");
  expect(await read()).toBe("c");
  expect(await read()).toBe("<end>");
  expect(await read()).toBeUndefined();
  expect(calls).toEqual({ left: 0, ended: 1, failed: [] });
});

test("the end event ends the body with the same write, and nothing more is read", async () => {
  const script = scripted();
  const { read, calls, clock } = open(Promise.resolve(script.stream));
  script.batch(text("a"), END);
  expect(await read()).toBe("<start>a<end>");
  expect(calls).toEqual({ left: 0, ended: 1, failed: [] });
  expect(await read()).toBeUndefined();
  expect(script.seen).toEqual({ reads: 1, cancelled: false });
  await clock.advance(PING_MS);
  expect(clock.pending).toBe(0);
});

test("a batch without anything to say writes nothing", async () => {
  const script = scripted();
  const { read } = open(Promise.resolve(script.stream));
  script.batch(text("a"));
  script.batch();
  script.batch(text("b"));
  expect(await read()).toBe("<start>a");
  expect(await read()).toBe("b");
});

test("silence is filled with a comment every 15 seconds, before and after the first event", async () => {
  const script = scripted();
  const { clock, read } = open(Promise.resolve(script.stream));
  const first = read();
  await clock.advance(15_000);
  expect(await first).toBe(": ping\n\n");
  const afterComment = read();
  script.batch(text("a"));
  expect(await afterComment).toBe("<start>a");
  expect(script.seen.reads).toBe(1);
  const second = read();
  await clock.advance(14_999);
  expect(await Promise.race([second, Promise.resolve("still waiting")])).toBe("still waiting");
  await clock.advance(1);
  expect(await second).toBe(": ping\n\n");
});

test("a failure after the first byte is the dialect's last frame", async () => {
  const script = scripted();
  const { read, calls } = open(Promise.resolve(script.stream));
  script.batch(text("a"));
  script.fail(new GatewayError("upstream-broken", "words"));
  expect(await read()).toBe("<start>a");
  expect(await read()).toBe("<failed upstream-broken>");
  expect(await read()).toBeUndefined();
  expect(calls).toEqual({ left: 0, ended: 1, failed: ["upstream-broken"] });
});

test("an answer that never came about fails in a frame too", async () => {
  const { read } = open(Promise.reject(new GatewayError("no-account", "words")));
  expect(await read()).toBe("<start><failed no-account>");
  expect(await read()).toBeUndefined();
});

test("a thrown mistake of our own is a frame without its text", async () => {
  const script = scripted();
  const { read } = open(Promise.resolve(script.stream));
  script.fail(new TypeError("secret detail"));
  expect(await read()).toBe("<start><failed internal>");
});

test("nothing is read ahead of a client that does not read", async () => {
  const script = scripted();
  const { clock, read } = open(Promise.resolve(script.stream));
  for (let i = 0; i < 10; i++) script.batch(text("x"));
  await read();
  await clock.advance(1);
  expect(script.seen.reads).toBeLessThanOrEqual(2);
});

test("a client that reads nothing for 120 seconds is let go", async () => {
  const script = scripted();
  const { clock, calls, read } = open(Promise.resolve(script.stream));
  script.batch(text("a"));
  await read();
  await clock.advance(119_000);
  expect(calls.ended).toBe(0);
  await clock.advance(16_000);
  expect(calls).toMatchObject({ left: 1, ended: 1 });
  expect(script.seen.cancelled).toBe(true);
  await clock.advance(PING_MS);
  expect(clock.pending).toBe(0);
});

test("a client that hangs up ends the answer once", async () => {
  const script = scripted();
  const { clock, calls, reader, read } = open(Promise.resolve(script.stream));
  script.batch(text("a"));
  await read();
  await reader.cancel();
  expect(calls).toMatchObject({ left: 1, ended: 1 });
  expect(script.seen.cancelled).toBe(true);
  await clock.advance(PING_MS);
  expect(clock.pending).toBe(0);
});

test("a client that hangs up in the middle of a read is told nothing, and everybody else hears of it", async () => {
  const turn = new Aborter();
  const failed: string[] = [];
  const heard: string[] = [];
  const left = new GatewayError("cancelled", "The client left.");
  const stream: ChatStream = {
    read: (reader) => turn.addEventListener("abort", () => reader.failed(left)),
    cancel: () => heard.push("the stream"),
  };
  const clock = new VirtualClock();
  const body = streamBody(stream, {
    encoder,
    clock,
    agenda: new Agenda(clock),
    turn: { leave: () => turn.abort(left), end: () => heard.push("the end") },
    failed: ({ kind }) => failed.push(kind),
  });
  const reader = body.getReader();
  const pending = reader.read();
  await clock.advance(0);
  turn.addEventListener("abort", () => heard.push("a later listener"));
  await reader.cancel();
  expect(heard).toEqual(["a later listener", "the stream", "the end"]);
  expect(failed).toEqual([]);
  expect(await pending).toMatchObject({ done: true });
});

test("an answer that fails after a client hung up without a read fails unseen", async () => {
  const { promise, reject } = Promise.withResolvers<ChatStream>();
  const { calls, clock, reader } = open(promise);
  await reader.cancel();
  reject(new GatewayError("no-account", "words"));
  await clock.advance(0);
  expect(calls).toEqual({ left: 1, ended: 1, failed: [] });
});
