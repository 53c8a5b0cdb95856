import { expect, test } from "bun:test";
import type { CliIo } from "../../src/cli/command.ts";
import { lineReader, readCredentials, readSecrets } from "../../src/cli/input.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** A terminal or pipe that hands these pieces on, one a read. */
function io(pieces: readonly (string | Uint8Array)[], isTty: boolean) {
  const seen = { prompts: "", raw: [] as boolean[] };
  const surroundings: CliIo = {
    stdin: {
      async *[Symbol.asyncIterator]() {
        yield* pieces;
      },
      setRawMode: (raw) => seen.raw.push(raw),
    },
    stdout: { write: () => true },
    stderr: { write: (text) => (seen.prompts += text) },
    env: {},
    cwd: "/",
    isTty,
    clock: new VirtualClock(),
    onInterrupt: () => () => {},
  };
  return { surroundings, seen };
}

const bytes = new TextEncoder().encode("密码-1");
const cases: { name: string; tty: boolean; pieces: (string | Uint8Array)[]; texts: string[] }[] = [
  { name: "a pipe is read to its end", tty: false, pieces: ["one\n", "two\n"], texts: ["one\ntwo"] },
  { name: "a pipe cut inside a character", tty: false, pieces: [bytes.slice(0, 1), bytes.slice(1)], texts: ["密码-1"] },
  { name: "typed keys up to Enter", tty: true, pieces: ["a", "b", "\r", "c", "\r"], texts: ["ab", "c"] },
  { name: "backspace", tty: true, pieces: ["abx", "\u007f", "c\r", "d\r"], texts: ["abc", "d"] },
  { name: "a pasted text of lines", tty: true, pieces: ["one\r\ntwo\r", "next\r"], texts: ["one\ntwo", "next"] },
  { name: "Ctrl-D as the end", tty: true, pieces: ["abc\u0004", "d\r"], texts: ["abc", "d"] },
  {
    name: "more than a terminal's own line holds",
    tty: true,
    pieces: ["x".repeat(9000), "\r", "y\r"],
    texts: ["x".repeat(9000), "y"],
  },
];
test.each(cases)("$name", async ({ tty, pieces, texts }) => {
  const { surroundings, seen } = io(pieces, tty);
  expect(await readSecrets(surroundings, ["First: ", "Second: "])).toEqual(texts);
  expect(seen).toEqual(tty ? { prompts: "First: \nSecond: \n", raw: [true, false] } : { prompts: "", raw: [] });
});

test.each([
  [["abc\u0003"], "given up"],
  [["\r"], "nothing came in"],
])("at a terminal %j gives up and leaves it as it was", async (pieces, says) => {
  const { surroundings, seen } = io(pieces, true);
  const outcome = await readSecrets(surroundings, ["First: "]).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ name: "UsageError", message: expect.stringContaining(says) as string });
  expect(seen.raw).toEqual([true, false]);
});

const lineCases: { name: string; tty: boolean; pieces: (string | Uint8Array)[]; lines: string[] }[] = [
  { name: "of a pipe, the last without an end", tty: false, pieces: ["on", "e\r\n\n tw", "o"], lines: ["one", "two"] },
  { name: "cut inside a character", tty: false, pieces: [bytes.slice(0, 1), bytes.slice(1)], lines: ["密码-1"] },
  {
    name: "typed, with backspace and Ctrl-D",
    tty: true,
    pieces: ["ax", "\u007fb\r", "c\r\u0004d\r"],
    lines: ["ab", "c"],
  },
];
test.each(lineCases)("lines $name", async ({ tty, pieces, lines }) => {
  const { surroundings, seen } = io(pieces, tty);
  const reader = lineReader(surroundings);
  for (const line of [...lines, undefined, undefined]) expect(await reader.next()).toBe(line);
  reader.close();
  expect(seen.raw).toEqual(tty ? [true, false] : []);
});

test("Ctrl-C ends the lines of a terminal", async () => {
  const { surroundings } = io(["abc\u0003"], true);
  expect(lineReader(surroundings).next()).rejects.toThrow("given up");
});

const utf16 = (text: string, order: "utf-16le" | "utf-16be") => {
  const written = Buffer.from(text, "utf16le");
  return new Uint8Array(order === "utf-16le" ? written : written.swap16());
};
test.each(["utf-16le", "utf-16be"] as const)(
  "a file that PowerShell wrote in %s is read, cut anywhere",
  async (order) => {
    const file = utf16("\ufefftoken=一\r\n二\r\n", order);
    for (let cut = 0; cut <= file.length; cut++) {
      const { surroundings } = io([file.slice(0, cut), file.slice(cut)], false);
      expect(await readCredentials(surroundings, "")).toBe("token=一\r\n二");
    }
  },
);

test.each([
  ["a picture", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x00, 0x41, 0x0a, 0x42])],
  ["text of another encoding", new Uint8Array([0xb5, 0xc7, 0xc2, 0xbc, 0x0a, 0x41])],
  ["NUL among letters", new TextEncoder().encode("abc\u0000def")],
])("%s is no text, and no line of it is taken for a login", async (_name, bytes) => {
  const { surroundings } = io([bytes], false);
  const outcome = await readCredentials(surroundings, "").catch((error: unknown) => error);
  expect(outcome).toMatchObject({ name: "UsageError", message: expect.stringContaining("UTF-8") as string });
});

test("a password keeps the blanks at its ends, as the page's own form does", async () => {
  const { surroundings } = io([" long enough pass \r\n"], false);
  expect(await readSecrets(surroundings, ["New password: "])).toEqual([" long enough pass "]);
});
