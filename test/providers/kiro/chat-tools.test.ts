import { describe, expect, test } from "bun:test";
import { event } from "../../sims/kiro-frames.ts";
import { answerFrames, says, stream } from "../../sims/kiro.ts";
import { chatRequest } from "../context.ts";
import { assistant, bodySent, call, image, lastChat, read, result, stage, system, user, withSim } from "./helpers.ts";

const world = withSim();

describe("tools", () => {
  const request = (over = {}) => chatRequest("read it", { tools: [read], ...over });

  test("a call comes whole: start, arguments and end together, and the stop reason is read off it", async () => {
    const calls = [{ id: "t1", name: "read", input: ['{"pa', 'th":"a"}'] }];
    world.cat.next("chat", says(["Reading."], { calls }));
    const told = await stage(world.sim, world.cat).say(request());
    expect(told.events.filter(({ type }) => type.startsWith("tool"))).toEqual([
      { type: "tool-call-start", id: "t1", name: "read" },
      { type: "tool-call-delta", id: "t1", json: '{"path":"a"}' },
      { type: "tool-call-end", id: "t1" },
    ]);
    expect(told.end?.reason).toBe("tool-calls");
  });

  test("O5 two equal calls stay two", async () => {
    const calls = ["t1", "t2"].map((id) => ({ id, name: "read", input: '{"path":"a"}' }));
    world.cat.next("chat", says([], { calls }));
    const told = await stage(world.sim, world.cat).say(request());
    const starts = told.events.filter((event) => event.type === "tool-call-start");
    expect(starts.map((event) => (event.type === "tool-call-start" ? event.id : ""))).toEqual(["t1", "t2"]);
  });

  test.each([
    {
      name: "whose end is missing",
      said: { tail: "none" as const, calls: [{ id: "t1", name: "read", input: '{"path":', stop: false }] },
    },
    { name: "whose arguments are no JSON object", said: { calls: [{ id: "t1", name: "read", input: '{"path":' }] } },
    { name: "whose arguments are a list", said: { calls: [{ id: "t1", name: "read", input: "[1]" }] } },
  ])("O6, R8: a call $name is never handed out, and the answer counts as cut", async ({ said }) => {
    world.cat.next("chat", says(["Reading."], said));
    const told = await stage(world.sim, world.cat).say(request());
    expect(told.events.some(({ type }) => type.startsWith("tool"))).toBe(false);
    expect(told.end?.reason).toBe("length");
    expect(told.text).toBe("Reading.");
  });

  test("no arguments mean an empty object, the old form with an object is taken, and an empty object is no piece", async () => {
    const old = event("toolUseEvent", { toolUseId: "t2", name: "read", input: { path: "b" }, stop: true });
    const start = event("toolUseEvent", { toolUseId: "t3", name: "read", input: {} });
    const rest = event("toolUseEvent", { toolUseId: "t3", name: "read", input: '{"path":"c"}', stop: true });
    const frames = answerFrames([], { calls: [{ id: "t1", name: "read", input: "" }] });
    world.cat.next(
      "chat",
      stream([...frames.slice(0, 3), old, start, rest, ...frames.slice(3)].map((raw) => ({ raw }))),
    );
    const told = await stage(world.sim, world.cat).say(request());
    const deltas = told.events.flatMap((one) => (one.type === "tool-call-delta" ? [one.json] : []));
    expect(deltas).toEqual(["{}", '{"path":"b"}', '{"path":"c"}']);
  });

  test("kiro trap 10, O7: words that look like a call stay text, and a history of calls goes up as calls", async () => {
    world.cat.next("chat", says(['[Called read with args: {"path":"a"}]']));
    const messages = [
      user("go"),
      assistant("ok", call("t1", "read", '{"path":"a"}')),
      user(result("t1", "text")),
      assistant("done"),
      user("more"),
    ];
    const told = await stage(world.sim, world.cat).say(request({ messages }));
    expect(told.text).toBe('[Called read with args: {"path":"a"}]');
    expect(told.end?.reason).toBe("stop");
    const { history } = bodySent(world.cat);
    expect(history[1]).toMatchObject({
      assistantResponseMessage: { content: "ok", toolUses: [{ toolUseId: "t1", name: "read", input: { path: "a" } }] },
    });
    expect(history[2]).toMatchObject({
      userInputMessage: {
        userInputMessageContext: { toolResults: [{ toolUseId: "t1", content: [{ text: "text" }], status: "success" }] },
      },
    });
  });

  test("a name that the service refuses goes up shortened and comes back as the client's", async () => {
    const name = "mcp.server/with a very long name indeed that goes on and on until it is refused";
    const tool = { ...read, name };
    const here = stage(world.sim, world.cat);
    await here.say(chatRequest("x", { tools: [tool] }));
    const spec = (
      bodySent(world.cat).current as never as {
        userInputMessageContext: { tools: { toolSpecification: { name: string } }[] };
      }
    ).userInputMessageContext.tools[0]!;
    world.cat.next("chat", says([], { calls: [{ id: "t1", name: spec.toolSpecification.name, input: "{}" }] }));
    const told = await here.say(chatRequest("x", { tools: [tool] }));
    expect(told.events[0]).toEqual({ type: "progress" });
    expect(told.events.find(({ type }) => type === "tool-call-start")).toMatchObject({ name });
  });

  test("kiro trap 11, 12, 13, O10, O12, O13: system, images and tools go up once, in their places", async () => {
    const messages = [system("Be brief."), user("look", image())];
    await stage(world.sim, world.cat).say(chatRequest("", { messages, tools: [{ ...read, description: "" }] }));
    const { history, current } = bodySent(world.cat);
    expect(history).toEqual([]);
    expect(current).toMatchObject({
      content: "Be brief.\n\nlook",
      images: [{ format: "png", source: { bytes: "iVBORw==" } }],
      userInputMessageContext: { tools: [{ toolSpecification: { description: "read" } }] },
    });
  });

  test("R10 a history with orphans on both sides is repaired", async () => {
    const messages = [
      user("a", result("gone", "lost")),
      assistant("b", call("t1"), call("t2")),
      user(result("t2", "two")),
      assistant(call("t1")),
    ];
    const told = await stage(world.sim, world.cat).say(chatRequest("", { messages }));
    expect(told.error).toBeUndefined();
  });
});

