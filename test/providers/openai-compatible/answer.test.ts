import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../../src/chat/error.ts";
import type { UpstreamEvent } from "../../../src/chat/event.ts";
import { createOpenaiCompatible } from "../../../src/providers/openai-compatible/index.ts";
import { Gate } from "../../sims/gate.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import {
  answerSteps,
  chunk,
  DONE,
  json,
  plain,
  reset,
  silent,
  startOpenaiSim,
  stream,
  USAGE,
  usageChunk,
  type ServiceSim,
} from "../../sims/openai.ts";
import type { Step } from "../../sims/sse-body.ts";
import { chatRequest, listen, testContext } from "../context.ts";
import { ask, loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterAll(async () => {
  expect(sim.violations).toEqual([]);
  await sim.stop();
});

const TEXT = "Hello 🐈 你好，世界";
const kindOf = ({ error }: { error: unknown }): FailureKind | undefined =>
  error instanceof GatewayError ? error.kind : undefined;
const MEASURED = { inputTokens: 11, outputTokens: 7, estimated: false };

describe("the end", () => {
  const said: Step = { frame: chunk({ content: TEXT }) };
  const whole: { name: string; steps: Step[]; usage?: object }[] = [
    { name: "finish, usage and [DONE]", steps: answerSteps({ text: [TEXT] }), usage: MEASURED },
    { name: "R2 a finish and no [DONE]", steps: [said, { frame: chunk({}, "stop") }] },
    { name: "R2 [DONE] and no finish", steps: [said, DONE] },
    { name: "usage with the finish", steps: [said, { frame: chunk({}, "stop", { usage: USAGE }) }], usage: MEASURED },
    { name: "a finish with the last text", steps: [{ frame: chunk({ content: TEXT }, "stop") }, DONE] },
    { name: "usage within the choice", steps: [said, { frame: { choices: [{ delta: {}, finish_reason: "stop", usage: USAGE }] } }], usage: MEASURED },
    { name: "usage null before and zero after", steps: [{ frame: chunk({ content: TEXT }, null, { usage: null }) }, { frame: chunk({}, "stop") }, { frame: usageChunk({ prompt_tokens: 0, completion_tokens: 0 }) }, DONE] },
    { name: "text after [DONE]", steps: [said, { frame: chunk({}, "stop") }, DONE, { frame: chunk({ content: "late" }) }] },
    { name: "a last frame without its empty line", steps: [said, { raw: "data: [DONE]" }] },
    { name: "comments and unknown frames between", steps: [{ raw: ": PROCESSING\n\n" }, said, { frame: { x: 1 } }, { frame: { choices: [] } }, { frame: [] }, { frame: chunk({}, "stop") }, DONE] },
    { name: "a second choice beside the first", steps: [said, { frame: { choices: [{ index: 1, delta: { content: "other" } }] } }, { frame: chunk({}, "stop") }, DONE] },
    { name: "a prompt-filter frame first", steps: [{ frame: { choices: [], prompt_filter_results: [] } }, said, { frame: chunk({}, "stop") }, DONE] },
  ]; // prettier-ignore
  test.each(whole)("$name is a whole answer, told once", async ({ steps, usage }) => {
    const { text, error, end, events } = await ask(sim, stream(steps));
    expect({ text, error, reason: end?.reason, usage: end?.usage }).toEqual({
      text: TEXT,
      error: undefined,
      reason: "stop",
      usage: usage as undefined,
    });
    expect(events.at(-1)).toBe(end as UpstreamEvent);
  });

  test("a connection that breaks after the finish ends the answer as well", async () => {
    for (const fault of [{ cut: true }, { reset: true }] as const) {
      const [clock, gate, login] = [new VirtualClock(), new Gate(), loginAt(sim)];
      sim.account(login.apiKey).next(stream([{ frame: chunk({ content: TEXT }, "stop") }, { gate }, fault]));
      const context = testContext(login, { clock, fetchClock: new VirtualClock() });
      const told = listen(createOpenaiCompatible().chat(chatRequest("hi"), context.turn("gpt-4o")));
      await sim.until(() => clock.pending > 0); // The finish was read: what may follow it is waited for.
      gate.open();
      expect((await told).end?.reason).toBe("stop");
      expect(clock.pending).toBe(0);
    }
  });

  test("a socket that stays open after the finish is given up after 2 s", async () => {
    const clock = new VirtualClock();
    const login = loginAt(sim);
    sim.account(login.apiKey).next(stream([{ frame: chunk({ content: TEXT }, "stop") }, { hang: true }]));
    const context = testContext(login, { clock, fetchClock: new VirtualClock() });
    const told = listen(createOpenaiCompatible().chat(chatRequest("hi"), context.turn("gpt-4o")));
    await sim.until(() => clock.pending > 0);
    await clock.advance(2000);
    expect((await told).end?.reason).toBe("stop");
    await sim.until(() => sim.openStreams() === 0);
  });

  const broken: { name: string; steps: Step[]; kind: FailureKind }[] = [
    { name: "17 a body that ends without any mark", steps: [said], kind: "upstream-broken" },
    { name: "17 a cut connection", steps: [said, { cut: true }], kind: "upstream-broken" },
    { name: "17 a reset connection", steps: [said, { reset: true }], kind: "upstream-broken" },
    { name: "18 a body without anything", steps: [], kind: "upstream-broken" },
    { name: "21 an event that is no JSON", steps: [said, { raw: "data: {oops\n\n" }, DONE], kind: "upstream-changed" },
    { name: "22 an event of more than 1 MiB", steps: [said, { raw: `data: ${"x".repeat(1_100_000)}` }, DONE], kind: "upstream-broken" },
    { name: "22 a line that never ends", steps: [{ raw: "data: ".padEnd(1_200_000, "y") }, { hang: true }], kind: "upstream-broken" },
    { name: "a service that gives up", steps: [said, { frame: chunk({}, "insufficient_system_resource") }, DONE], kind: "upstream-broken" },
    { name: "19 an error frame", steps: [said, { frame: { error: { message: "boom", type: "server_error" } } }], kind: "upstream-broken" },
    { name: "19 an error frame with a status as its code", steps: [{ frame: { error: { message: "slow down", code: 429 } } }], kind: "rate-limited" },
    { name: "19 an error frame about the quota", steps: [{ frame: { error: { message: "x", code: "insufficient_quota" } } }], kind: "quota-exhausted" },
    { name: "19 an error frame as text", steps: [{ frame: { error: "the model crashed" } }], kind: "upstream-broken" },
    { name: "an error within the choice", steps: [{ frame: { choices: [{ delta: {}, error: { code: 502, message: "x" } }] } }], kind: "upstream-broken" },
  ]; // prettier-ignore
  test("17 what came with the failure is kept, once the answer has begun", async () => {
    const gate = new Gate();
    const steps = [said, { raw: `data: ${JSON.stringify(chunk({ content: "!" }))}\n\ndata: {oops\n\n` }];
    const login = loginAt(sim);
    sim.account(login.apiKey).next(stream(steps, { gate }));
    const turn = createOpenaiCompatible().chat(chatRequest("hi"), testContext(login).turn("gpt-4o"));
    const reader = turn[Symbol.asyncIterator]();
    gate.release();
    expect((await reader.next()).value).toEqual([{ type: "text-delta", text: TEXT }]);
    gate.release();
    expect((await reader.next()).value).toEqual([{ type: "text-delta", text: "!" }]);
    expect(kindOf({ error: await reader.next().catch((error: unknown) => error) })).toBe("upstream-changed");
  });

  test.each(broken)("$name is $kind and has no end", async ({ steps, kind }) => {
    const told = await ask(sim, stream(steps));
    expect([kindOf(told), told.end]).toEqual([kind, undefined]);
  });

  const reasons: [string, string][] = [
    ["stop", "stop"],
    ["length", "length"],
    ["model_length", "length"],
    ["content_filter", "content-filter"],
    ["eos", "stop"],
    ["tool_calls", "stop"],
  ];
  test.each(reasons)("L10 finish_reason %s without calls ends as %s", async (finish, reason) => {
    expect((await ask(sim, stream(answerSteps({ finish })))).end?.reason).toBe(reason as "stop");
  });

  test("every count of the usage is kept", async () => {
    const usage = {
      prompt_tokens: 100,
      completion_tokens: 50,
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 30 },
    };
    expect((await ask(sim, stream(answerSteps({ usage })))).end?.usage).toEqual({
      inputTokens: 100,
      outputTokens: 50,
      cacheReadTokens: 60,
      cacheWriteTokens: 5,
      reasoningTokens: 30,
      estimated: false,
    });
  });
});

