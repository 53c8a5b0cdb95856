import { describe, expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { TextTrack } from "../../../src/providers/longcat/text-track.ts";

const streams: { name: string; pieces: string[]; text: string }[] = [
  { name: "deltas", pieces: ["He", "llo", " wor", "ld"], text: "Hello world" },
  { name: "snapshots", pieces: ["Hello", "Hello wor", "Hello world"], text: "Hello world" },
  { name: "one snapshot after a telling start", pieces: ["Hello wor", "Hello world"], text: "Hello world" },
  { name: "a short text said twice", pieces: ["ha", "ha"], text: "haha" },
  { name: "repeated digits", pieces: ["1", "1", "0"], text: "110" },
  { name: "line feeds, then text", pieces: ["\n", "\n\n", "Hello"], text: "\n\n\nHello" },
  { name: "a delta that begins like the text", pieces: ["1", "10", " cats"], text: "110 cats" },
  {
    name: "a repeated last snapshot",
    pieces: ["Hello", "Hello wor", "Hello world", "Hello world"],
    text: "Hello world",
  },
  { name: "a repeated only snapshot", pieces: ["Hello world", "Hello world"], text: "Hello world" },
  {
    name: "a snapshot that comes late and short",
    pieces: ["Hello a", "Hello a b", "Hello a b c", "Hello a"],
    text: "Hello a b c",
  },
  { name: "snapshots with characters beyond U+FFFF", pieces: ["🐈", "🐈🐈", "🐈🐈🐈", "🐈🐈🐈🐈"], text: "🐈🐈🐈🐈" },
];
test.each(streams)("L6 $name: no character is lost or said twice", ({ pieces, text }) => {
  const track = new TextTrack();
  const given = pieces.map((piece) => track.piece(piece)).join("") + track.close();
  expect(given).toBe(text);
  expect(track.text).toBe(text);
});

test("deltas are handed out as they come from the second piece on", () => {
  const track = new TextTrack();
  expect(["He", "llo", "!"].map((piece) => track.piece(piece))).toEqual(["He", "llo", "!"]);
});

test("snapshots are handed out as they come once two have shown what they are", () => {
  const track = new TextTrack();
  expect(["Hello", "Hello a b", "Hello a b c", "Hello a b c d"].map((piece) => track.piece(piece))).toEqual([
    "Hello",
    "",
    " a b c",
    " d",
  ]);
});

test("a corrected snapshot is not repeated, and what follows it comes", () => {
  const track = new TextTrack();
  for (const piece of ["Hello", "Hello wrl", "Hello wrld"]) track.piece(piece);
  expect([track.piece("Hello world"), track.piece("Hello world!")]).toEqual(["", "!"]);
});

describe("all text so far, known as such", () => {
  test("fills in what deltas left out", () => {
    const track = new TextTrack();
    track.delta("He");
    expect([track.whole("Hello"), track.delta(" you"), track.whole("Hello you")]).toEqual(["llo", " you", ""]);
  });

  test("says nothing when it is shorter or contradicts", () => {
    const track = new TextTrack();
    track.delta("Hello");
    expect([track.whole("Hel"), track.whole("Goodbye!")]).toEqual(["", ""]);
  });
});

describe("pieces that are all alike", () => {
  const row = "| --- | --- |\n";

  test("are handed out before the answer ends, none lost or said twice", () => {
    const track = new TextTrack();
    const given = Array.from({ length: 20 }, () => track.piece(row));
    expect(given.slice(0, 17).join("")).toBe(row.repeat(17));
    expect(given.join("") + track.close()).toBe(row.repeat(20));
  });

  test("are one text when a snapshot before them grew", () => {
    const track = new TextTrack();
    const pieces = ["Hello wor", ...Array.from({ length: 20 }, () => "Hello world"), "Hello world!"];
    expect(pieces.map((piece) => track.piece(piece)).join("") + track.close()).toBe("Hello world!");
  });
});

test("a text of deltas beyond 1 Mi characters is handed out whole and not remembered", () => {
  const track = new TextTrack();
  let given = 0;
  for (let i = 0; i < 200; i++) given += track.piece(`${i} ${"z".repeat(16_000)}`).length;
  expect(given).toBeGreaterThan(3_200_000);
  expect([track.text, track.whole("0 z"), track.whole("x".repeat(9_000_000)), track.close()]).toEqual(["", "", "", ""]);
});

test("a text that was told does not keep the reads that its pieces were cut from", () => {
  const strings = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["string"] ?? 0;
  };
  const before = strings();
  const decoder = new TextDecoder();
  const tracks = Array.from({ length: 100 }, () => {
    const track = new TextTrack();
    for (let piece = 0; piece < 200; piece++)
      track.piece(decoder.decode(Buffer.from(`${"x".repeat(200)}${piece} and more `)).slice(200));
    return track;
  });
  expect((strings() - before) / tracks.length).toBeLessThan(60);
  expect(tracks[0]?.text.length).toBeGreaterThan(2000);
});
