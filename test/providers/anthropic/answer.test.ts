import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import type { UpstreamEvent } from "../../../src/chat/event.ts";
import { createAnthropic } from "../../../src/providers/anthropic/index.ts";
import {
  block,
  callBlock,
  error,
  json,
  plain,
  reset,
  silent,
  start,
  startAnthropicSim,
  steps,
  stop,
  STOPPED,
  stream,
  textBlock,
  textEvents,
  type Json,
  type ServiceSim,
} from "../../sims/anthropic.ts";
import type { Step } from "../../sims/sse-body.ts";
import { chatRequest, listen, testContext } from "../context.ts";
import { ask, loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startAnthropicSim();
});
afterAll(async () => {
  expect(sim.violations).toEqual([]);
  await sim.stop();
});

const TEXT = "Hello 🐈 你好，世界";
const kindOf = ({ error: thrown }: { error: unknown }): FailureKind | undefined =>
  thrown instanceof GatewayError ? thrown.kind : undefined;
const [finish] = stop();
const said = textBlock(0, TEXT);

describe("the end", () => {
  const whole: { name: string; steps: Step[] }[] = [
    { name: "message_delta and message_stop", steps: steps(...textEvents(TEXT)) },
    { name: "R2 no message_stop", steps: steps(start(), ...said, finish as Json) },
    { name: "R2 no message_delta", steps: steps(start(), ...said, STOPPED) },
    { name: "[DONE] in place of message_stop", steps: [...steps(start(), ...said, finish as Json), { frame: "[DONE]" }] },
    { name: "no event lines", steps: textEvents(TEXT).map((frame) => ({ frame })) },
    { name: "no message_start", steps: steps(...said, ...stop()) },
    { name: "no content_block_stop", steps: steps(start(), ...said.slice(0, -1), ...stop()) },
    { name: "no content_block_start", steps: steps(start(), ...said.slice(1), ...stop()) },
    { name: "text within the block's start", steps: steps(start(), ...block(0, { type: "text", text: TEXT }), ...stop()) },
    { name: "events and blocks that nobody knows", steps: steps(start(), { type: "new_event" }, ...block(0, { type: "server_tool_use", id: "s", name: "x", input: {} }, { type: "odd_delta" }), ...textBlock(1, TEXT), ...stop()) },
    { name: "text after message_stop", steps: steps(...textEvents(TEXT), ...textBlock(1, "late")) },
    { name: "a last event without its empty line", steps: [...steps(start(), ...said, finish as Json), { raw: 'data: {"type":"message_stop"}' }] },
  ]; // prettier-ignore
  test.each(whole)("$name is a whole answer, told once", async ({ steps: list }) => {
    const { text, error: thrown, end, events } = await ask(sim, stream(list));
    expect({ text, thrown, reason: end?.reason }).toEqual({ text: TEXT, thrown: undefined, reason: "stop" });
    expect(events.at(-1)).toBe(end as UpstreamEvent);
  });

  const broken: { name: string; steps: Step[]; kind: FailureKind }[] = [
    { name: "17 a body that ends without any mark", steps: steps(start(), ...said), kind: "upstream-broken" },
    { name: "17 a cut connection", steps: [...steps(start(), ...said), { cut: true }], kind: "upstream-broken" },
    { name: "17 a reset connection", steps: [...steps(start(), ...said), { reset: true }], kind: "upstream-broken" },
    { name: "18 a body without anything", steps: [], kind: "upstream-broken" },
    { name: "a message_delta without a reason", steps: steps(start(), ...said, { type: "message_delta", delta: { stop_reason: null }, usage: {} }), kind: "upstream-broken" },
    { name: "21 an event that is no JSON", steps: [...steps(start(), ...said), { raw: "data: {oops\n\n" }], kind: "upstream-changed" },
    { name: "22 an event of more than 1 MiB", steps: [{ raw: `data: ${"x".repeat(1_100_000)}` }], kind: "upstream-broken" },
    { name: "19 overloaded within the stream", steps: steps(start(), error("overloaded_error", "Overloaded")), kind: "model-overloaded" },
    { name: "19 a limit within the stream", steps: steps(error("rate_limit_error", "slow")), kind: "rate-limited" },
    { name: "19 a failure within the stream", steps: steps(start(), ...said, error("api_error", "Internal server error")), kind: "upstream-broken" },
    { name: "19 a bare error within the stream", steps: [{ frame: { error: { message: "boom" } } }], kind: "upstream-broken" },
  ]; // prettier-ignore
  test.each(broken)("$name is $kind and has no end", async ({ steps: list, kind }) => {
    const told = await ask(sim, stream(list));
    expect([kindOf(told), told.end]).toEqual([kind, undefined]);
  });

  const reasons: [string, string][] = [
    ["end_turn", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_use", "tool-calls"],
    ["refusal", "refusal"],
    ["pause_turn", "stop"],
    ["something_new", "stop"],
  ];
  test.each(reasons)("stop_reason %s ends as %s", async (reason, want) => {
    expect((await ask(sim, stream(steps(start(), ...said, ...stop(reason))))).end?.reason).toBe(want as "stop");
  });

  test("the stop sequence that was met is told", async () => {
    const { end } = await ask(sim, stream(steps(start(), ...said, ...stop("stop_sequence", {}, "END"))));
    expect([end?.reason, end?.stopSequence]).toEqual(["stop-sequence", "END"]);
  });

  test("a ping is progress, not an answer", async () => {
    const { events } = await ask(sim, stream(steps(...textEvents("a"))));
    expect(events[0]).toEqual({ type: "progress" });
  });
});

describe("usage", () => {
  const cases: { name: string; first: Json; last: Json; want: object }[] = [
    { name: "cached tokens are part of the input", first: { input_tokens: 3, cache_read_input_tokens: 90, cache_creation_input_tokens: 7, output_tokens: 1 }, last: { output_tokens: 12 }, want: { inputTokens: 100, outputTokens: 12, cacheReadTokens: 90, cacheWriteTokens: 7 } },
    { name: "later totals win", first: { input_tokens: 3, output_tokens: 1 }, last: { input_tokens: 50, output_tokens: 12 }, want: { inputTokens: 50, outputTokens: 12 } },
    { name: "a later zero or null does not", first: { input_tokens: 3, output_tokens: 5 }, last: { input_tokens: 0, output_tokens: null }, want: { inputTokens: 3, outputTokens: 5 } },
    { name: "null caches are no caches", first: { input_tokens: 3, cache_read_input_tokens: null, output_tokens: 1 }, last: { output_tokens: 2 }, want: { inputTokens: 3, outputTokens: 2 } },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ first, last, want }) => {
    const { end } = await ask(sim, stream(steps(start(first), ...said, ...stop("end_turn", last))));
    expect(end?.usage).toEqual({ ...want, estimated: false } as NonNullable<typeof end>["usage"]);
  });

  test("a service that counts nothing gives none", async () => {
    expect((await ask(sim, stream(steps(start({}), ...said, ...stop("end_turn", {}))))).end?.usage).toBeUndefined();
  });
});

