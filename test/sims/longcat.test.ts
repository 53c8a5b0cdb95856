import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chat, contentsOf, create, type Frame, framesOf, readsOf, TOKEN } from "./longcat-client.ts";
import {
  answer,
  type AnswerOptions,
  DEFAULT_ANSWER,
  fail,
  Gate,
  hostile,
  type LongcatSim,
  SEARCH_SHAPES,
  startLongcatSim,
  type Wire,
} from "./longcat.ts";

let sim: LongcatSim;

beforeEach(async () => {
  sim = await startLongcatSim();
});
afterEach(() => sim.stop());

async function play(text: string | string[], options: AnswerOptions & { wire?: Wire } = {}): Promise<Frame[]> {
  sim.account(TOKEN).next("chat", answer(text, options));
  return framesOf(await (await chat(sim, await create(sim))).text());
}

describe("formats", () => {
  const formats: [NonNullable<AnswerOptions["format"]>, (frames: Frame[]) => unknown, unknown][] = [
    ["v2", contentsOf, ["你好", "🐈", "!"]],
    ["v2-cumulative", contentsOf, ["你好", "你好🐈", "你好🐈!"]],
    ["legacy", (frames) => frames.map(({ choices }) => choices?.[0]?.delta.content), ["你好", "🐈", "!", null]],
    ["legacy-cumulative", (frames) => frames.map(({ content }) => content), ["你好", "你好🐈", "你好🐈!", "你好🐈!"]],
    ["legacy-delta", (frames) => frames.map(({ content }) => content), [null, null, null, null]],
    [
      "mixed",
      (frames) => frames.map(({ event, content }) => event?.type ?? content),
      ["create", "content", "你好🐈", "content", "finish"],
    ],
  ];
  test.each(formats)("%s frames carry the pieces their way", async (format, view, expected) => {
    sim.account(TOKEN);
    expect(view(await play(["你好", "🐈", "!"], { format }))).toEqual(expected);
  });

  test("a string answer is chopped and joins to itself, and the path chooses the format", async () => {
    sim.account(TOKEN);
    const v2 = framesOf(await (await chat(sim, await create(sim))).text());
    expect(contentsOf(v2).join("")).toBe(DEFAULT_ANSWER);
    expect(v2.at(-1)).toMatchObject({ event: { type: "finish", finalContentX: DEFAULT_ANSWER }, lastOne: true });
    const legacy = framesOf(await (await chat(sim, await create(sim), "legacy")).text());
    expect(legacy.at(-1)).toMatchObject({ content: DEFAULT_ANSWER, contentStatus: "FINISHED", lastOne: true });
  });

  test("thinking, preamble, summary and search come before the answer", async () => {
    sim.account(TOKEN);
    const search = Object.values(SEARCH_SHAPES);
    const frames = await play(["A"], {
      thinking: ["t1", "t2"],
      thinkingType: "reason",
      preamble: ["pre"],
      summary: "s",
      search,
    });
    expect(frames.map(({ event }) => event?.type)).toEqual([
      "create",
      "reason",
      "reason",
      "content",
      "reason",
      "summary",
      "common_search",
      "general_search",
      "local_life_search",
      "search",
      "common_search",
      "content",
      "finish",
    ]);
    expect(frames.slice(6, 11).map(({ event }) => event?.content)).toEqual(search as unknown[]);
  });

  const ends: [string, AnswerOptions, Partial<Frame>[]][] = [
    ["another final text", { final: "B" }, [{ event: { type: "finish", finalContentX: "B" } as Frame["event"] & {} }]],
    [
      "finalContent",
      { finalField: "finalContent" },
      [{ event: { type: "finish", finalContent: "A" } as Frame["event"] & {} }],
    ],
    [
      "sensitive",
      { finishType: "sensitive" },
      [{ event: { type: "finish", finishType: "sensitive" } as Frame["event"] & {} }],
    ],
    ["lastOne in its own frame", { lastOne: "after-finish" }, [{ lastOne: false }, { lastOne: true }]],
    [
      "lastOne without finish",
      { lastOne: "without-finish" },
      [{ event: { type: "content" } as Frame["event"] & {}, lastOne: true }],
    ],
    ["no lastOne", { lastOne: "never" }, [{ lastOne: false }]],
  ];
  test.each(ends)("the end can be: %s", async (_, options, tail) => {
    sim.account(TOKEN);
    expect((await play(["A"], options)).slice(2)).toMatchObject(tail);
  });

  test("no final text leaves finalContentX out", async () => {
    sim.account(TOKEN);
    expect((await play(["A"], { final: false })).at(-1)?.event).not.toHaveProperty("finalContentX");
  });
});

