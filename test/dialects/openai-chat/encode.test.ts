import { describe, expect, test } from "bun:test";
import { collect } from "../../../src/chat/collect.ts";
import { FAILURES, type FailureKind, GatewayError } from "../../../src/chat/error.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { expectGolden } from "../../golden/golden.ts";
import { ANSWERS, HEAD, decoded, end, framesOf, streamOf, streamed, text } from "./answers.ts";

interface Chunk {
  id: string;
  created: number;
  model: string;
  object: string;
  usage?: unknown;
  choices: { index: number; delta: Record<string, unknown>; finish_reason: string | null }[];
}

const chunksOf = (stream: string): Chunk[] =>
  framesOf(stream)
    .filter((frame) => frame !== "[DONE]")
    .map((frame) => JSON.parse(frame) as Chunk);

const finishes = (stream: string) => chunksOf(stream).flatMap((chunk) => chunk.choices[0]?.finish_reason ?? []);
const whole = async (name: string) =>
  openaiChat.encodeWhole(await collect(streamOf(ANSWERS[name] ?? [])), decoded(), HEAD);

const NAMES = Object.keys(ANSWERS);

describe("stream", () => {
  test.each(NAMES)("%s is as its golden file", async (name) => {
    await expectGolden(`openai-chat/${name}.sse`, streamed(ANSWERS[name] ?? []));
  });

  test("a usage frame comes last, without choices, when it was asked for", async () => {
    const stream = streamed(ANSWERS.reasoning ?? [], { stream_options: { include_usage: true } });
    await expectGolden("openai-chat/reasoning-with-usage.sse", stream);
    const chunks = chunksOf(stream);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });
  });

  test.each(NAMES)("no usage in %s when it was not asked for", (name) => {
    expect(streamed(ANSWERS[name] ?? [])).not.toContain('"usage"');
  });

  test.each(NAMES)("%s has one id, one created time and one model in all its chunks, and the role first", (name) => {
    const chunks = chunksOf(streamed(ANSWERS[name] ?? []));
    for (const { id, created, model, object } of chunks) {
      expect({ id, created, model, object }).toEqual({
        id: "chatcmpl-0123456789abcdefghjk",
        created: HEAD.created,
        model: "LongCat",
        object: "chat.completion.chunk",
      });
    }
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
  });

  test.each(NAMES)("L9 %s ends with one [DONE]", (name) => {
    const frames = framesOf(streamed(ANSWERS[name] ?? []));
    expect(frames.filter((frame) => frame === "[DONE]")).toHaveLength(1);
    expect(frames.at(-1)).toBe("[DONE]");
  });

  test("L9 nothing follows the end, whatever comes after it", () => {
    const encoder = openaiChat.encodeStream(decoded({ stream: true }), HEAD);
    encoder.event(end("stop"));
    expect(encoder.event(text("late")) + encoder.event(end("stop"))).toBe("");
  });

  const reasons: [string, string][] = [
    ["text", "stop"],
    ["length", "length"],
    ["content-filter", "content_filter"],
    ["stop-sequence", "stop"],
    ["refusal", "content_filter"],
    ["tool-calls", "tool_calls"],
    ["calls-only", "tool_calls"],
    ["nothing", "stop"],
  ];
  test.each(reasons)("L10 %s has exactly one finish reason, %s", (name, finish) => {
    expect(finishes(streamed(ANSWERS[name] ?? []))).toEqual([finish]);
  });

  test("a tool call has its id and name in its first delta alone, and its own index in all", () => {
    const calls = chunksOf(streamed(ANSWERS["tool-calls"] ?? [])).flatMap(
      (chunk) => (chunk.choices[0]?.delta.tool_calls ?? []) as Record<string, unknown>[],
    );
    expect(calls.map((call) => call.id ?? "")).toEqual(["call_a", "", "call_b", "", "", "", "call_c", ""]);
    expect(calls.map((call) => call.index)).toEqual([0, 0, 1, 1, 0, 1, 2, 2]);
  });

  test("two calls under one id stay two calls", () => {
    const call = [
      { type: "tool-call-start", id: "call_a", name: "now" } as const,
      { type: "tool-call-delta", id: "call_a", json: "{}" } as const,
    ];
    const chunks = chunksOf(streamed([...call, ...call, end("tool-calls")]));
    const indexes = chunks.flatMap((chunk) => (chunk.choices[0]?.delta.tool_calls ?? []) as { index: number }[]);
    expect(indexes.map(({ index }) => index)).toEqual([0, 0, 1, 1]);
  });

  test("a text of every kind of character comes back byte for byte", () => {
    let all = "";
    for (let code = 0; code < 0x1_0000; code += 7) if (code < 0xd800 || code > 0xdfff) all += String.fromCharCode(code);
    all += "👩‍👩‍👧🇩🇪𠮷";
    const pieces = chunksOf(streamed([text(all), end("stop")])).map((chunk) => chunk.choices[0]?.delta.content);
    expect(pieces.filter((piece) => typeof piece === "string").join("")).toBe(all);
  });

  test("a stream that broke ends with an error frame and no [DONE]", async () => {
    const encoder = openaiChat.encodeStream(decoded({ stream: true }), HEAD);
    const broken = new GatewayError(
      "upstream-broken",
      "The upstream closed the connection in the middle of its answer.",
    );
    const stream = encoder.start() + encoder.event(text("Half an ans")) + encoder.failure(broken);
    await expectGolden("openai-chat/broken.sse", stream + encoder.event(end("stop")));
    expect(stream).not.toContain("[DONE]");
    expect(finishes(streamed([text("a")]))).toEqual([]);
  });
});

describe("whole", () => {
  test.each(NAMES)("%s is as its golden file", async (name) => {
    await expectGolden(`openai-chat/${name}.json`, `${JSON.stringify(await whole(name), null, 2)}\n`);
  });

  test("content is null only beside tool calls", async () => {
    expect(await whole("calls-only")).toMatchObject({ choices: [{ message: { content: null } }] });
    expect(await whole("nothing")).toMatchObject({ choices: [{ message: { content: "" } }] });
  });
});

describe("failure", () => {
  const kinds = Object.keys(FAILURES) as FailureKind[];
  const body = (error: GatewayError) => openaiChat.encodeFailure(error, HEAD.requestId);

  test("each kind has the type and code that clients act on", async () => {
    const lines = kinds.map((kind) => {
      const { error } = body(new GatewayError(kind, "Words.")) as { error: { type: string; code: string | null } };
      return `${kind}: ${FAILURES[kind].status} ${error.type} ${error.code}`;
    });
    await expectGolden("openai-chat/failures.txt", `${lines.join("\n")}\n`);
  });

  test("the message ends with the request's id and the field of the request is named", () => {
    const wrong = new GatewayError("invalid-request", "`n` must be 1.", { field: "n" });
    expect(body(wrong)).toEqual({
      error: {
        message: `\`n\` must be 1. (request ${HEAD.requestId})`,
        type: "invalid_request_error",
        param: "n",
        code: null,
      },
    });
  });

  test("a field of the upstream's answer is no param of the request", () => {
    const changed = new GatewayError("upstream-changed", "The upstream changed.", { field: "data.conversationId" });
    expect(body(changed)).toMatchObject({ error: { param: null, code: "upstream_error" } });
  });

  test("what lies beneath an error is not told", () => {
    const error = new GatewayError("internal", "A mistake.", { cause: new Error("secret cause") });
    expect(JSON.stringify(body(error))).not.toContain("secret");
  });
});
