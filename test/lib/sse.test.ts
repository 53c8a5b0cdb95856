import { describe, expect, test } from "bun:test";
import { EventReader, EventTooLarge } from "../../src/lib/sse.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function read(...pieces: (string | Uint8Array)[]): string[] {
  const reader = new EventReader();
  const events = pieces.flatMap((piece) => reader.push(typeof piece === "string" ? encode(piece) : piece));
  return [...events, ...reader.end()].map(({ data }) => data);
}

const streams: { name: string; text: string; data: string[] }[] = [
  { name: "LF ends lines", text: "data: a\n\ndata: b\n\n", data: ["a", "b"] },
  { name: "CRLF ends lines", text: "data: a\r\n\r\ndata: b\r\n\r\n", data: ["a", "b"] },
  { name: "CR ends lines", text: "data: a\r\rdata: b\r\r", data: ["a", "b"] },
  {
    name: "the space after the colon is optional and only one goes",
    text: "data:a\n\ndata:  b\n\n",
    data: ["a", " b"],
  },
  { name: "several data lines join", text: "data: a\ndata: b\n\n", data: ["a\nb"] },
  { name: "comments, ids and unknown fields give nothing", text: ": c\nid: 1\nx: y\n\ndata: a\n\n", data: ["a"] },
  { name: "a last event without its empty line counts", text: "data: a\n\ndata: b", data: ["a", "b"] },
  { name: "a last line that ends in CR counts", text: "data: a\n\ndata: b\r", data: ["a", "b"] },
  { name: "a field without a colon has no value", text: "data\n\ndata\ndata\n\nevent\n\n", data: ["", "\n"] },
  {
    name: "a name that only begins or ends like a field is unknown",
    text: "datas: 1\ndat: 2\n data: 3\nDATA: 4\nevents: 5\ndata: a\n\n",
    data: ["a"],
  },
  { name: "a byte order mark counts at the beginning alone", text: "\ufeffdata: a\n\n\ufeffdata: b\n\n", data: ["a"] },
  { name: "all three line ends in one stream", text: "data: a\r\rdata: b\r\n\ndata: c\n\r\n", data: ["a", "b", "c"] },
  { name: "characters of every width survive", text: "data: é你🐈\n\ndata: 终\r\n\r\n", data: ["é你🐈", "终"] },
];

describe("reading", () => {
  test.each(streams)("$name, at once, byte by byte and cut anywhere", ({ text, data }) => {
    const bytes = encode(text);
    expect(read(bytes)).toEqual(data);
    expect(read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(data);
    for (let at = 0; at <= bytes.length; at++) expect(read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(data);
  });

  test("events that arrive together come together, the unfinished one later", () => {
    const reader = new EventReader();
    expect(reader.push(encode("data: a\n\ndata: b\n\nda")).length).toBe(2);
    expect(reader.push(encode("ta: c"))).toEqual([]);
    expect(reader.push(encode("\n\n")).map(({ data }) => data)).toEqual(["c"]);
    expect(reader.end()).toEqual([]);
  });

  test("the type of an event is kept, and is that event's alone", () => {
    const text = "event: ping\ndata: {}\n\ndata: a\n\nevent: lost\n\ndata: b\n\nevent: x\nevent\ndata: c\n\n";
    expect(new EventReader().push(encode(text)).map(({ event }) => event)).toEqual(["ping", ...Array(3)]);
  });

  test("bytes that are not UTF-8 become the replacement character and harm no other event", () => {
    expect(read("data: a", Uint8Array.of(0xff, 0xc3), "b\n\ndata: c\n\n")).toEqual(["a\ufffd\ufffdb", "c"]);
  });

  test("a line of 16 MiB without its end is refused once it passes the cap", () => {
    const reader = new EventReader();
    const piece = encode("x".repeat(65_536));
    reader.push(encode("data: "));
    let pushed = 0;
    expect(() => {
      for (; pushed < 256; pushed++) reader.push(piece);
    }).toThrow(EventTooLarge);
    expect(pushed).toBeLessThanOrEqual(17);
  });

  test("an event over the cap is refused and one at the cap is not, however they are cut", () => {
    for (const head of ["data: ", "data:", "event: x\ndata: ", ": words\ndata: "])
      for (const [chars, refused] of [
        [64, false],
        [65, true],
      ] as const) {
        const bytes = encode(`${head}${"x".repeat(chars)}\n\n`);
        for (let at = 0; at <= bytes.length; at++) {
          const reader = new EventReader({ maxEventChars: 64 });
          const readBoth = () => [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))].length;
          if (refused) expect(readBoth).toThrow(EventTooLarge);
          else expect(readBoth()).toBe(1);
        }
      }
  });

  test("a line that says nothing may be of any length", () => {
    const reader = new EventReader({ maxEventChars: 64 });
    for (const text of [": ", "datas: "]) {
      reader.push(encode(text));
      for (let piece = 0; piece < 100; piece++) reader.push(encode("x".repeat(1000)));
      expect(reader.push(encode("\ndata: a\n\n")).map(({ data }) => data)).toEqual(["a"]);
    }
  });

  test("data lines that never end their event are refused", () => {
    const reader = new EventReader({ maxEventChars: 1000 });
    expect(() => {
      for (let line = 0; line < 300; line++) reader.push(encode("data: xxxx\n"));
    }).toThrow(EventTooLarge);
  });
});
