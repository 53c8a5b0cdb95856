import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import type { UpstreamEvent } from "../../../src/chat/event.ts";
import { Answer } from "../../../src/providers/longcat/answer.ts";
import { seededRandom } from "../../seeded-random.ts";

const utf8 = new TextEncoder();
const PLAIN = { agentId: "1", reason: false, search: false };
const THINKING = { ...PLAIN, reason: true };

const event = (type: string, fields: object = {}, frame: object = {}) =>
  `data:${JSON.stringify({ messageId: 12, event: { type, ...fields, status: "PROCESSING" }, lastOne: false, ...frame })}\n\n`;
const content = (text: string) => event("content", { content: text });
const finish = (final?: string) => event("finish", { finalContentX: final }, { lastOne: true });

const now = (): number => 0;

/** One batch of events for each piece, and one for the end. */
function told(pieces: readonly (string | Uint8Array)[], mode = PLAIN): UpstreamEvent[][] {
  const answer = new Answer(mode, 4_194_304, now);
  const batches: UpstreamEvent[][] = [];
  for (const piece of pieces) {
    const out: UpstreamEvent[] = [];
    answer.read(typeof piece === "string" ? utf8.encode(piece) : piece, out);
    batches.push(out);
  }
  const out: UpstreamEvent[] = [];
  answer.end(out);
  return [...batches, out];
}

const textOf = (batches: UpstreamEvent[][]) =>
  batches.flat().reduce((text, one) => (one.type === "text-delta" ? text + one.text : text), "");

describe("frames that differ in their text alone", () => {
  test("of one read are one event, and none is lost", () => {
    const few = ["one", " two", ' "three"', "\n\n", "四🐈", " five"];
    const many = Array.from({ length: 300 }, (_, index) => (index === 150 ? 'line\n"' : `${index} `));
    for (const pieces of [few, many]) {
      const [batch] = told([pieces.map(content).join("") + finish()]);
      expect(batch).toEqual([{ type: "text-delta", text: pieces.join("") }]);
    }
  });

  test("of one read are joined only where they add up", () => {
    const pieces = Array.from({ length: 100 }, (_, index) => "0123456789".repeat(index + 1));
    expect(textOf(told([pieces.map(content).join("") + finish()]))).toBe("0123456789".repeat(100));
    const think = event("think", { content: "Hm. " });
    const texts = Array.from({ length: 40 }, (_, index) => `${index} `);
    const group = ["a long ", "a long group", "a long group!", "a long group!?"];
    const frames = [...texts.map(content), think, ...group.map(content), finish()];
    expect(textOf(told([frames.join("")]))).toBe(`${texts.join("")}a long group!?`);
  });

  test("are refused when the text is not JSON", () => {
    for (const broken of ["\t", "\\x", "\\"])
      expect(() => told([content("a"), content("a").replace('"a"', `"${broken}"`)])).toThrow("not JSON");
  });

  test("are parsed when something else differs too", () => {
    const used = event("content", { content: "b" }, { tokenInfo: { promptTokens: 3, completionTokens: 4 } });
    const twice = [
      used,
      event("finish", { usage: { inputTokens: 5, outputTokens: 6 } }),
      used,
      event("x", {}, { lastOne: true }),
    ];
    expect(
      told([twice.join("")])
        .flat()
        .at(-1),
    ).toMatchObject({ usage: { outputTokens: 4 } });
    const last = event("content", { content: "c" }, { lastOne: true });
    const over = event("finish");
    expect(
      told([content("a") + used + over])
        .flat()
        .at(-1),
    ).toMatchObject({ usage: { outputTokens: 4 } });
    expect(textOf(told([content("a") + last + content("d") + over]))).toBe("ac");
  });
});

