import { describe, expect, test } from "bun:test";
import type { Message } from "../../../src/chat/request.ts";
import {
  boundByUser,
  CANCELLED,
  CONTINUE,
  foldSystem,
  orderTurns,
  pairTools,
  turnsOf,
  uniqueIds,
  type AssistantTurn,
  type Turn,
  type UserTurn,
} from "../../../src/providers/kiro/turns.ts";
import { assistant, call, image, result, system, user } from "./helpers.ts";

const says = (text: string, over: Partial<UserTurn> = {}): UserTurn => ({
  role: "user",
  text,
  images: [],
  results: [],
  ...over,
});
const answers = (text: string, over: Partial<AssistantTurn> = {}): AssistantTurn => ({
  role: "assistant",
  text,
  calls: [],
  ...over,
});
const calls = (...ids: string[]) => ids.map((id) => ({ id, name: "read", input: {} }));
const gave = (toolUseId: string, text = "done") => ({ toolUseId, content: [{ text }], status: "success" as const });
const cancelled = (toolUseId: string) => ({ toolUseId, content: [{ text: CANCELLED }], status: "error" as const });

describe("rule 1: roles alternate", () => {
  const cases: { name: string; messages: Message[]; turns: Turn[] }[] = [
    { name: "users in a row become one", messages: [user("a"), user("b")], turns: [says("a\n\nb")] },
    {
      name: "assistants in a row become one, with all calls",
      messages: [user("a"), assistant("b", call("1")), assistant("c", call("2"))],
      turns: [says("a"), answers("b\n\nc", { calls: calls("1", "2") })],
    },
    {
      name: "L7 a message without content is none, and its neighbours meet",
      messages: [user("a"), assistant(), user("b")],
      turns: [says("a\n\nb")],
    },
    { name: "blank text is none", messages: [user("a"), assistant(" \n"), user("b")], turns: [says("a\n\nb")] },
    { name: "a later system message keeps its place", messages: [user("a"), system("now")], turns: [says("a\n\nnow")] },
  ];
  test.each(cases)("$name", ({ messages, turns }) => {
    expect(turnsOf(messages).turns).toEqual(turns);
  });
});

test("O11 the system text is all system messages in front, in order", () => {
  expect(turnsOf([system("one"), system(""), system("two"), user("hi")]).system).toBe("one\n\ntwo");
});

describe("rules 1 and 2: begins and ends with the user", () => {
  const go = says(CONTINUE);
  test.each<{ name: string; turns: Turn[]; bound: Turn[] }>([
    { name: "as it should be", turns: [says("a")], bound: [says("a")] },
    { name: "an answer in front", turns: [answers("b"), says("c")], bound: [go, answers("b"), says("c")] },
    { name: "an answer at the end", turns: [says("a"), answers("b")], bound: [says("a"), answers("b"), go] },
    { name: "nothing at all", turns: [], bound: [go] },
  ])("$name", ({ turns, bound }) => {
    expect(boundByUser(turns)).toEqual(bound);
  });
});

describe("rule 3: the system text stands in front of the first user text, once", () => {
  test.each<{ name: string; turns: Turn[]; folded: Turn[] }>([
    { name: "one message", turns: [says("a")], folded: [says("S\n\na")] },
    {
      name: "a history",
      turns: [says("a"), answers("b"), says("c")],
      folded: [says("S\n\na"), answers("b"), says("c")],
    },
    { name: "a message without text", turns: [says("")], folded: [says("S")] },
  ])("kiro trap 12, O10: $name", ({ turns, folded }) => {
    expect(foldSystem(turns, "S")).toEqual(folded);
  });
});

describe("rules 5 and 10: calls and results in pairs, in order", () => {
  const cases: { name: string; turns: Turn[]; paired: Turn[] }[] = [
    {
      name: "results take the order of the calls",
      turns: [answers("", { calls: calls("1", "2") }), says("", { results: [gave("2"), gave("1")] })],
      paired: [answers("", { calls: calls("1", "2") }), says("", { results: [gave("1"), gave("2")] })],
    },
    {
      name: "a missing result says that the call was cancelled",
      turns: [answers("", { calls: calls("1", "2") }), says("stop", { results: [gave("2")] })],
      paired: [answers("", { calls: calls("1", "2") }), says("stop", { results: [cancelled("1"), gave("2")] })],
    },
    {
      name: "calls at the very end get a turn that cancels them",
      turns: [says("a"), answers("", { calls: calls("1") })],
      paired: [says("a"), answers("", { calls: calls("1") }), says("", { results: [cancelled("1")] })],
    },
    {
      name: "an orphan becomes text in front of the words",
      turns: [says("go on", { results: [gave("x", "lost")] })],
      paired: [says("Result of an earlier tool call:\nlost\n\ngo on")],
    },
    {
      name: "a second result of one call is an orphan",
      turns: [answers("", { calls: calls("1") }), says("", { results: [gave("1", "a"), gave("1", "b")] })],
      paired: [
        answers("", { calls: calls("1") }),
        says("Result of an earlier tool call:\nb", { results: [gave("1", "a")] }),
      ],
    },
  ];
  test.each(cases)("$name", ({ turns, paired }) => {
    expect(pairTools(turns)).toEqual(paired);
  });
});