describe("thinking", () => {
  test("comes with its signature, and encrypted thinking as it is", async () => {
    const thinking = block(
      0,
      { type: "thinking", thinking: "", signature: "" },
      { type: "thinking_delta", thinking: "Hm" },
      { type: "thinking_delta", thinking: "m." },
      { type: "signature_delta", signature: "c2ln" },
    );
    const redacted = block(1, { type: "redacted_thinking", data: "ZW5j" });
    const { events } = await ask(
      sim,
      stream(steps(start(), ...thinking, ...redacted, ...textBlock(2, "Hi"), ...stop())),
    );
    expect(events.slice(0, -1)).toEqual([
      { type: "reasoning-delta", text: "Hm" },
      { type: "reasoning-delta", text: "m." },
      { type: "reasoning-signature", signature: "c2ln" },
      { type: "reasoning-signature", redacted: "ZW5j" },
      { type: "text-delta", text: "Hi" },
    ]);
  });
});

describe("tool calls", () => {
  const heard = async (...events: readonly Json[]) => {
    const told = await ask(sim, stream(steps(start(), ...events)));
    const names = told.events.flatMap((event) => (event.type === "tool-call-start" ? [[event.id, event.name]] : []));
    const args: Record<string, string> = {};
    for (const event of told.events) {
      if (event.type === "tool-call-delta") args[event.id] = (args[event.id] ?? "") + event.json;
    }
    const ends = told.events.flatMap((event) => (event.type === "tool-call-end" ? [event.id] : []));
    return { names, args, ends, reason: told.end?.reason, kind: kindOf(told) };
  };
  const two = { names: [["a", "get"], ["b", "now"]], args: { a: '{"x": 1}' }, ends: ["a", "b"], reason: "tool-calls", kind: undefined }; // prettier-ignore

  test("arrive with their ids, arguments byte for byte", async () => {
    const events = [...callBlock(0, "a", "get", '{"x"', ": 1}"), ...callBlock(1, "b", "now", "")];
    expect(await heard(...events, ...stop("tool_use"))).toEqual(two as never);
  });

  test("arrive under index 0 all the same, and when their blocks never stop", async () => {
    const events = [...callBlock(0, "a", "get", '{"x": 1}').slice(0, -1), ...callBlock(0, "b", "now")];
    expect(await heard(...events, ...stop("tool_use"))).toEqual(two as never);
  });

  test("interleave by index", async () => {
    const [a, b] = [callBlock(0, "a", "get", '{"x"', ": 1}"), callBlock(1, "b", "now", "{}")];
    const mixed = [a[0], b[0], a[1], b[1], a[2], b[2], a[3]] as Json[];
    const { args, reason } = await heard(...mixed, ...stop("tool_use"));
    expect([args, reason]).toEqual([{ a: '{"x": 1}', b: "{}" }, "tool-calls"]);
  });

  test("may have their input in the block's start", async () => {
    const events = block(0, { type: "tool_use", id: "a", name: "get", input: { x: 1 } });
    expect((await heard(...events, ...stop("tool_use"))).args).toEqual({ a: '{"x":1}' });
  });

  test("end as calls when the service says end_turn", async () => {
    expect((await heard(...callBlock(0, "a", "get", "{}"), ...stop("end_turn"))).reason).toBe("tool-calls");
  });

  test("O6 that are cut are never whole", async () => {
    const cut = callBlock(0, "a", "write", '{"path":"x');
    expect(await heard(...cut, ...stop("tool_use"))).toMatchObject({ kind: "upstream-broken", ends: [] });
    expect(await heard(...cut, ...stop("max_tokens"))).toMatchObject({ kind: undefined, ends: [], reason: "length" });
    expect(await heard(...cut.slice(0, -1), ...stop("max_tokens"))).toMatchObject({ kind: undefined, ends: [] });
  });
});

