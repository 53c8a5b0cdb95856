import { describe, expect, test } from "bun:test";
import { Answer, idsIn, readChunk } from "../../../src/providers/langfast/answer.ts";

const ID = "job";
const chunk = (content: string | null, status = "in_progress", more: object = {}) =>
  readChunk({ executionId: ID, status, content, finish_reason: null, ...more });

/** Reads each chunk and takes after each. */
function play(chunks: ReturnType<typeof chunk>[]): { pieces: string[]; answer: Answer } {
  const answer = new Answer();
  const pieces = chunks.map((each) => {
    answer.read(each);
    return answer.take();
  });
  return { pieces, answer };
}

describe("cumulative text becomes exact deltas", () => {
  const TEXT = "a😀é漢字👩‍👩‍👧 \r\n\u2028end";

  test("at every cut, also inside surrogate pairs", () => {
    for (let step = 1; step <= 4; step++) {
      const chunks = [];
      for (let end = 0; end < TEXT.length; end += step) chunks.push(chunk(TEXT.slice(0, end)));
      const { pieces, answer } = play([...chunks, chunk(TEXT, "completed")]);
      expect(pieces.join("")).toBe(TEXT);
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      expect(answer.ended).toBe(true);
    }
  });

  test("a text cut inside a character by its writer is repaired by the next chunk", () => {
    const { pieces } = play([chunk("na\uFFFD"), chunk("naï\uFFFD\uFFFD"), chunk("naïve", "completed")]);
    expect(pieces).toEqual(["na", "ï", "ve"]);
  });

  test("a replacement character that stays is given at the end", () => {
    expect(play([chunk("x\uFFFD"), chunk("x\uFFFD", "completed")]).pieces.join("")).toBe("x\uFFFD");
  });

  test("chunks that nobody read fold into one piece", () => {
    const answer = new Answer();
    for (const text of ["a", "ab", "", "abc"]) answer.read(chunk(text));
    expect(answer.take()).toBe("abc");
    expect(answer.take()).toBe("");
  });

  test("trap 6: a shorter or empty text takes nothing back", () => {
    expect(play([chunk("Hello"), chunk("He"), chunk(""), chunk(null), chunk("Hello you")]).pieces).toEqual([
      "Hello",
      "",
      "",
      "",
      " you",
    ]);
  });

  test("trap 6: a revised text gives no mixture but is told", () => {
    const { pieces, answer } = play([chunk("Hello"), chunk("Help me"), chunk("Help me please", "completed")]);
    expect(pieces).toEqual(["Hello", "", ""]);
    expect(answer).toMatchObject({ revised: true, text: "Help me please", ended: true });
  });

  test("trap 13, P2: a last chunk with empty content keeps the text", () => {
    const { answer } = play([chunk("Hello"), chunk("", "completed")]);
    expect(answer).toMatchObject({ text: "Hello", ended: true, revised: false });
  });

  test("what comes after the end changes nothing", () => {
    const { answer } = play([chunk("a", "done"), chunk("ab"), chunk("x", "failed")]);
    expect(answer).toMatchObject({ text: "a", ended: true, fault: undefined });
  });

  test("a text longer than any answer is a fault", () => {
    expect(play([chunk("x".repeat(9_000_000))]).answer.fault?.kind).toBe("too-long");
  });
});

describe("ends", () => {
  const reasons: [finish: string | null, reason: string][] = [
    ["stop", "stop"],
    ["length", "length"],
    ["content_filter", "content-filter"],
    ["something new", "stop"],
    [null, "stop"],
  ];
  test.each(reasons)("P10 finish_reason %p ends as %s", (finish, reason) => {
    expect(play([chunk("a", "completed", { finish_reason: finish })]).answer.reason).toBe(reason as "stop");
  });

  test("a reason that came before the last chunk counts", () => {
    expect(play([chunk("a", "in_progress", { finish_reason: "length" }), chunk("a", "completed")]).answer.reason).toBe(
      "length",
    );
  });

  test.each(["failed", "error", "cancelled", "anything else"])("P8 status %s is a failed run", (status) => {
    expect(play([chunk("a", status)]).answer).toMatchObject({ ended: false, fault: { kind: "failed", error: status } });
  });

  test("an error field is a failed run, also beside a good status", () => {
    const error = { message: "boom" };
    expect(play([chunk("a", "completed", { error })]).answer.fault).toEqual({ kind: "failed", error });
    expect(play([chunk("a", "completed", { error: null })]).answer.fault).toBeUndefined();
  });
});

describe("payloads", () => {
  test("an object, a string that holds one and plain text are read", () => {
    const body = { executionId: ID, status: "in_progress", content: "x" };
    expect(readChunk(JSON.stringify(body))).toEqual(readChunk(body));
    expect(readChunk("plain text")).toMatchObject({ executionId: undefined, content: "plain text" });
  });
  test("an answer that is itself JSON is text, not a chunk", () => {
    expect(readChunk('{"name":"cat"}').content).toBe('{"name":"cat"}');
    expect(readChunk('{"name":').content).toBe('{"name":');
  });
  test.each([{ payload: undefined }, { payload: null }, { payload: 7 }, { payload: [1] }])(
    "$payload says nothing",
    ({ payload }) => {
      expect(readChunk(payload)).toMatchObject({ executionId: undefined, content: undefined, status: undefined });
    },
  );
  test("the ids of an end are found under any of their names", () => {
    expect(idsIn({ executionId: "a", run_id: "b", jobId: "c", text: "d" })).toEqual(["a", "b", "c"]);
    expect(idsIn('{"execution_id":"a"}')).toEqual(["a"]);
    expect(idsIn(undefined)).toEqual([]);
  });
});