describe("bytes", () => {
  test("every cut, line end and spacing gives the same frames", async () => {
    sim.account(TOKEN);
    for (const eol of ["\n", "\r", "\r\n"] as const) {
      for (const cut of ["frames", "whole", "bytes", 7, [1, 2, 50]] as const) {
        const wire: Wire = { eol, cut: typeof cut === "object" ? [...cut] : cut, space: cut === "whole" };
        expect(contentsOf(await play(["a🐈", "b"], { wire }))).toEqual(["a🐈", "b"]);
      }
    }
  });

  test("a cut at an offset arrives as two reads that part there", async () => {
    const cutGate = new Gate();
    sim.account(TOKEN).next("chat", answer(["🐈"], { wire: { cut: [100, 300], cutGate } }));
    const reads = await readsOf(await chat(sim, await create(sim)), cutGate, 2);
    expect(reads.slice(0, 2).map(({ length }) => length)).toEqual([100, 200]);
    expect(reads).toHaveLength(3);
  });

  test("a JSON error can be split over two segments", async () => {
    const cutGate = new Gate();
    sim.account(TOKEN).next("chat", fail.code(429, "slow", { wire: { cut: 1, cutGate } }));
    const reads = await readsOf(await chat(sim, await create(sim)), cutGate, 1);
    expect(reads[0]?.toString()).toBe("{");
    expect(JSON.parse(Buffer.concat(reads).toString())).toMatchObject({ code: 429, message: "slow" });
  });

  test("a gate releases one frame at a time, and until follows the stream", async () => {
    const gate = new Gate();
    sim.account(TOKEN).next("chat", answer(["a", "b"], { gate }));
    const response = await chat(sim, await create(sim));
    const reader = response.body?.getReader();
    await gate.arrived();
    expect(sim.openStreams()).toBe(1);
    gate.release();
    expect(framesOf(Buffer.from((await reader?.read())?.value ?? []).toString())).toHaveLength(1);
    gate.open();
    while (!(await reader?.read())?.done);
    await sim.until(() => sim.openStreams() === 0);
    expect(sim.conversations[0]?.turns[0]?.outcome).toBe("finished");
  });
});

describe("breaks", () => {
  test.each(["cut", "reset"] as const)("%s mid-stream fails the client's read", async (breakBy) => {
    sim.account(TOKEN).next("chat", answer(["a", "b"], { breakAfter: 1, breakBy }));
    const response = await chat(sim, await create(sim));
    expect(await response.text().catch((error: unknown) => error)).toBeInstanceOf(Error);
    await sim.until(() => sim.conversations[0]?.turns[0]?.outcome === "broken");
  });

  test("eof ends the body early without an end frame", async () => {
    sim.account(TOKEN);
    const frames = await play(["a", "b"], { breakAfter: 1, breakBy: "eof" });
    expect(frames.map(({ event }) => event?.type)).toEqual(["create", "content"]);
  });

  test.each([
    ["before the head", fail.hangBeforeHead()],
    ["before a frame", fail.hangBeforeFrame()],
    ["mid-stream", answer(["a"], { breakAfter: 1, breakBy: "hang" })],
    ["while only comments come", fail.comments()],
    ["at a gate", answer(["a"], { gate: new Gate() })],
    ["on a huge line", hostile.hugeLine(200_000)],
  ])("a client that leaves %s is seen as aborted", async (_, behaviour) => {
    sim.account(TOKEN).next("chat", behaviour);
    const leave = new AbortController();
    const response = chat(sim, await create(sim), "v2", { signal: leave.signal }).then((answered) => answered.text());
    response.catch(() => {});
    await sim.until(() => sim.openStreams() === 1);
    leave.abort();
    await sim.until(() => sim.aborted.length === 1);
    expect(sim.openStreams()).toBe(0);
  });

  test("a socket kept open after the end is no abort when the client leaves", async () => {
    sim.account(TOKEN).next("chat", answer(["a"], { after: "hang" }));
    const leave = new AbortController();
    const response = await chat(sim, await create(sim), "v2", { signal: leave.signal });
    const reader = response.body?.getReader();
    await sim.until(() => sim.conversations[0]?.turns[0]?.outcome === "finished");
    await reader?.read();
    leave.abort();
    await sim.until(() => sim.openStreams() === 0);
    expect(sim.aborted).toEqual([]);
  });

  test("hostile bytes stand inside an otherwise good turn", async () => {
    sim.account(TOKEN).next("chat", hostile.malformedEvent(["a", "b"]), hostile.invalidUtf8(["a", "b"]));
    const malformed = await (await chat(sim, await create(sim))).text();
    expect(() => framesOf(malformed)).toThrow();
    const bytes = Buffer.from(await (await chat(sim, await create(sim))).arrayBuffer());
    expect(bytes.includes(0xff)).toBe(true);
    expect(bytes.includes("finalContentX")).toBe(true);
  });

  test("the gzip bomb is small on the wire and large unpacked", async () => {
    sim.account(TOKEN).next("chat", hostile.gzipBomb(5_000_000));
    expect((await (await chat(sim, await create(sim))).text()).length).toBeGreaterThan(5_000_000);
  });
});

describe("errors", () => {
  test("an error frame and both error events come inside a stream, after text", async () => {
    sim
      .account(TOKEN)
      .next(
        "chat",
        fail.frame(429, "slow", { after: ["a"] }),
        fail.event("bad", { type: "eventError", field: "content" }),
      );
    const first = framesOf(await (await chat(sim, await create(sim))).text());
    expect(first.at(-1)).toMatchObject({ code: 429, message: "slow" });
    expect(contentsOf(first)).toEqual(["a"]);
    const second = framesOf(await (await chat(sim, await create(sim))).text());
    expect(second.at(-1)?.event).toMatchObject({ type: "eventError", content: "bad" });
  });

  test.each([
    [
      "status",
      fail.status(429, "slow", { retryAfter: "Wed, 21 Oct 2037 07:28:00 GMT" }),
      429,
      "retry-after",
      "Wed, 21 Oct 2037 07:28:00 GMT",
    ],
    ["cloudflare", fail.cloudflare(), 403, "cf-mitigated", "challenge"],
    ["html", fail.html(), 200, "content-type", "text/html"],
    ["teapot", fail.teapot(), 418, "content-length", "2"],
    ["redirect", fail.redirect(), 302, "location", "https://passport.invalid/login"],
  ])("%s answers with its status and header", async (_, behaviour, status, name, value) => {
    sim.account(TOKEN).next("chat", behaviour);
    const response = await chat(sim, await create(sim));
    expect([response.status, response.headers.get(name)]).toEqual([status, value]);
    await response.text();
  });
});
