/** Streams at random: however the bytes are cut, and with `nextText` asked first or not, the events are the same. */
import { expect, test } from "bun:test";
import { dataFormOf, type DataForm } from "../../src/lib/data-form.ts";
import { EventReader } from "../../src/lib/sse.ts";
import { seededRandom } from "../seeded-random.ts";

const utf8 = new TextEncoder();
const FORM: DataForm = { before: '{"id":1,"text":"', after: '","last":false}\n\n' };
const dataOf = (json: string) => FORM.before + json + FORM.after.trimEnd();
const frame = (json: string) => `data:${dataOf(json)}`;

/** Lines of every kind; those of the form in all ways that are nearly it. */
const LINES = [
  "",
  "data: a",
  "data:b",
  "data",
  "data:  c",
  "event: ping",
  "event",
  "id: 1",
  "retry: 5",
  ": words",
  ":",
  "unknown: x",
  "datas: x",
  "data: é你🐈",
  "data: \u0000\ufeff",
  frame("token "),
  frame("你好"),
  frame(""),
  frame('a\\n\\"b'),
  frame("\t"),
  frame("x").replace("data:", "data: "),
  frame("x").replace("data:", "data:  "),
  frame("x").slice(0, -1),
  `${frame("x")} `,
  frame("x").replace("false", "true"),
];

/** Bytes that are no characters, or only parts of one. */
const BROKEN = [[0xff], [0xc3], [0xe4, 0xbd], [0xf0, 0x9f, 0x90], [0x80], [0xef, 0xbb], [0xed, 0xa0, 0x80]];

type Random = () => number;

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

function randomStream(random: Random): Uint8Array {
  const usual = random() < 0.7 ? pick(random, ["\n", "\r\n", "\r"]) : undefined;
  const bytes: number[] = random() < 0.1 ? [0xef, 0xbb, 0xbf] : [];
  for (let lines = Math.floor(random() * 20); lines >= 0; lines--) {
    if (random() < 0.15) bytes.push(...utf8.encode(`${frame("token ")}\n\n${frame("🐈")}\n\n`));
    bytes.push(...utf8.encode(pick(random, LINES)));
    if (random() < 0.05) bytes.push(...pick(random, BROKEN));
    const end = usual ?? pick(random, ["\n", "\r\n", "\r"]);
    bytes.push(...utf8.encode(random() < 0.6 ? end + end : end));
  }
  return Uint8Array.from(bytes.slice(0, random() < 0.3 ? Math.floor(random() * bytes.length) : undefined));
}