describe("20 bytes", () => {
  test("cut anywhere and with any line end give the same", async () => {
    const steps = answerSteps({ text: ["你", "🐈"], reasoning: ["想🐈"] });
    const wires = (["\n", "\r", "\r\n"] as const).flatMap((eol) => [{ eol, cut: "bytes" as const, space: false }]);
    const cuts = Array.from({ length: 400 }, (_, at) => ({ cut: at + 1 }));
    const told = await Promise.all([...wires, ...cuts].map((wire) => ask(sim, stream(steps, { wire }))));
    for (const { text, reasoning, error } of told)
      expect([text, reasoning, error]).toEqual(["你🐈", "想🐈", undefined]);
  });

  test("a long answer arrives byte for byte", async () => {
    const long = "猫🐈 long\n".repeat(5000);
    const pieces = Array.from({ length: 50 }, (_, at) => long.slice(at * 1000, (at + 1) * 1000)).concat(
      long.slice(50_000),
    );
    expect((await ask(sim, stream(answerSteps({ text: pieces }), { wire: { cut: "whole" } }))).text === long).toBe(
      true,
    );
  });
});

describe("thinking", () => {
  const forms: [string, object[]][] = [
    ["reasoning_content", [{ reasoning_content: "Hm" }, { reasoning_content: "m." }]],
    ["reasoning", [{ reasoning: "Hmm." }]],
    ["both names at once", [{ reasoning: "Hmm.", reasoning_content: "Hmm." }]],
    ["a list of thinking parts", [{ content: [{ type: "thinking", thinking: [{ type: "text", text: "Hmm." }] }] }]],
  ];
  test.each(forms)("comes from %s", async (_name, deltas) => {
    const steps = [...deltas.map((delta) => ({ frame: chunk({ ...delta }) })), ...answerSteps({ text: [TEXT] })];
    const { reasoning, text } = await ask(sim, stream(steps));
    expect([reasoning, text]).toEqual(["Hmm.", TEXT]);
  });
});

