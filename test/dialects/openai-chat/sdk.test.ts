import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { collect } from "../../../src/chat/collect.ts";
import { FAILURES, type FailureKind, GatewayError } from "../../../src/chat/error.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { ANSWERS, HEAD, streamOf, text } from "./answers.ts";

/** A server as small as can be: the model names the answer of `answers.ts`, `fail:kind` or `break:kind`. */
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(http) {
    const request = openaiChat.decode(await http.json(), http.headers, { id: HEAD.requestId, receivedAt: 0 });
    const [name = "", kind] = (request.model ?? "").split(":");
    const error = new GatewayError((kind ?? "internal") as FailureKind, "It went wrong.", { field: "messages" });
    if (name === "fail") {
      return Response.json(openaiChat.encodeFailure(error, HEAD.requestId), {
        status: error.status,
        headers: { "x-should-retry": "false", "x-request-id": HEAD.requestId },
      });
    }
    const events = ANSWERS[name] ?? [];
    if (!request.stream) {
      return Response.json(openaiChat.encodeWhole(await collect(streamOf(events)), request, HEAD));
    }
    const encoder = openaiChat.encodeStream(request, HEAD);
    const frames =
      name === "break"
        ? encoder.start() + encoder.event(text("Half")) + encoder.failure(error)
        : encoder.start() + events.map((event) => encoder.event(event)).join("");
    return new Response(frames, { headers: { "content-type": "text/event-stream" } });
  },
});

let client: OpenAI;
beforeAll(() => {
  client = new OpenAI({ baseURL: `${server.url.origin}/v1`, apiKey: "sk-test" });
});
afterAll(() => server.stop(true));

const messages = [{ role: "user", content: "Hi" }] as const;
const ask = (model: string) => ({ model, messages: [...messages] });

describe("the official SDK", () => {
  const answers: [string, string | null, string][] = [
    ["text", 'Hello, 世界 👋🏽\n"quoted" \\ \u2028', "stop"],
    ["reasoning", "Then answer.", "stop"],
    ["length", "Cut", "length"],
    ["content-filter", "No", "content_filter"],
    ["stop-sequence", "Until here", "stop"],
    ["citations", "Found it.", "stop"],
  ];
  test.each(answers)("reads %s whole and streamed alike", async (model, content, finish) => {
    const whole = await client.chat.completions.create(ask(model));
    expect(whole.choices[0]).toMatchObject({ finish_reason: finish as "stop", message: { content } });
    expect(whole.usage?.total_tokens).toBe(18);
    const stream = await client.chat.completions.create({
      ...ask(model),
      stream: true,
      stream_options: { include_usage: true },
    });
    let streamed = "";
    let usage: OpenAI.CompletionUsage | undefined;
    for await (const chunk of stream) {
      streamed += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(streamed).toBe(content ?? "");
    expect(usage?.total_tokens).toBe(18);
  });

  test("joins interleaved tool calls to whole arguments", async () => {
    const final = await client.chat.completions.stream(ask("tool-calls")).finalChatCompletion();
    const whole = await client.chat.completions.create(ask("tool-calls"));
    for (const { choices } of [final, whole]) {
      expect(choices[0]?.finish_reason).toBe("tool_calls");
      const calls = choices[0]?.message.tool_calls ?? [];
      expect(
        calls.map((call) => call.type === "function" && [call.id, call.function.name, call.function.arguments]),
      ).toEqual([
        ["call_a", "get_weather", '{"city":"Zürich"}'],
        ["call_b", "get_time", '{"zone":"Asia/Tokyo"}'],
        ["call_c", "now", "{}"],
      ]);
    }
  });

  test("finds the sources as annotations", async () => {
    const { choices } = await client.chat.completions.create(ask("citations"));
    expect(choices[0]?.message.annotations?.map(({ url_citation: cited }) => cited.url)).toEqual([
      "https://one.example/a?b=c",
      "https://two.example/",
    ]);
  });

  const classes: [FailureKind, string][] = [
    ["invalid-request", "BadRequestError"],
    ["unauthorized", "AuthenticationError"],
    ["forbidden-model", "PermissionDeniedError"],
    ["unknown-model", "NotFoundError"],
    ["rate-limited", "RateLimitError"],
    ["upstream-broken", "InternalServerError"],
  ];
  test.each(classes)("throws %s as its %s", async (kind, name) => {
    const error: unknown = await client.chat.completions.create(ask(`fail:${kind}`)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(APIError);
    if (!(error instanceof APIError)) return;
    expect(error.constructor.name).toBe(name);
    expect(error.status).toBe(FAILURES[kind].status);
    expect(error.message).toContain(`(request ${HEAD.requestId})`);
    expect(error.requestID).toBe(HEAD.requestId);
  });

  test("throws when a stream breaks, and keeps what came before", async () => {
    let streamed = "";
    const read = async () => {
      const stream = await client.chat.completions.create({ ...ask("break:upstream-timeout"), stream: true });
      for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
    };
    const error: unknown = await read().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(APIError);
    expect(String(error)).toContain("It went wrong.");
    expect(streamed).toContain("Half");
  });
});