test("an answer of frames at random is the same however its bytes were cut", () => {
  const random = seededRandom(3);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const texts = ["a", "token ", "你好", "🐈", "\n\n", '"q"', "\\", "ha", "| --- |\n", "é".repeat(90)];
  const join = (batches: UpstreamEvent[][]) => {
    const events: UpstreamEvent[] = [];
    for (const one of batches.flat()) {
      const last = events.at(-1);
      if (one.type !== "end" && "text" in one && last?.type === one.type)
        events[events.length - 1] = { ...one, text: last.text + one.text };
      else if (one.type !== "progress") events.push(one);
    }
    return events;
  };
  for (let turn = 0; turn < 400; turn++) {
    let total = "";
    const frames = Array.from({ length: 1 + Math.floor(random() * 80) }, () => {
      const text = pick(texts);
      if (random() < 0.1) return event(pick(["think", "summary", "plugin"]), { content: text });
      total += text;
      if (random() < 0.05) return `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\r\n\r\n`;
      return content(text);
    });
    const bytes = utf8.encode(`${frames.join("")}${finish(random() < 0.5 ? total || "x" : "x")}`);
    const cuts = Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * bytes.length));
    const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
    const pieces = ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    const mode = pick([PLAIN, THINKING]);
    const whole = join(told([bytes], mode));
    expect(join(told(pieces, mode))).toEqual(whole);
    expect(join(told(bytewise, mode))).toEqual(whole);
  }
});

describe("the end of the bytes", () => {
  test("a last frame without its empty line counts", () => {
    expect(textOf(told([content("a"), finish().trimEnd()]))).toBe("a");
  });

  test("a frame that is cut after the finish does not spoil the answer", () => {
    const finished = event("finish", { finalContentX: "a" });
    const batches = told([content("a") + finished, 'data:{"event":{"ty']);
    expect([textOf(batches), batches.flat().at(-1)?.type]).toEqual(["a", "end"]);
  });

  test("a frame that is cut before the finish is a broken answer", () => {
    expect(() => told([content("a"), 'data:{"event":{"ty'])).toThrow(GatewayError);
  });
});

test.each([
  ["an error event", event("event_error", { message: "boom" })],
  ["a frame with a code", 'data:{"code":500,"message":"boom"}\n\n'],
  ["broken JSON", "data:{\n\n"],
])("%s behind the finish takes nothing from the answer", (_, behind) => {
  const finished = event("finish", { finalContentX: "ab" });
  for (const pieces of [[content("a") + finished + behind], [content("a") + finished, behind]]) {
    const batches = told(pieces);
    expect([textOf(batches), batches.flat().at(-1)]).toMatchObject(["ab", { type: "end", reason: "stop" }]);
  }
});

test("a code that is no number is no error", () => {
  expect(textOf(told([content("a"), 'data:{"code":"500","message":"boom"}\n\n', finish("a")]))).toBe("a");
});

test("text that may be thinking is held back for two seconds at most", () => {
  let atMs = 5000;
  const answer = new Answer(THINKING, 4_194_304, () => atMs);
  const read = (frame: string): UpstreamEvent[] => {
    const out: UpstreamEvent[] = [];
    answer.read(utf8.encode(frame), out);
    return out;
  };
  expect(read(event("think", { content: "Hm." }))).toEqual([{ type: "reasoning-delta", text: "Hm." }]);
  expect(read(content("one "))).toEqual([{ type: "progress" }]);
  atMs += 1999;
  expect(read(content("two "))).toEqual([{ type: "progress" }]);
  atMs += 1;
  expect(read(content("three "))).toEqual([{ type: "text-delta", text: "one two three " }]);
  expect(read(content("four"))).toEqual([{ type: "text-delta", text: "four" }]);
});

test("a preamble and the answer in one group of text are parted by the whole text", () => {
  const frames = [event("think", { content: "Hm. " }), content("I will look. "), content("The "), content("answer.")];
  const batches = told([...frames, finish("The answer.")], THINKING);
  const thought = batches.flat().map((one) => (one.type === "reasoning-delta" ? one.text : ""));
  expect([textOf(batches), thought.join("")]).toEqual(["The answer.", "Hm. I will look. "]);
});

test("bytes with an event but nothing to say are progress; bytes without an event are nothing", () => {
  const [batch, none] = told([event("plugin"), ": words\n\n", content("a") + finish()]);
  expect([batch, none]).toEqual([[{ type: "progress" }], []]);
});