describe("an answer in one piece", () => {
  const message = { role: "assistant", content: TEXT, reasoning_content: "Hmm." };
  const completion = (said: object, finish: string) => ({
    object: "chat.completion",
    choices: [{ index: 0, message: said, finish_reason: finish }],
    usage: USAGE,
  });
  test("is taken from a service that does not stream", async () => {
    const { text, reasoning, end } = await ask(sim, json(200, completion(message, "stop")));
    expect([text, reasoning, end?.usage]).toEqual([TEXT, "Hmm.", MEASURED]);
  });

  test("may hold calls", async () => {
    const calls = [{ id: "a", type: "function", function: { name: "now", arguments: "{}" } }];
    const { events, end } = await ask(sim, json(200, completion({ content: null, tool_calls: calls }, "tool_calls")));
    expect(events.map(({ type }) => type)).toEqual(["tool-call-start", "tool-call-delta", "tool-call-end", "end"]);
    expect(end?.reason).toBe("tool-calls");
  });

  const faults: [string, ReturnType<typeof json>, FailureKind][] = [
    ["19 an error with status 200", json(200, { error: { message: "boom", code: 429 } }), "rate-limited"],
    ["JSON that is no answer", json(200, { hello: 1 }), "upstream-changed"],
    ["JSON that is cut", plain(200, {}, '{"choices":['), "upstream-changed"],
    [
      "a web page with status 200",
      plain(200, { "content-type": "text/html" }, "<!doctype html><p>Hi"),
      "upstream-changed",
    ],
    ["a browser check", plain(403, { "content-type": "text/html" }, "<html>Just a moment..."), "challenge"],
    ["a proxy's error page", plain(502, { "content-type": "text/html" }, "<html>Bad gateway"), "upstream-broken"],
    ["12 a reset before any byte", reset, "upstream-broken"],
  ];
  test.each(faults)("%s is a failure", async (_name, behaviour, kind) =>
    expect(kindOf(await ask(sim, behaviour))).toBe(kind),
  );

  test("23 a gzip bomb is given up at 32 MiB", async () => {
    const bomb = Bun.gzipSync(Buffer.alloc(40 * 1_048_576, 0x20).fill("{", 0, 1));
    const behaviour = ({ exchange }: Parameters<ReturnType<typeof json>>[0]) =>
      exchange.answer(200, { "content-type": "application/json", "content-encoding": "gzip" }, bomb);
    expect(kindOf(await ask(sim, behaviour))).toBe("upstream-broken");
  });
});

describe("a client that leaves", () => {
  test("ends the upstream's stream at once, before and after the first byte", async () => {
    for (const behaviour of [silent, stream([{ frame: chunk({ content: "a" }) }, { hang: true }])]) {
      const login = loginAt(sim);
      sim.account(login.apiKey).next(behaviour);
      const controller = new AbortController();
      const context = testContext(login, { signal: controller.signal });
      const told = listen(createOpenaiCompatible().chat(chatRequest("hi"), context.turn("gpt-4o")));
      await sim.until(() => sim.openStreams() === 1);
      controller.abort(new GatewayError("cancelled", "The client left."));
      expect(kindOf(await told)).toBe("cancelled");
      await sim.until(() => sim.openStreams() === 0);
    }
  });
});
