import { expect, test } from "bun:test";
import type { ChatEvent, UpstreamEvent } from "../../src/chat/event.ts";
import type { ChatRequest } from "../../src/chat/request.ts";
import { Supplier } from "../../src/emulate/supplier.ts";
import { ALL, request, TEXT } from "./requests.ts";

const text = (value: string): UpstreamEvent => ({ type: "text-delta", text: value });
const thought = (value: string): UpstreamEvent => ({ type: "reasoning-delta", text: value });
const end: UpstreamEvent = { type: "end", reason: "stop", usage: undefined };

/** What comes out for each of these batches, up to the one that ends the answer. */
function all(batches: readonly (readonly UpstreamEvent[])[], asked: Partial<ChatRequest> = {}, capabilities = TEXT) {
  const supplier = new Supplier(request(asked), capabilities);
  const out: (readonly ChatEvent[])[] = [];
  for (const batch of batches) {
    const given = supplier.add(batch);
    out.push(given);
    if (given.at(-1)?.type === "end") break;
  }
  return { out, events: out.flat() };
}

test("text that arrived together is one piece, without progress and empty pieces; batches stay apart", () => {
  const { out } = all([
    [{ type: "progress" }],
    [text("a"), text(""), { type: "progress" }, text("b")],
    [],
    [thought(""), { type: "tool-call-delta", id: "1", json: "" }],
    [text("c"), end],
  ]);
  expect(out).toMatchObject([[], [text("ab")], [], [], [text("c"), { type: "end" }]]);
});

test("text and thinking in turns keep their order, and so does what stands between them", () => {
  const start: UpstreamEvent = { type: "tool-call-start", id: "1", name: "now" };
  const piece = (json: string): UpstreamEvent => ({ type: "tool-call-delta", id: "1", json });
  const { out } = all([
    [thought("a"), thought("b"), text("c"), thought("d"), start, piece("{"), piece("}"), text("e"), text("f")],
  ]);
  expect(out).toEqual([[thought("ab"), text("c"), thought("d"), start, piece("{"), piece("}"), text("ef")]] as never);
});

test("usage is always there, the same however the text arrived", () => {
  const ends = [[[text("I am"), end]], [[text("I")], [text(" a"), text("m")], [end]]].map((batches) =>
    all(batches).events.at(-1),
  );
  expect(ends[0]).toMatchObject({ usage: { outputTokens: 3, estimated: true } });
  expect(ends[1]).toEqual(ends[0] as ChatEvent);
});

test("a met stop sequence ends the answer", () => {
  const { out } = all([[text("one EN")], [text("D two"), text("three")], [text("four")], [end]], { stop: ["END"] });
  expect(out).toMatchObject([
    [{ type: "text-delta", text: "one " }],
    [{ type: "end", reason: "stop-sequence", stopSequence: "END", usage: { estimated: true } }],
  ]);
});

test("a reached limit ends the answer", () => {
  const { out } = all([[text("one two three four"), text(" five six")], [text("seven")], [end]], {
    maxOutputTokens: 3,
  });
  expect(out).toHaveLength(1);
  expect(out[0]?.at(-1)).toMatchObject({ type: "end", reason: "length", usage: { outputTokens: 3 } });
});

test("whichever of stop and limit comes first ends it, once", () => {
  const batches = [[text("one two three END four five six seven eight")], [end]];
  const limit = all(batches, { stop: ["END"], maxOutputTokens: 2 });
  const stop = all(batches, { stop: ["END"], maxOutputTokens: 6 });
  const ends = [limit, stop].map(({ events }) => events.filter(({ type }) => type === "end"));
  expect(ends).toMatchObject([[{ reason: "length" }], [{ reason: "stop-sequence" }]]);
});

test("an upstream that keeps stops and limits itself is left to it", () => {
  const { events } = all([[text("one END two"), end]], { stop: ["END"], maxOutputTokens: 1 }, ALL);
  expect(events[0]).toEqual({ type: "text-delta", text: "one END two" });
});

test("nothing follows the end", () => {
  const { events } = all([[text("a"), end, text("late"), end], [text("later")]]);
  expect(events.map(({ type }) => type)).toEqual(["text-delta", "end"]);
});
