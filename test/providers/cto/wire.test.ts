import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../../src/chat/event.ts";
import { chatIdOf, chatOf } from "../../../src/providers/cto/chats.ts";
import { checkSize, streamUrl, turnBody, TurnReader } from "../../../src/providers/cto/wire.ts";

const state = (inProgress: boolean): string => JSON.stringify({ type: "state", state: { inProgress } });
const update = (inner: unknown): string => JSON.stringify({ type: "update", buffer: `${JSON.stringify(inner)}\n` });
const chat = (content: unknown, id?: string): string => update({ id, type: "chat", chat: { content } });
const said = (content: unknown, id?: string): string => update({ id, role: "assistant", content });

function read(messages: readonly string[]): { text: string; thinking: string; reader: TurnReader } {
  const reader = new TurnReader();
  const events: UpstreamEvent[] = [];
  for (const message of messages) reader.read(message, events);
  const textOf = (type: string) =>
    events.map((event) => (event.type === type && "text" in event ? event.text : "")).join("");
  return { text: textOf("text-delta"), thinking: textOf("reasoning-delta"), reader };
}
/** A message told as snapshots, one character longer each. */
const grown = (whole: string): string[] =>
  Array.from(whole, (_, at) =>
    chat(
      Array.from(whole)
        .slice(0, at + 1)
        .join(""),
      "a",
    ),
  );
const turn = (...messages: string[]) => read([state(true), ...messages, state(false)]);

describe("R7 pieces of text add up, byte for byte", () => {
  const WHOLE = "The quick brown fox";
  const cases: [string, string[], string][] = [
    ["equal pieces", ["ha", "ha", "hay"].map((piece) => chat(piece, "a")), "hahahay"],
    ["equal digits", ["1", "1", "0"].map((piece) => chat(piece, "a")), "110"],
    ["counting", ["1", ",", " ", "2", ",", " ", "3"].map((piece) => chat(piece, "a")), "1, 2, 3"],
    ["pieces that grow but are short", ["a", "aa", "aaa", "aaaa"].map((piece) => chat(piece, "a")), "aaaaaaaaaa"],
    ["one long piece that repeats the beginning", [chat(WHOLE, "a"), chat(`${WHOLE}!`, "a")], `${WHOLE}${WHOLE}!`],
    [
      "one long repetition, then text of its own",
      [chat(WHOLE, "a"), chat(`${WHOLE}!`, "a"), chat(" And more", "a")],
      `${WHOLE}${WHOLE}! And more`,
    ],
    ["an equal long piece twice", [chat(WHOLE, "a"), chat(WHOLE, "a"), chat(WHOLE, "a")], WHOLE.repeat(3)],
    [
      "snapshots",
      ["The quick", "The quick brown", "The quick brown fox", "The quick brown fox.", "The quick brown fox."].map(
        (piece) => chat(piece, "a"),
      ),
      "The quick brown fox.",
    ],
    ["snapshots that begin short", grown("Well then, 日本 👩‍👧"), "Well then, 日本 👩‍👧"],
    ["snapshots that begin with blanks", grown("  \n\n and more"), "  \n\n and more"],
    [
      "a beginning said over and over",
      ["ab", "abab", "ababab", "abababab"].map((piece) => chat(piece, "a")),
      "ab".repeat(10),
    ],
    ["two pieces that grow", ["The", "Then", " it"].map((piece) => chat(piece, "a")), "TheThen it"],
    [
      "snapshots under ids of their own",
      [chat("The quick", "a"), chat("The quick brown", "b"), chat("The quick brown fox", "c")],
      "The quickThe quick brownThe quick brown fox",
    ],
    [
      "snapshots of one message, pieces of the next",
      [
        ...["The quick", "The quick brown", "The quick brown fox"].map((piece) => chat(piece, "a")),
        chat(" jumps", "b"),
        chat(" jumps", "b"),
      ],
      "The quick brown fox jumps jumps",
    ],
    ["pieces without an id", [chat("a"), chat("a"), chat("b")], "aab"],
    [
      "a list of blocks",
      [chat([{ type: "text", text: "a" }, { type: "image" }, { type: "text", text: "b" }], "a")],
      "ab",
    ],
    ["texts with a role that grow", [said("He", "a"), said("Hello", "a"), said("Hello", "a")], "Hello"],
    ["the whole text at the end", [chat("The quick ", "a"), chat("brown fox", "a"), said(WHOLE, "b")], WHOLE],
    ["two messages with a role", [said("One.", "a"), said("Two.", "b")], "One.Two."],
    ["blocks with a role", [said([{ type: "text", text: "Hi" }], "a")], "Hi"],
    [
      "an update that is an object",
      [JSON.stringify({ type: "update", buffer: { type: "chat", chat: { content: "x" } } })],
      "x",
    ],
    [
      "two objects in one buffer",
      [
        JSON.stringify({
          type: "update",
          buffer: `${JSON.stringify({ type: "chat", chat: { content: "x" } })}\n${JSON.stringify({ type: "chat", chat: { content: "y" } })}\n`,
        }),
      ],
      "xy",
    ],
    ["quotes and line ends", [chat('say "hi"\n\\n', "a"), chat("\r\n\u2028", "a")], 'say "hi"\n\\n\r\n\u2028'],
    [
      "the echo of the prompt",
      [update({ role: "user", content: [{ type: "text", text: "Hi" }] }), chat("a", "a")],
      "a",
    ],
    ["tool steps", [update({ type: "tool_use", name: "bash" }), chat("a", "a")], "a"],
  ];
  test.each(cases)("%s", (_name, messages, text) => expect(turn(...messages).text).toBe(text));

  test("thinking and answer are counted apart", () => {
    const thought = (content: string) => update({ id: "t", type: "thinking", chat: { content } });
    const { text, thinking } = turn(thought("The quick"), chat("The quick", "t"), thought(" fox"), chat(" fox", "t"));
    expect([text, thinking]).toEqual(["The quick fox", "The quick fox"]);
  });
});

