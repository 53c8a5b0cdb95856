import { describe, expect, test } from "bun:test";
import type { ChatRequest } from "../../../src/chat/request.ts";
import { bodyOf, type BodyInput } from "../../../src/providers/kiro/body.ts";
import { modelOf } from "../../../src/providers/kiro/models.ts";
import { promptTokens, tokenWeight } from "../../../src/providers/kiro/tokens.ts";
import type { KiroUserMessage } from "../../../src/providers/kiro/wire.ts";
import { chatRequest } from "../context.ts";
import { assistant, call, image, read, result, system, user } from "./helpers.ts";

const input = (over: Partial<BodyInput> = {}): BodyInput => ({
  dialect: "runtime",
  model: modelOf("claude-sonnet-4.5"),
  profileArn: "arn",
  seed: "acc_1",
  reasoning: true,
  ...over,
});
const build = (request: Partial<ChatRequest>, over: Partial<BodyInput> = {}) =>
  bodyOf(chatRequest("hi", request), input(over)).json;
const current = (request: Partial<ChatRequest>, over: Partial<BodyInput> = {}): KiroUserMessage =>
  build(request, over).conversationState.currentMessage.userInputMessage;
const toolNames = (message: KiroUserMessage) =>
  (message.userInputMessageContext?.tools ?? []).map(({ toolSpecification }) => toolSpecification.name);

test("a first message is nothing but the current one: no history, no context, no null", () => {
  const body = build({});
  expect(body).toEqual({
    profileArn: "arn",
    agentMode: "vibe",
    conversationState: {
      chatTriggerType: "MANUAL",
      conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as never,
      rootConversationId: body.conversationState.conversationId,
      agentTaskType: "vibe",
      agentContinuationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as never,
      currentMessage: { userInputMessage: { content: "hi", modelId: "claude-sonnet-4.5", origin: "AI_EDITOR" } },
    },
  });
});

test("the legacy form has neither agent mode nor root conversation", () => {
  const { conversationState, ...root } = build({}, { dialect: "legacy", profileArn: undefined });
  expect(root).toEqual({});
  expect("rootConversationId" in conversationState).toBe(false);
});

describe("rule 4: no content is empty where it is refused", () => {
  const messages = [user("a"), assistant(call("1")), user(result("1"))];
  test.each([
    { dialect: "runtime", assistantText: "", userText: "" },
    { dialect: "legacy", assistantText: " ", userText: "Tool results provided." },
  ] as const)("$dialect", ({ dialect, assistantText, userText }) => {
    const { history = [] } = build({ messages }, { dialect }).conversationState;
    expect(history[1]).toMatchObject({ assistantResponseMessage: { content: assistantText } });
    expect(current({ messages }, { dialect }).content).toBe(userText);
  });
  test("an image alone", () => {
    expect(current({ messages: [user(image())] }, { dialect: "legacy" }).content).toBe("Image attached.");
    expect(current({ messages: [user(image())] }).content).toBe("");
  });
});

describe("rules 6 and 8: tools and their choice", () => {
  const used = [user("a"), assistant(call("1", "gone")), user(result("1"))];
  test("tools that the history uses are listed even when the client sent none", () => {
    expect(toolNames(current({ messages: used }))).toEqual(["gone"]);
  });
  test("none: only what the history needs", () => {
    expect(toolNames(current({ tools: [read], toolChoice: { type: "none" } }))).toEqual([]);
    expect(toolNames(current({ messages: used, tools: [read], toolChoice: { type: "none" } }))).toEqual(["gone"]);
  });
  test.each<{ name: string; over: Partial<ChatRequest>; words: string }>([
    { name: "auto", over: {}, words: "hi" },
    {
      name: "required",
      over: { toolChoice: { type: "required" } },
      words: "Answer with a call of one of the tools.\n\nhi",
    },
    {
      name: "one",
      over: { toolChoice: { type: "tool", name: "read" } },
      words: "Answer with a call of the tool `read`.\n\nhi",
    },
    { name: "not parallel", over: { parallelToolCalls: false }, words: "Call at most one tool in an answer.\n\nhi" },
  ])("$name", ({ over, words }) => {
    expect(current({ tools: [read], ...over }).content).toBe(words);
  });
});

test("kiro trap 12, O10: system text, thinking tags and user text stand once, in this order", () => {
  const messages = [system("S"), user("U")];
  const request = { messages, reasoning: { effort: "low" } } as const;
  const tags = "<thinking_mode>adaptive</thinking_mode><thinking_effort>low</thinking_effort>";
  expect(current(request).content).toBe(`${tags}\n\nS\n\nU`);
  expect(current(request, { model: modelOf("claude-sonnet-4.6") }).content).toBe("S\n\nU");
  expect(current(request, { model: modelOf("claude-sonnet-4.6"), dialect: "legacy" }).content).toBe(
    `${tags}\n\nS\n\nU`,
  );
});

test("conversations of different accounts, models and openings have different ids; a system text changes none", () => {
  const id = (request: Partial<ChatRequest>, over: Partial<BodyInput> = {}) =>
    build(request, over).conversationState.conversationId;
  const first = id({});
  expect(id({ messages: [system("x"), user("hi")] })).toBe(first);
  expect(id({}, { seed: "acc_2" })).not.toBe(first);
  expect(id({}, { model: modelOf("claude-opus-5") })).not.toBe(first);
  expect(id({ messages: [user("hello")] })).not.toBe(first);
});

test("tokens are estimated by script, images left out", () => {
  expect(tokenWeight("abcdefgh")).toBe(2);
  expect(tokenWeight("世界世")).toBe(2);
  const small = promptTokens(build({ messages: [user("x", image())] }));
  expect(promptTokens(build({ messages: [user("x", image("image/png", "A".repeat(100_000)))] }))).toBe(small);
});