describe("thinking", () => {
  test("between tags on a model without fields, cut anywhere, comes as reasoning", async () => {
    const pieces = ["<thin", "king>\nI wonder", " `</thinking>` no", "</thi", "nking>", "\n", "\nAnswer"];
    world.cat.next("chat", says(pieces));
    const told = await stage(world.sim, world.cat).say(chatRequest("hi", { reasoning: { budgetTokens: 31_999 } }));
    expect(told.reasoning).toBe("I wonder `</thinking>` no");
    expect(told.text).toBe("Answer");
    expect(bodySent(world.cat).current["content"] as string).toStartWith(
      "<thinking_mode>enabled</thinking_mode><max_thinking_length>24576</max_thinking_length>",
    );
  });

  test("tags are text when nobody asked for thinking", async () => {
    world.cat.next("chat", says(["<thinking>\nx</thinking>\n\ny"]));
    const told = await stage(world.sim, world.cat).say("hi");
    expect(told.text).toBe("<thinking>\nx</thinking>\n\ny");
  });

  test("comes as events on the runtime, signature last, and goes back untouched", async () => {
    world.cat.next("chat", says(["Answer"], { thinking: ["I ", "see"], signature: "sig-1" }));
    const here = stage(world.sim, world.cat);
    const told = await here.say(chatRequest("hi", { reasoning: { effort: "high" } }), "claude-sonnet-4.6");
    expect(told.events.slice(0, 4)).toEqual([
      { type: "reasoning-delta", text: "I " },
      { type: "reasoning-delta", text: "see" },
      { type: "reasoning-signature", signature: "sig-1" },
      { type: "text-delta", text: "Answer" },
    ]);
    expect(lastChat(world.cat).body["additionalModelRequestFields"]).toEqual({
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "high" },
    });
    const messages = [
      user("hi"),
      assistant({ type: "reasoning", text: "I see", signature: "sig-1" }, "Answer"),
      user("go on"),
    ];
    await here.say(chatRequest("", { messages }), "claude-sonnet-4.6");
    expect(bodySent(world.cat).history[1]).toMatchObject({
      assistantResponseMessage: { reasoningContent: { reasoningText: { text: "I see", signature: "sig-1" } } },
    });
  });

  test("THINKING_SIGNATURE_INVALID drops all of it and tries once more", async () => {
    const messages = [
      user("hi"),
      assistant({ type: "reasoning", text: "x", signature: "old" }, "Answer"),
      user("go on"),
    ];
    const told = await stage(world.sim, world.cat).say(chatRequest("", { messages }));
    expect(told.text).toBe("Hello there.");
    expect(world.cat.counts.chat).toBe(2);
    expect(JSON.stringify(bodySent(world.cat).history)).not.toContain("reasoningContent");
  });
});