describe("trap 1 the end", () => {
  const ends: [string, string[], boolean][] = [
    ["an idle state at first", [state(false)], false],
    ["idle states around the echo", [state(false), update({ role: "user", content: "Hi" }), state(false)], false],
    ["busy and idle", [state(true), state(false)], true],
    ["a piece and idle", [chat("a"), state(false)], true],
    ["busy alone", [state(false), state(true)], false],
    ["a state without its field", [state(true), '{"type":"state","state":{}}'], false],
  ];
  test.each(ends)("%s", (_name, messages, ended) => expect(read(messages).reader.ended).toBe(ended));

  test("nothing counts after the end", () => {
    expect(read([state(true), chat("a"), state(false), chat("late")]).text).toBe("a");
  });
});

test("a turn of each protocol is posted as that protocol has it", () => {
  expect(JSON.parse(turnBody("v1", "ü", "id", "GPT5"))).toEqual({
    prompt: "ü",
    chatHistoryId: "id",
    adapterName: "GPT5",
  });
  expect(JSON.parse(turnBody("v2", "ü", "id", "GPT5"))).toEqual({ prompt: "w7w=", chatHistoryId: "id", encoded: true });
});

test("trap 16 a body is measured in bytes: at the limit it goes, one byte more is refused", () => {
  expect(() => checkSize("ü".repeat(5), 10)).not.toThrow();
  expect(() => checkSize(`${"ü".repeat(5)}x`, 10)).toThrow("prompt is too long: 11 bytes > 10 maximum");
});

test("the socket's address escapes what it carries", () => {
  const address = { chatHistoryId: "a/b", user: "user_1", organisation: "org_1", workspace: "ws 1" };
  expect(streamUrl("http://127.0.0.1:1/", { protocol: "v1", ...address })).toBe(
    "ws://127.0.0.1:1/engine-agent/chat-histories/a%2Fb/buffer/stream?token=user_1",
  );
  expect(streamUrl("wss://api.enginelabs.ai", { protocol: "v2", ...address })).toBe(
    "wss://api.enginelabs.ai/engine-agent/chat-histories/a%2Fb/buffer/stream?token=user_1%3Aorg_1&workspaceId=ws+1",
  );
});

test("a chat's id tells its protocol and workspace", () => {
  const chats = [
    { protocol: "v1", chatHistoryId: "0b9f-4c", workspace: undefined },
    { protocol: "v2", chatHistoryId: "p:1", workspace: "w:2" },
    { protocol: "v2", chatHistoryId: "p", workspace: undefined },
  ] as const;
  for (const one of chats) expect(chatOf(chatIdOf(one))).toEqual(one);
});
