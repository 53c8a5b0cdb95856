import type { CliIo } from "./command.ts";
import { UsageError } from "./command.ts";

/** More than any list of accounts has. */
const LIMIT_CHARS = 16_000_000;
const LIMIT_BYTES = 4 * LIMIT_CHARS;
const NO_TEXT = "standard input is not text in UTF-8";

/**
 * Reads secrets: all of a piped standard input, or what a person types or pastes up to Enter, which is not shown. Raw,
 * because a terminal's own line holds 4096 bytes and a cookie header may be longer.
 *
 * @param prompts one for each text that a person is asked; a pipe gives one text alone
 * @returns the texts without the line ends around them: a password may begin or end with a blank
 * @throws UsageError when there is nothing, or a person presses Ctrl-C
 */
export async function readSecrets(io: CliIo, prompts: readonly string[]): Promise<string[]> {
  return (await readHiddenTexts(io, prompts)).map((text) => text.replace(/^[\r\n]+/, "").replace(/[\r\n]+$/, ""));
}

/** The same for credentials, which may be many: as they came, so that their lines keep their numbers. */
export async function readCredentials(io: CliIo, prompt: string): Promise<string> {
  const [text = ""] = await readHiddenTexts(io, [prompt]);
  return text.trimEnd();
}

async function readHiddenTexts(io: CliIo, prompts: readonly string[]): Promise<string[]> {
  const chunks = io.stdin[Symbol.asyncIterator]();
  if (io.isTty) io.stdin.setRawMode?.(true);
  try {
    const texts: string[] = [];
    if (!io.isTty) texts.push(await readAll(chunks));
    else {
      for (const prompt of prompts) {
        io.stderr.write(prompt);
        texts.push(await readHidden(chunks));
        io.stderr.write("\n");
      }
    }
    if (texts.some((text) => text.trim() === "")) throw new UsageError("nothing came in on standard input");
    return texts;
  } finally {
    if (io.isTty) io.stdin.setRawMode?.(false);
    await chunks.return?.();
  }
}

/** The first line that comes in, shown as it is typed. Empty when nothing comes. */
export async function readAnswer(io: CliIo, question: string): Promise<string> {
  const chunks = io.stdin[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  let text = "";
  io.stderr.write(question);
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      text += decode(decoder, next.value);
      if (/[\r\n]/.test(text) || text.length > LIMIT_CHARS) break;
    }
    if (!io.isTty) io.stderr.write("\n");
    return text.split(/\r?\n/)[0] ?? "";
  } finally {
    await chunks.return?.();
  }
}

export interface LineReader {
  /**
   * The next line that is not empty, without white space around it; undefined at the end.
   * @throws UsageError when a person presses Ctrl-C
   */
  next(): Promise<string | undefined>;
  /** Leaves the terminal as it was; a `next` under way may never settle. */
  close(): void;
}

/** Reads line after line. What a person pastes is not shown: raw, for the reason that `readSecrets` names. */
export function lineReader(io: CliIo): LineReader {
  const chunks = io.stdin[Symbol.asyncIterator]();
  if (io.isTty) io.stdin.setRawMode?.(true);
  const lines = linesOf(chunks, io.isTty);
  return {
    next() {
      const line = lines.next().then(({ value, done }) => (done ? undefined : value));
      line.catch(() => undefined); // who asked may have gone on without it
      return line;
    },
    close() {
      if (io.isTty) io.stdin.setRawMode?.(false);
      // Not awaited: a stream settles it only with its next piece, which may never come.
      void chunks.return?.();
    },
  };
}

async function* linesOf(chunks: Chunks, isTty: boolean): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    for (const char of decode(decoder, next.value)) {
      if (char === "\n" || char === "\r") {
        if (text.trim() !== "") yield text.trim();
        text = "";
      } else if (isTty && char === "\u0003") throw new UsageError("given up");
      else if (isTty && char === "\u0004") return;
      else if (isTty && (char === "\u007f" || char === "\b")) text = text.slice(0, -1);
      else text += char;
    }
    if (text.length > LIMIT_CHARS) throw new UsageError("standard input is too long");
  }
  if (text.trim() !== "") yield text.trim();
}

type Chunks = AsyncIterator<Uint8Array | string>;

async function readAll(chunks: Chunks): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    const piece = typeof next.value === "string" ? Buffer.from(next.value) : next.value;
    pieces.push(piece);
    length += piece.length;
    if (length > LIMIT_BYTES) throw new UsageError("standard input is too long");
  }
  return textOf(Buffer.concat(pieces));
}

/**
 * UTF-8, or what PowerShell writes: UTF-16 with a mark at its beginning.
 * @throws UsageError for anything else: among a picture's bytes are short lines that would pass for a login
 */
function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const utf16 =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : undefined;
  let text: string;
  try {
    text = new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(NO_TEXT, { cause: error });
  }
  if (text.includes("\0")) throw new UsageError(NO_TEXT);
  return text;
}

/** Up to an Enter that ends what came in at once: a pasted text of several lines comes as one piece. */
async function readHidden(chunks: Chunks): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    const piece = decode(decoder, next.value);
    if (piece.includes("\u0003")) throw new UsageError("given up");
    for (const char of piece.replace(/\r\n?/g, "\n")) {
      if (char === "\u007f" || char === "\b") text = text.slice(0, -1);
      else if (char === "\u0004") return text;
      else text += char;
    }
    if (text.endsWith("\n")) return text;
  }
  return text;
}

function decode(decoder: TextDecoder, chunk: Uint8Array | string): string {
  return typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
}
