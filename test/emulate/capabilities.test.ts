import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatEvent, UpstreamEvent } from "../../src/chat/event.ts";
import type { ChatRequest, ImagePart, Message, Tool } from "../../src/chat/request.ts";
import type { Capabilities } from "../../src/chat/capabilities.ts";
import { prepare, supply } from "../../src/emulate/index.ts";
import { request } from "./requests.ts";

const ALL: Capabilities = {
  history: "messages",
  tools: true,
  images: "any",
  stop: true,
  maxOutputTokens: true,
  responseFormat: true,
};
/** What a web chat takes. A provider's capabilities are taken as they are. */
const TEXT: Capabilities = {
  ...ALL,
  history: "prompt",
  tools: false,
  images: "none",
  stop: false,
  maxOutputTokens: false,
  responseFormat: false,
};

const image: ImagePart = { type: "image", source: { kind: "url", url: "https://pictures.example/a.png" } };
const tool: Tool = { name: "now", description: "", parameters: {} };
const hi: Message = { role: "user", parts: [{ type: "text", text: "Hi" }] };
const empty: Message = { role: "assistant", parts: [] };

describe("prepare", () => {
  test("an upstream that takes everything gets the request as it is, without empty messages", () => {
    const full = request({
      messages: [hi, { role: "user", parts: [image] }],
      tools: [tool],
      toolChoice: { type: "required" },
      responseFormat: { type: "json" },
    });
    expect(prepare(full, ALL)).toEqual(full);
    expect(prepare(request({ messages: [hi, empty, hi] }), ALL).messages).toEqual([hi, hi]);
  });

  test("a history becomes one user message for an upstream that takes a prompt", () => {
    const { messages } = prepare(request({ messages: [hi, { ...hi, role: "assistant" }, hi] }), TEXT);
    expect(messages).toHaveLength(1);
    expect(messages[0]?.role).toBe("user");
    expect(messages[0]?.parts).toHaveLength(1);
    expect(prepare(request(), TEXT).messages).toEqual([hi]);
  });

  test("pictures go along with a prompt", () => {
    const messages: Message[] = [{ role: "user", parts: [...hi.parts, image] }, hi];
    expect(prepare(request({ messages }), { ...TEXT, images: "any" }).messages[0]?.parts.slice(1)).toEqual([image]);
  });

  test("calls and results in the history become text where there are no tools", () => {
    const called: Message = { role: "assistant", parts: [{ type: "tool-call", id: "1", name: "now", json: "{}" }] };
    const result: Message = {
      role: "user",
      parts: [{ type: "tool-result", callId: "1", content: [{ type: "text", text: "noon" }], isError: false }],
    };
    for (const history of ["prompt", "messages"] as const) {
      const { messages } = prepare(request({ messages: [hi, called, result] }), { ...TEXT, history });
      expect(messages.flatMap(({ parts }) => parts).every(({ type }) => type === "text")).toBe(true);
      expect(JSON.stringify(messages)).toContain("noon");
    }
  });

  test("tools that may not be called are left out", () => {
    const prepared = prepare(request({ tools: [tool], toolChoice: { type: "none" } }), TEXT);
    expect(prepared).toMatchObject({ tools: [], toolChoice: { type: "auto" } });
  });

  test("JSON without a schema is asked for in words", () => {
    const prepared = prepare(request({ responseFormat: { type: "json" } }), { ...ALL, responseFormat: false });
    expect(prepared.responseFormat).toEqual({ type: "text" });
    expect(prepared.messages).toHaveLength(2);
    expect(JSON.stringify(prepared.messages[0])).toContain("JSON object");
  });

  const refused: { name: string; asked: Partial<ChatRequest>; field: string; says: RegExp }[] = [
    {
      name: "a picture, by its place in the client's list",
      asked: { messages: [hi, empty, { role: "user", parts: [...hi.parts, image] }] },
      field: "messages[2].content",
      says: /text only: remove the image/,
    },
    {
      name: "a picture in a tool result",
      asked: {
        messages: [{ role: "user", parts: [{ type: "tool-result", callId: "1", content: [image], isError: false }] }],
      },
      field: "messages[0].content",
      says: /image/,
    },
    { name: "tools", asked: { tools: [tool] }, field: "tools", says: /leave `tools` out/ },
    {
      name: "a JSON schema",
      asked: { responseFormat: { type: "json-schema", name: "s", schema: {}, strict: true } },
      field: "response_format",
      says: /leave `response_format` out/,
    },
  ];
  test.each(refused)("a text-only upstream refuses $name", ({ asked, field, says }) => {
    try {
      prepare(request(asked), TEXT);
      throw new Error("it was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ kind: "invalid-request", field });
      expect(String(error)).toMatch(says);
    }
  });
});

describe("supply", () => {
  const text = (value: string): UpstreamEvent => ({ type: "text-delta", text: value });
  const end: UpstreamEvent = { type: "end", reason: "stop", usage: undefined };

  /** An upstream of these batches that notes how far it was read and that it was closed. */
  function upstream(batches: readonly (readonly UpstreamEvent[])[]) {
    const seen = { batches: 0, closed: false };
    async function* read(): AsyncGenerator<readonly UpstreamEvent[]> {
      try {
        for (const batch of batches) {
          seen.batches++;
          yield batch;
        }
      } finally {
        seen.closed = true;
      }
    }
    return { seen, stream: read() };
  }

  async function all(
    batches: readonly (readonly UpstreamEvent[])[],
    asked: Partial<ChatRequest> = {},
    capabilities = TEXT,
  ) {
    const { seen, stream } = upstream(batches);
    const out: (readonly ChatEvent[])[] = [];
    for await (const batch of supply(stream, request(asked), capabilities)) out.push(batch);
    return { out, events: out.flat(), seen };
  }

  test("batches stay batches, without progress, empty pieces and empty batches", async () => {
    const { out } = await all([
      [{ type: "progress" }],
      [text("a"), text(""), { type: "progress" }, text("b")],
      [],
      [
        { type: "reasoning-delta", text: "" },
        { type: "tool-call-delta", id: "1", json: "" },
      ],
      [text("c"), end],
    ]);
    expect(out.map((batch) => batch.map(({ type }) => type))).toEqual([
      ["text-delta", "text-delta"],
      ["text-delta", "end"],
    ]);
  });

  test("usage is always there", async () => {
    const { events } = await all([[text("I am"), end]]);
    expect(events.at(-1)).toMatchObject({ usage: { outputTokens: 3, estimated: true } });
  });

  test("a met stop sequence ends the answer and closes the upstream", async () => {
    const { events, seen } = await all([[text("one EN")], [text("D two"), text("three")], [text("four")], [end]], {
      stop: ["END"],
    });
    expect(events).toMatchObject([
      { type: "text-delta", text: "one " },
      { type: "end", reason: "stop-sequence", stopSequence: "END", usage: { estimated: true } },
    ]);
    expect(seen).toEqual({ batches: 2, closed: true });
  });

  test("a reached limit ends the answer and closes the upstream", async () => {
    const { events, seen } = await all([[text("one two three four five six")], [text("seven")], [end]], {
      maxOutputTokens: 3,
    });
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "length", usage: { outputTokens: 3 } });
    expect(seen).toEqual({ batches: 1, closed: true });
  });

  test("whichever of stop and limit comes first ends it, once", async () => {
    const batches = [[text("one two END three four five six seven eight")], [end]];
    const limit = await all(batches, { stop: ["END"], maxOutputTokens: 1 });
    const stop = await all(batches, { stop: ["END"], maxOutputTokens: 5 });
    const ends = [limit, stop].map(({ events }) => events.filter(({ type }) => type === "end"));
    expect(ends).toMatchObject([[{ reason: "length" }], [{ reason: "stop-sequence" }]]);
  });

  test("an upstream that keeps stops and limits itself is left to it", async () => {
    const { events } = await all([[text("one END two"), end]], { stop: ["END"], maxOutputTokens: 1 }, ALL);
    expect(events[0]).toEqual({ type: "text-delta", text: "one END two" });
  });

  test("nothing follows the end", async () => {
    const { events } = await all([[text("a"), end, text("late"), end], [text("later")]]);
    expect(events.map(({ type }) => type)).toEqual(["text-delta", "end"]);
  });

  test("L16 an upstream that stops without an end is an error after what it gave", async () => {
    const { seen, stream } = upstream([[text("half")]]);
    const out: ChatEvent[] = [];
    const read = async () => {
      for await (const batch of supply(stream, request(), TEXT)) out.push(...batch);
    };
    const error: unknown = await read().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ kind: "upstream-broken" });
    expect(out).toEqual([{ type: "text-delta", text: "half" }]);
    expect(seen.closed).toBe(true);
  });

  test("a client that leaves closes the upstream", async () => {
    const { seen, stream } = upstream([[text("a")], [text("b")], [end]]);
    for await (const batch of supply(stream, request(), TEXT)) if (batch.length > 0) break;
    expect(seen).toEqual({ batches: 1, closed: true });
  });

  test("what the upstream throws passes through", async () => {
    const failed = new GatewayError("rate-limited", "Too fast.");
    async function* failing(): AsyncGenerator<readonly UpstreamEvent[]> {
      yield [text("a")];
      throw failed;
    }
    const stream = supply(failing(), request(), TEXT)[Symbol.asyncIterator]();
    await stream.next();
    const error: unknown = await stream.next().catch((caught: unknown) => caught);
    expect(error).toBe(failed);
  });
});