describe("20 bytes", () => {
  test("cut anywhere and with any line end give the same", async () => {
    const list = textEvents("你", "🐈").map((frame) => ({ frame }));
    const wires = (["\n", "\r", "\r\n"] as const).map((eol) => ({ eol, cut: "bytes" as const, space: false }));
    const cuts = Array.from({ length: 500 }, (_, at) => ({ cut: at + 1 }));
    const told = await Promise.all([...wires, ...cuts].map((wire) => ask(sim, stream(list, { wire }))));
    for (const { text, error: thrown } of told) expect([text, thrown]).toEqual(["你🐈", undefined]);
  });
});

describe("an answer that is no stream", () => {
  const message = { type: "message", content: [{ type: "thinking", thinking: "Hm", signature: "s" }, { type: "text", text: TEXT }, { type: "tool_use", id: "a", name: "get", input: { x: 1 } }], stop_reason: "tool_use", usage: { input_tokens: 3, output_tokens: 4 } }; // prettier-ignore
  test("is taken when it is a whole message", async () => {
    const { events, end } = await ask(sim, json(200, message));
    expect(events.map(({ type }) => type)).toEqual([
      "reasoning-delta",
      "reasoning-signature",
      "text-delta",
      "tool-call-start",
      "tool-call-delta",
      "tool-call-end",
      "end",
    ]);
    expect(end?.usage).toEqual({ inputTokens: 3, outputTokens: 4, estimated: false });
  });

  const faults: [string, ReturnType<typeof json>, FailureKind][] = [
    ["19 an error with status 200", json(200, error("overloaded_error", "x")), "model-overloaded"],
    ["JSON that is no answer", json(200, { hello: 1 }), "upstream-changed"],
    ["a web page", plain(200, { "content-type": "text/html" }, "<!doctype html>"), "upstream-changed"],
    ["12 a reset before any byte", reset, "upstream-broken"],
  ];
  test.each(faults)("%s is a failure", async (_name, behaviour, kind) =>
    expect(kindOf(await ask(sim, behaviour))).toBe(kind),
  );
});

test("a client that leaves ends the upstream's stream at once", async () => {
  for (const behaviour of [silent, stream([...steps(start(), ...said), { hang: true }])]) {
    const login = loginAt(sim);
    sim.account(login.apiKey).next(behaviour);
    const controller = new AbortController();
    const context = testContext(login, { signal: controller.signal });
    const told = listen(createAnthropic().chat(chatRequest("hi"), context.turn("claude-sonnet-4-5")));
    await sim.until(() => sim.openStreams() === 1);
    controller.abort(new GatewayError("cancelled", "The client left."));
    expect(kindOf(await told)).toBe("cancelled");
    await sim.until(() => sim.openStreams() === 0);
  }
});
