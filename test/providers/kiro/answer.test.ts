import { describe, expect, test } from "bun:test";
import { EventStreamDecoder } from "../../../src/lib/event-stream.ts";
import { Answer } from "../../../src/providers/kiro/answer.ts";
import { corrupt, errorFrame, event, exception } from "../../sims/kiro-frames.ts";
import { Gate } from "../../sims/gate.ts";
import { answerFrames, says, stream, type Behaviour } from "../../sims/kiro.ts";
import { chatRequest } from "../context.ts";
import { stage, withSim } from "./helpers.ts";

const world = withSim();

describe("an answer", () => {
  test("kiro trap 1: comes out of the frames, whatever the order of keys in their JSON", async () => {
    const odd = { modelId: "m", content: 'say {"content":"no"} ' };
    world.cat.next(
      "chat",
      stream(
        [...answerFrames(["a "]).slice(0, 2), event("assistantResponseEvent", odd), ...answerFrames(["b"])].map(
          (raw) => ({ raw }),
        ),
      ),
    );
    const told = await stage(world.sim, world.cat).say("hi");
    expect(told.text).toBe('a say {"content":"no"} b');
    expect(told.end).toMatchObject({ reason: "stop", usage: { inputTokens: 100, outputTokens: 20, estimated: false } });
  });

  test("kiro trap 2, 3, O8: is the same however its bytes are cut, characters and frames included", async () => {
    const pieces = ["héllo 🌊", " 世界\n", "\n", "ok"];
    const size = Buffer.concat(answerFrames(pieces)).length;
    const here = stage(world.sim, world.cat);
    for (let cut = 1; cut < size; cut += 7) {
      world.cat.next("chat", says(pieces, { wire: { cut } }));
      const told = await here.say("hi");
      expect(told.error).toBeUndefined();
      expect(told.text).toBe(pieces.join(""));
    }
    world.cat.next("chat", says(pieces, { wire: { cut: "bytes" } }));
    expect((await here.say("hi")).text).toBe(pieces.join(""));
  }, 20_000);

  test("kiro trap 2, 3: gives the same events for a cut at any offset, thinking and calls included", () => {
    const calls = [{ id: "t1", name: "read", input: ['{"pa', 'th":"世"}'] }];
    const bytes = Buffer.concat(
      answerFrames(["<thin", "king>\nhm 🌊</thinking>\n", "\nso"], { calls, tail: "legacy" }),
    );
    const eventsOf = (...parts: Uint8Array[]) => {
      const answer = new Answer({ tagged: true, names: new Map(), contextTokens: 1000, now: () => 0 });
      const decoder = new EventStreamDecoder();
      const events = parts.flatMap((part) => decoder.push(part).flatMap((frame) => answer.take(frame)));
      decoder.finish();
      return [...events, ...answer.finish()];
    };
    const whole = eventsOf(bytes);
    expect(whole.map(({ type }) => type)).toEqual([
      "reasoning-delta",
      "text-delta",
      "progress",
      "progress",
      "tool-call-start",
      "tool-call-delta",
      "tool-call-end",
      "end",
    ]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(eventsOf(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole);
    }
  });

  test("kiro trap 4, O9, R7: keeps chunks that are equal to the one before", async () => {
    world.cat.next("chat", says(["ha", "ha", "\n", "\n", "1", "1", "1"]));
    expect((await stage(world.sim, world.cat).say("hi")).text).toBe("haha\n\n111");
  });

  const broken: { name: string; behaviour: Behaviour; kind: string }[] = [
    {
      name: "an exception",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), exception("InternalServerException", "boom")].map((raw) => ({
          raw,
        })),
      ),
      kind: "upstream-broken",
    },
    {
      name: "a throttling exception",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), exception("ThrottlingException", "slow")].map((raw) => ({ raw })),
      ),
      kind: "rate-limited",
    },
    {
      name: "an error message",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), errorFrame("Boom", "it broke")].map((raw) => ({ raw })),
      ),
      kind: "upstream-broken",
    },
    {
      name: "an invalid state",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), event("invalidStateEvent", { reason: "X", message: "no" })].map(
          (raw) => ({ raw }),
        ),
      ),
      kind: "upstream-broken",
    },
    {
      name: "a wrong checksum",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), corrupt(answerFrames(["more"])[1]!)].map((raw) => ({ raw })),
      ),
      kind: "upstream-broken",
    },
    {
      name: "a frame cut off",
      behaviour: stream(
        [...answerFrames(["half"], { tail: "none" }), answerFrames(["more"])[1]!.subarray(0, 20)].map((raw) => ({
          raw,
        })),
      ),
      kind: "upstream-broken",
    },
    {
      name: "an event that is no JSON",
      behaviour: stream([
        ...answerFrames(["half"], { tail: "none" }).map((raw) => ({ raw })),
        { raw: answerFrames(["more"])[1]! },
        { raw: event("assistantResponseEvent", "no object") },
      ]),
      kind: "upstream-broken",
    },
  ];
  test.each(broken)(
    "kiro trap 5, 6, O4: that ends in $name after text is an error, never a second beginning",
    async ({ behaviour, kind }) => {
      world.cat.next("chat", behaviour);
      const told = await stage(world.sim, world.cat).say("hi");
      expect(told.text.startsWith("half")).toBe(true);
      expect(told.end).toBeUndefined();
      expect(told.error).toMatchObject({ kind });
      expect(world.cat.counts.chat).toBe(1);
    },
  );

  test("kiro trap 5, 6: whose connection breaks after text is an error, never a second beginning", async () => {
    const gate = new Gate();
    world.cat.next("chat", stream([{ raw: answerFrames(["half"])[1]! }, { gate }, { cut: true }]));
    const here = stage(world.sim, world.cat);
    const events = here.provider.chat(chatRequest("hi"), here.context())[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual([{ type: "text-delta", text: "half" }]);
    gate.open();
    await expect(events.next()).rejects.toMatchObject({ kind: "upstream-broken" });
    expect(world.cat.counts.chat).toBe(1);
  });

  test.each([
    { name: "no tail", said: { tail: "none" as const }, reason: "length" },
    { name: "the legacy tail", said: { tail: "legacy" as const }, reason: "stop" },
    { name: "a full window", said: { tail: "legacy" as const, percentage: 100 }, reason: "length" },
    { name: "a content filter", said: { stopReason: "CONTENT_FILTERED" }, reason: "content-filter" },
  ])("kiro trap 5: with $name ends as $reason", async ({ said, reason }) => {
    world.cat.next("chat", says(["half"], said));
    expect((await stage(world.sim, world.cat).say("hi")).end?.reason).toBe(reason as never);
  });

  test("the percentage counts the output too: the input is what remains of the window", async () => {
    world.cat.next("chat", says(["x".repeat(400)], { tail: "legacy", percentage: 10 }));
    const told = await stage(world.sim, world.cat).say("hi");
    expect(told.end?.usage).toEqual({ inputTokens: 19_900, outputTokens: 100, estimated: true });
  });

  test("cached tokens are part of the input", async () => {
    const usage = {
      uncachedInputTokens: 10,
      outputTokens: 5,
      totalTokens: 1015,
      cacheReadInputTokens: 900,
      cacheWriteInputTokens: 100,
    };
    world.cat.next("chat", says(["x"], { usage }));
    expect((await stage(world.sim, world.cat).say("hi")).end?.usage).toEqual({
      inputTokens: 1010,
      outputTokens: 5,
      cacheReadTokens: 900,
      cacheWriteTokens: 100,
      estimated: false,
    });
  });

  test.each([
    { name: "a content filter", said: { stopReason: "CONTENT_FILTERED" }, reason: "content-filter" },
    { name: "a full window", said: { percentage: 100 }, reason: "length" },
  ])("that is empty because of $name ends as $reason at once", async ({ said, reason }) => {
    world.cat.next("chat", says([], said));
    expect((await stage(world.sim, world.cat).say("hi")).end?.reason).toBe(reason as never);
    expect(world.cat.counts.chat).toBe(1);
  });

  test("that is empty is asked for once more, and is an error the second time", async () => {
    world.cat.next("chat", says([]), says(["now"]));
    const here = stage(world.sim, world.cat);
    expect((await here.say("hi")).text).toBe("now");
    world.cat.next("chat", says([]), says([]), says(["never"]));
    const told = await here.say("hi");
    expect(told.error).toMatchObject({ kind: "upstream-broken" });
    expect(world.cat.counts.chat).toBe(4);
  });
});
