import { describe, expect, test } from "bun:test";
import { collect } from "../../src/chat/collect.ts";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatEvent, ChatStream } from "../../src/chat/event.ts";
import { streamFrom } from "./streams.ts";

const usage = { inputTokens: 1, outputTokens: 2, estimated: false };
const end: ChatEvent = { type: "end", reason: "stop", usage };
const text = (value: string): ChatEvent => ({ type: "text-delta", text: value });
const thought = (value: string): ChatEvent => ({ type: "reasoning-delta", text: value });

const batches = (...all: (readonly ChatEvent[])[]): ChatStream =>
  streamFrom(
    (async function* () {
      yield* all;
    })(),
  );
const partsOf = async (...events: ChatEvent[]) => (await collect(batches(events))).parts;

describe("collect", () => {
  test("joins neighbours of one kind, across batches and past empty ones", async () => {
    const result = await collect(batches([thought("a")], [], [thought("b"), text("c")], [text("d"), end]));
    expect(result).toEqual({
      parts: [
        { type: "reasoning", text: "ab" },
        { type: "text", text: "cd" },
      ],
      citations: [],
      reason: "stop",
      usage,
    });
  });

  test("a signature closes its thinking; the next thinking is another part", async () => {
    const signed: ChatEvent = { type: "reasoning-signature", signature: "s" };
    expect(await partsOf(thought("a"), signed, thought("b"), end)).toEqual([
      { type: "reasoning", text: "a", signature: "s" },
      { type: "reasoning", text: "b" },
    ]);
  });

  test("encrypted thinking stands alone", async () => {
    expect(await partsOf({ type: "reasoning-signature", redacted: "x" }, end)).toEqual([
      { type: "reasoning", text: "", redacted: "x" },
    ]);
  });

  test("interleaved calls keep their own arguments, and one without any has an empty object", async () => {
    const start = (id: string): ChatEvent => ({ type: "tool-call-start", id, name: `n${id}` });
    const delta = (id: string, json: string): ChatEvent => ({ type: "tool-call-delta", id, json });
    const events = [start("1"), start("2"), delta("1", '{"a"'), delta("2", "[]"), delta("1", ":1}"), start("3"), end];
    expect(await partsOf(...events)).toEqual([
      { type: "tool-call", id: "1", name: "n1", json: '{"a":1}' },
      { type: "tool-call", id: "2", name: "n2", json: "[]" },
      { type: "tool-call", id: "3", name: "n3", json: "{}" },
    ]);
  });

  test("O5 two equal calls under one id stay two calls", async () => {
    const call: ChatEvent[] = [
      { type: "tool-call-start", id: "1", name: "n" },
      { type: "tool-call-delta", id: "1", json: "{}" },
    ];
    expect(await partsOf(...call, ...call, end)).toEqual([
      { type: "tool-call", id: "1", name: "n", json: "{}" },
      { type: "tool-call", id: "1", name: "n", json: "{}" },
    ]);
  });

  test("the upstream's whole text replaces the pieces, in the place of the first", async () => {
    const call: ChatEvent = { type: "tool-call-start", id: "1", name: "n" };
    const whole: ChatEvent = { type: "end", reason: "stop", usage, text: "right" };
    expect(await partsOf(thought("a"), text("wro"), call, text("ng"), whole)).toMatchObject([
      { type: "reasoning" },
      { type: "text", text: "right" },
      { type: "tool-call" },
    ]);
    expect(await partsOf(thought("a"), whole)).toMatchObject([{ type: "reasoning" }, { type: "text", text: "right" }]);
  });

  test("sources and the met stop sequence come along", async () => {
    const citations = [{ title: "t", url: "https://a.example/" }];
    const met: ChatEvent = { type: "end", reason: "stop-sequence", stopSequence: "#", usage };
    const result = await collect(batches([{ type: "citations", citations }, met]));
    expect(result).toMatchObject({ citations, reason: "stop-sequence", stopSequence: "#" });
  });

  test("an answer that breaks off is an error, never a short answer", async () => {
    const breaking = async function* (): AsyncGenerator<readonly ChatEvent[]> {
      yield [text("half")];
      throw new GatewayError("upstream-broken", "words");
    };
    const error: unknown = await collect(streamFrom(breaking())).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: "upstream-broken" });
  });

  test("nothing is read beyond the end", async () => {
    let reads = 0;
    const endless = async function* (): AsyncGenerator<readonly ChatEvent[]> {
      for (;;) yield ++reads < 3 ? [text("a")] : [end];
    };
    expect((await collect(streamFrom(endless()))).parts).toEqual([{ type: "text", text: "aa" }]);
    await Promise.resolve();
    expect(reads).toBe(3);
  });
});
