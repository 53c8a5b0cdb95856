import { describe, expect, test } from "bun:test";
import type { Message, Part } from "../../src/chat/request.ts";
import { AnswerDraft, historyKey, splitHistory, type HistoryScope } from "../../src/router/history.ts";

const scope: HistoryScope = { caller: "key key_1", provider: "cto", model: "GPT5" };
const words = (text: string): Part => ({ type: "text", text });
const user = (...parts: Part[]): Message => ({ role: "user", parts });
const system = (...texts: string[]): Message => ({ role: "system", parts: texts.map(words) });
const answer = (...parts: Part[]): Message => ({ role: "assistant", parts });
const call = (id: string, json: string): Part => ({ type: "tool-call", id, name: "read", json });
const result = (callId: string, text: string, isError = false): Part => ({
  type: "tool-result",
  callId,
  content: [{ type: "text", text }],
  isError,
});
const image = (data: string): Part => ({ type: "image", source: { kind: "base64", mediaType: "image/png", data } });

const plain = [user(words("Hi")), answer(words("Hello"))];

describe("one history", () => {
  const cases: { name: string; one: Message[]; other: Message[] }[] = [
    { name: "outer white space", one: plain, other: [user(words(" Hi\n")), answer(words("\nHello "))] },
    { name: "texts cut into blocks", one: plain, other: [user(words("H"), words("i")), answer(words("Hello"))] },
    {
      name: "thinking",
      one: plain,
      other: [user(words("Hi")), answer({ type: "reasoning", text: "Hm", signature: "s" }, words("Hello"))],
    },
    { name: "empty messages", one: plain, other: [system(""), user(words("Hi")), answer(words("Hello")), user()] },
    {
      name: "ids of tool calls, and how their arguments are written",
      one: [user(words("Hi")), answer(call("a", '{"path":"x"}')), user(result("a", "text"))],
      other: [user(words("Hi")), answer(call("b", '{ "path": "x" }')), user(result("b", "text\n"))],
    },
    {
      name: "the billing line of Claude Code in a block of its own",
      one: [system("x-anthropic-billing-header: cc_version=1; cch=aaaa;", "You are Claude Code."), ...plain],
      other: [system("x-anthropic-billing-header: cc_version=1; cch=bbbb;", "You are Claude Code."), ...plain],
    },
    {
      name: "a billing line that is not there",
      one: [system("x-anthropic-billing-header: cc_version=1;\nYou are Claude Code."), ...plain],
      other: [system("You are Claude Code."), ...plain],
    },
    {
      name: "an answer that came back as several messages",
      one: [user(words("Hi")), answer(words("I read."), call("a", "{}"))],
      other: [
        user(words("Hi")),
        answer({ type: "reasoning", text: "Hm" }),
        answer(words("I read.")),
        answer(call("b", "{}")),
      ],
    },
  ];
  test.each(cases)("is the same in spite of $name", ({ one, other }) => {
    expect(historyKey(other, scope)).toBe(historyKey(one, scope));
  });

  const different: { name: string; one?: Message[]; other: Message[]; scope?: Partial<HistoryScope> }[] = [
    { name: "an edited question", other: [user(words("Hey")), answer(words("Hello"))] },
    { name: "an edited answer", other: [user(words("Hi")), answer(words("Hello!"))] },
    { name: "white space inside", other: [user(words("H i")), answer(words("Hello"))] },
    { name: "another system prompt", other: [system("Be brief."), ...plain] },
    { name: "the words of another role", other: [answer(words("Hi")), user(words("Hello"))] },
    { name: "one message more", other: [...plain, user(words("And?"))] },
    { name: "another speaker", other: [{ ...user(words("Hi")), name: "Ann" }, answer(words("Hello"))] },
    { name: "another caller", other: plain, scope: { caller: "key key_2" } },
    { name: "another provider", other: plain, scope: { provider: "longcat" } },
    { name: "another model", other: plain, scope: { model: "ClaudeSonnet4_5" } },
    {
      name: "a billing line in a question, which is its words",
      one: [user(words("x-anthropic-billing-header: a")), answer(words("Hello"))],
      other: [user(words("x-anthropic-billing-header: b")), answer(words("Hello"))],
    },
    { name: "another image", one: [user(image("AAAA"))], other: [user(image("BBBB"))] },
    { name: "other arguments", one: [answer(call("a", '{"x":1}'))], other: [answer(call("a", '{"x":2}'))] },
    { name: "a failed tool", one: [user(result("a", "x"))], other: [user(result("a", "x", true))] },
  ];
  test.each(different)("is another one with $name", ({ one = plain, other, scope: change }) => {
    expect(historyKey(other, { ...scope, ...change })).not.toBe(historyKey(one, scope));
  });
});

describe("what a chat may hold already", () => {
  test("is all up to the last answer; the rest is new", () => {
    const next = user(words("And?"));
    const { key, tail } = splitHistory([...plain, next], scope);
    expect(key).toBe(historyKey(plain, scope));
    expect(tail).toEqual([next]);
  });
  const first: { name: string; messages: Message[] }[] = [
    { name: "a first question", messages: [system("Be brief."), user(words("Hi"))] },
    { name: "an answer to be continued", messages: plain },
  ];
  test.each(first)("is nothing for $name", ({ messages }) => {
    expect(splitHistory(messages, scope)).toEqual({ key: undefined, tail: messages });
  });
});

test("an answer as it was sent is the answer as it comes back", () => {
  const draft = new AnswerDraft(true);
  draft.add({ type: "reasoning-delta", text: "Hm" });
  draft.add({ type: "text-delta", text: "I " });
  draft.add({ type: "text-delta", text: "read. " });
  draft.add({ type: "tool-call-start", id: "1", name: "read" });
  draft.add({ type: "tool-call-delta", id: "1", json: '{"path":' });
  draft.add({ type: "tool-call-delta", id: "1", json: '"x"}' });
  const back = answer(words("I read."), call("toolu_9", '{ "path": "x" }'));
  expect(historyKey([draft.message()], scope)).toBe(historyKey([back], scope));
});