test("rule 5: an id used again in a later round is renamed with its result; one used twice in a round goes once", () => {
  const round: Turn[] = [answers("", { calls: calls("1") }), says("", { results: [gave("1")] })];
  expect(uniqueIds([...round, ...round])).toEqual([
    ...round,
    answers("", { calls: calls("1_2") }),
    says("", { results: [gave("1_2")] }),
  ]);
  expect(uniqueIds([answers("", { calls: calls("1", "1") })])).toEqual([answers("", { calls: calls("1") })]);
});

test("all rules together leave no history broken", () => {
  const { turns } = turnsOf([assistant("hi"), user(result("0")), assistant(call("1")), assistant(call("2"))]);
  expect(orderTurns(turns, "S").map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant", "user"]);
});

describe("rule 9: images", () => {
  test("stand on their message, and those of tool results are lifted to it and named in order", () => {
    const held = { type: "tool-result", callId: "1", isError: true } as const;
    const part = { ...held, content: [{ type: "text", text: "shot" } as const, image(), image("image/jpg")] };
    const [turn] = turnsOf([user(image("image/webp"), part)]).turns;
    expect(turn).toEqual(
      says("", {
        images: ["webp", "png", "jpeg"].map((format) => ({
          format: format as "png",
          source: { bytes: "iVBORw==" },
        })),
        results: [
          {
            toolUseId: "1",
            content: [{ text: "shot\n[image 2 attached]\n[image 3 attached]" }],
            status: "error",
          },
        ],
      }),
    );
  });

  test("of joined messages are counted on", () => {
    const part = { type: "tool-result", callId: "1", isError: false, content: [image()] } as const;
    const [turn] = turnsOf([user(image()), user(part)]).turns;
    expect(turn).toMatchObject({ results: [{ content: [{ text: "[image 2 attached]" }] }] });
  });

  test.each([
    {
      name: "an address",
      part: { type: "image", source: { kind: "url", url: "https://x.example/a.png" } } as const,
      says: /not by its address/,
    },
    { name: "another format", part: image("image/tiff"), says: /PNG, JPEG/ },
    { name: "too many bytes", part: image("image/png", "A".repeat(5_300_000)), says: /3.75 MB/ },
  ])("O13: $name is refused in words, never dropped", ({ part, says: words }) => {
    expect(() => turnsOf([user("look", part)])).toThrow(words);
  });

  test("line breaks in the base64 are taken out, as the service does not read them", () => {
    const [turn] = turnsOf([user(image("image/png", "iVBO\nRw==\r\n"))]).turns;
    expect(turn).toMatchObject({ images: [{ format: "png", source: { bytes: "iVBORw==" } }] });
  });

  test("more than twenty in one message are refused in words", () => {
    const twenty = Array.from({ length: 20 }, () => image());
    expect(turnsOf([user(...twenty)]).turns).toHaveLength(1);
    expect(() => turnsOf([user(...twenty), user(image())])).toThrow(/at most 20/);
  });
});

describe("thinking in the history", () => {
  const signed = { type: "reasoning", text: "I", signature: "s" } as const;
  test.each([
    { name: "with its signature stays", parts: [signed], reasoning: { reasoningText: { text: "I", signature: "s" } } },
    { name: "without one is left out", parts: [{ type: "reasoning", text: "I" } as const], reasoning: undefined },
    {
      name: "that is encrypted stays as it is",
      parts: [{ type: "reasoning", text: "", redacted: "QQ==" } as const],
      reasoning: { redactedContent: "QQ==" },
    },
  ])("$name", ({ parts, reasoning }) => {
    const turn = turnsOf([user("a"), assistant(...parts, "b")]).turns[1] as AssistantTurn;
    expect(turn.reasoning).toEqual(reasoning as never);
  });
});