function randomPieces(random: Random, bytes: Uint8Array): Uint8Array[] {
  const cuts = Array.from({ length: Math.floor(random() * 8) }, () => Math.floor(random() * (bytes.length + 1)));
  const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

/** What the grammar says, word for word: the whole text, its lines, and the fields of each. */
function eventsOf(bytes: Uint8Array): string[][] {
  const events: string[][] = [];
  let data: string[] = [];
  let event = "";
  for (const line of `${new TextDecoder().decode(bytes)}\n\n`.split(/\r\n|\r|\n/)) {
    const [, name = line, value = ""] = /^([^:]*): ?([^]*)$/.exec(line) ?? [];
    if (name === "data") data.push(value);
    if (name === "event") event = value;
    if (line !== "") continue;
    if (data.length > 0) events.push([event, data.join("\n")]);
    data = [];
    event = "";
  }
  return events;
}

/** The events, those of the form told as their texts; `joins` is what `nextText` takes. */
function read(pieces: readonly Uint8Array[], form?: DataForm, joins = false): (string[] | string)[] {
  const reader = new EventReader();
  const events: (string[] | string)[] = [];
  const readAll = () => {
    for (;;) {
      const text = form && reader.nextText(form, joins);
      const next = text === undefined ? reader.next() : undefined;
      if (text !== undefined) events.push(text);
      else if (next) events.push([next.event ?? "", next.data]);
      else return;
    }
  };
  for (const piece of pieces) {
    reader.add(piece);
    readAll();
  }
  reader.close();
  readAll();
  return events;
}

/** The same events, however those of the form were told: as events, as texts, or as joined texts. */
function withTexts(events: readonly (string[] | string)[]): (string[] | string)[] {
  const alike: (string[] | string)[] = [];
  for (const event of events) {
    const json = typeof event === "string" ? event : textIn(event);
    const last = alike.at(-1);
    if (json === undefined) alike.push(event);
    else if (typeof last === "string") alike[alike.length - 1] = last + json;
    else alike.push(json);
  }
  return alike;
}

function textIn([type, data = ""]: readonly string[]): string | undefined {
  const json = data.slice(FORM.before.length, data.length - FORM.after.trimEnd().length);
  return type === "" && data === dataOf(json) ? json : undefined;
}

test("however a stream is cut and read, its events are those of the grammar", () => {
  const random = seededRandom(7);
  let apart = 0;
  let joined = 0;
  for (let stream = 0; stream < 3000; stream++) {
    const bytes = randomStream(random);
    const expected = eventsOf(bytes);
    const pieces = randomPieces(random, bytes);
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(read(pieces)).toEqual(expected);
    expect(read(bytewise, FORM)).toEqual(expected);
    const texts = read(pieces, FORM);
    const runs = read(pieces, FORM, true);
    for (const events of [texts, runs]) expect(withTexts(events)).toEqual(withTexts(expected));
    apart += texts.filter((event) => typeof event === "string").length;
    joined += runs.filter((event) => typeof event === "string").length;
  }
  expect(joined).toBeGreaterThan(100);
  expect(apart).toBeGreaterThan(joined * 1.2);
});

test("an event that has begun in an earlier piece is not of the form", () => {
  const rest = `${frame("x")}\n\ndata: a\n\n`;
  for (const begun of ["event: ping\n", "data: b\n", ": wor", "da", "\ufeff: \n\r"]) {
    const pieces = [begun, rest].map((text) => utf8.encode(text));
    expect(withTexts(read(pieces, FORM))).toEqual(withTexts(eventsOf(Buffer.concat(pieces))));
  }
});

test("bytes may be written over once they were taken", () => {
  const reader = new EventReader();
  const bytes = utf8.encode("data: a\n\ndata: b🐈".repeat(3)).slice(0, -2);
  reader.push(bytes);
  bytes.fill(0);
  expect(reader.push(utf8.encode("🐈\n\n").slice(2))[0]?.data).toBe("b🐈");
});

test("events that were not asked for yet stay before those that come later", () => {
  const reader = new EventReader();
  for (const text of ["data: a\n\ndata: b\r", "\n\r", "\ndata: c\n\n"]) reader.add(utf8.encode(text));
  expect([reader.next(), reader.next(), reader.next(), reader.next()].map((event) => event?.data)).toEqual([
    "a",
    "b",
    "c",
    undefined,
  ]);
});

test("a form is that of data in which it is plain where the text stands", () => {
  expect(dataFormOf('{"id":1,"text":"a","last":false}', "text", "a")).toEqual(FORM);
  const open = ['{"text":"\\u0061"}', '{"text": "a"}', '{"text":"a","x":{"text":"a"}}', '{"a":1}', '{\n"text":"a"}'];
  for (const data of open) expect(dataFormOf(data, "text", "a")).toBeUndefined();
});

test("the cap holds for events of the form too", () => {
  const chars = dataOf("").length;
  const bytes = utf8.encode(`${frame("12345")}\n\n`);
  const readers = [5, 4].map((text) => new EventReader({ maxEventChars: chars + text }));
  for (const reader of readers) reader.add(bytes);
  expect(readers.map((reader) => reader.nextText(FORM))).toEqual(["12345", undefined]);
  expect(() => readers[1]?.next()).toThrow("longer");
});
