import { describe, expect, test } from "bun:test";
import type { UpstreamEvent } from "../../src/chat/event.ts";
import { estimateTokens } from "../../src/emulate/estimate.ts";
import { cutAtLimit, cutAtStop } from "../../src/emulate/stop.ts";

type Content = Exclude<UpstreamEvent, { type: "progress" }>;
const text = (value: string): Content => ({ type: "text-delta", text: value });
const end: Content = { type: "end", reason: "stop", usage: undefined };

/** What comes out up to the first end, given one event after the other. */
function run(
  stage: (emit: (event: Content) => void) => (event: Content) => void,
  events: readonly Content[],
): Content[] {
  const out: Content[] = [];
  const push = stage((event) => out.push(event));
  for (const event of events) {
    push(event);
    if (out.some(({ type }) => type === "end")) break;
  }
  return out;
}
const stopped = (sequences: string[], events: readonly Content[]) => run((emit) => cutAtStop(sequences, emit), events);
const limited = (tokens: number, events: readonly Content[]) => run((emit) => cutAtLimit(tokens, emit), events);
const textOf = (events: readonly Content[]) =>
  events.map((event) => (event.type === "text-delta" ? event.text : "")).join("");

describe("stop sequences", () => {
  const cases: { name: string; stop: string[]; text: string; answer: string; met?: string }[] = [
    { name: "in the middle", stop: ["###"], text: "one ### two", answer: "one ", met: "###" },
    { name: "at the beginning", stop: ["one"], text: "one two", answer: "", met: "one" },
    { name: "at the very end", stop: ["two"], text: "one two", answer: "one ", met: "two" },
    { name: "only its beginning", stop: ["two!"], text: "one two", answer: "one two" },
    { name: "a beginning that repeats", stop: ["aab"], text: "aaaab", answer: "aa", met: "aab" },
    { name: "the first of several", stop: ["two", "one"], text: "zero one two", answer: "zero ", met: "one" },
    { name: "the one that is whole first", stop: ["abcd", "bc"], text: "xabcd", answer: "xa", met: "bc" },
    { name: "the longer of two that end together", stop: ["c", "abc"], text: "xabc", answer: "x", met: "abc" },
    { name: "across lines", stop: ["\n\nUser:"], text: "Hi\n\nUser: you", answer: "Hi", met: "\n\nUser:" },
    { name: "Han and emoji", stop: ["结束👋"], text: "开始结束👋后", answer: "开始", met: "结束👋" },
  ];
  test.each(cases)("$name: cut the same however the text arrives", ({ stop, text: whole, answer, met }) => {
    for (let first = 0; first <= whole.length; first++) {
      for (let second = first; second <= whole.length; second++) {
        const pieces = [whole.slice(0, first), whole.slice(first, second), whole.slice(second)].filter(Boolean);
        const out = stopped(stop, [...pieces.map(text), end]);
        expect(textOf(out)).toBe(answer);
        expect(out.at(-1)).toEqual(met ? { ...end, reason: "stop-sequence", stopSequence: met } : end);
      }
    }
  });

  test("only what may become a stop sequence is held back", () => {
    const out: Content[] = [];
    const push = cutAtStop(["END"], (event) => out.push(event));
    push(text("one E"));
    expect(textOf(out)).toBe("one ");
    push(text("N"));
    expect(textOf(out)).toBe("one ");
    push(text("ough"));
    expect(textOf(out)).toBe("one ENough");
  });

  test("held text goes out before a call begins, and sources do not loosen it", () => {
    const call: Content = { type: "tool-call-start", id: "1", name: "n" };
    expect(stopped(["END"], [text("E"), call, text("ND"), end])).toEqual([text("E"), call, text("ND"), end]);
    expect(stopped(["END"], [text("aE"), { type: "citations", citations: [] }, text("ND")]).at(-1)?.type).toBe("end");
  });

  test("thinking is not searched", () => {
    const thought: Content = { type: "reasoning-delta", text: "END" };
    expect(stopped(["END"], [thought, end])).toEqual([thought, end]);
  });

  test("the upstream's whole text is cut as well", () => {
    expect(stopped(["END"], [{ ...end, text: "one END two" }])).toEqual([
      { ...end, text: "one ", reason: "stop-sequence", stopSequence: "END" },
    ]);
  });
});

describe("output limit", () => {
  const long = "The quick brown fox jumps over the lazy dog. ".repeat(20);

  test("an answer below the limit is untouched", () => {
    expect(limited(1000, [text(long), end])).toEqual([text(long), end]);
  });

  test("L10 a longer one ends with reason length, at the same place however it arrives", () => {
    const whole = limited(50, [text(long), end]);
    expect(whole.at(-1)).toEqual({ ...end, reason: "length" });
    expect(estimateTokens(textOf(whole))).toBe(50);
    const pieces = long.split("").map(text);
    expect(textOf(limited(50, [...pieces, end]))).toBe(textOf(whole));
  });

  test("thinking and arguments count", () => {
    expect(limited(5, [{ type: "reasoning-delta", text: long }, text("answer")]).map(({ type }) => type)).toEqual([
      "reasoning-delta",
      "end",
    ]);
    expect(limited(5, [{ type: "tool-call-delta", id: "1", json: long }]).at(-1)).toEqual({ ...end, reason: "length" });
  });

  test("no character is cut in half", () => {
    for (let tokens = 1; tokens < 12; tokens++) {
      expect(textOf(limited(tokens, [text("👋🏽🎉a🚀b👨‍👩‍👧"), end])).isWellFormed()).toBe(true);
    }
  });

  test("the upstream's whole text is cut as well", () => {
    const [only] = limited(5, [{ ...end, text: long }]);
    expect(only).toMatchObject({ type: "end", reason: "length" });
    expect(only?.type === "end" && estimateTokens(only.text ?? "")).toBe(5);
  });
});

test.each(["Yes", "no", "42", "True", "🐈", "是"])("a limit of one token lets %s through", (word) => {
  expect(limited(1, [text(word), end])).toEqual([text(word), end]);
  expect(limited(1, [{ ...end, text: word }])).toEqual([{ ...end, text: word }]);
});

test("a limit of one token ends an answer after its first word", () => {
  const out = limited(1, [text("Yes, of course"), end]);
  expect([textOf(out), out.at(-1)]).toMatchObject(["Yes", { type: "end", reason: "length" }]);
});
