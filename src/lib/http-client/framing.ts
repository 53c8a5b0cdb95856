/** Where an answer's body ends: by its length, by its chunks, or with the connection (RFC 9112, section 6). */
import type { AnswerHead } from "./head.ts";
import { ConnectionError } from "./wire.ts";

/** Who gets the bytes of a body. */
export interface PieceTaker {
  take(piece: Uint8Array): void;
}

/** Finds the body's own bytes in what arrives. */
export interface Framing {
  /** Nothing more belongs to the body. */
  readonly isOver: boolean;
  /** The body ends when the connection does. */
  readonly endsWithConnection: boolean;
  /**
   * Hands the body's bytes on, in pieces of `bytes`.
   * @returns how many bytes were used up: fewer than there are when the body is over
   * @throws ConnectionError EHTTP
   */
  push(bytes: Buffer, taker: PieceTaker): number;
}

/** @throws ConnectionError EHTTP when the head contradicts itself */
export function framingOf(head: AnswerHead): Framing {
  if (head.status === 204 || head.status === 304) return new Counted(0);
  const coding = head.get("transfer-encoding");
  // "identity" stands for none, and some servers say it.
  if (coding !== null && !/^\s*identity\s*$/i.test(coding)) {
    if (/(?:^|,)\s*chunked\s*$/i.test(coding)) return new Chunked();
    return new Counted(Infinity);
  }
  const length = head.get("content-length");
  if (length === null) return new Counted(Infinity);
  const [first = "", ...others] = length.split(",").map((value) => value.trim());
  if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first)) throw broken("its length is no number");
  return new Counted(Number(first));
}

class Counted implements Framing {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get isOver(): boolean {
    return this.#left === 0;
  }

  get endsWithConnection(): boolean {
    return this.#left === Infinity;
  }

  push(bytes: Buffer, taker: PieceTaker): number {
    const size = Math.min(bytes.length, this.#left);
    this.#left -= size;
    if (size > 0) taker.take(size === bytes.length ? bytes : bytes.subarray(0, size));
    return size;
  }
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SEMICOLON = 0x3b;
/** A chunk's extension or a trailer that is longer never ends. */
const LONGEST_LINE = 16_384;
/** Sizes beyond 2^48 are none. */
const MOST_DIGITS = 12;
/** Arrays up to this size hold their bytes themselves. */
const MOST_COPIED_BYTES = 1000;

class Chunked implements Framing {
  readonly endsWithConnection = false;
  #state: "size" | "extension" | "data" | "data-end" | "trailer" | "over" = "size";
  /** Bytes of the chunk that are still to come; while its size is read, that size so far. */
  #left = 0;
  /** Digits of the size, or bytes of the line, so far. */
  #read = 0;

  get isOver(): boolean {
    return this.#state === "over";
  }

  push(bytes: Buffer, taker: PieceTaker): number {
    let at = 0;
    while (at < bytes.length && this.#state !== "over") {
      if (this.#state === "data") {
        const end = Math.min(at + this.#left, bytes.length);
        taker.take(pieceOf(bytes, at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#enter("data-end");
      } else this.#step(bytes[at++] ?? 0);
    }
    return at;
  }

  /** One byte of what is not data. A CR counts for nothing: the LF ends a line. */
  #step(byte: number): void {
    if (byte === CR) return;
    if (byte === LF) return this.#endLine();
    if (this.#state === "data-end") throw broken("a chunk is longer than it says");
    this.#read += 1;
    if (this.#state !== "size") {
      if (this.#read > LONGEST_LINE) throw broken("a line between its chunks has no end");
      return;
    }
    const digit = hexDigit(byte);
    if (digit >= 0 && this.#read <= MOST_DIGITS) this.#left = this.#left * 16 + digit;
    else if (digit < 0 && this.#read > 1 && (byte === SEMICOLON || byte === SPACE || byte === TAB))
      this.#state = "extension";
    else throw broken("a chunk has no size");
  }

  #endLine(): void {
    if (this.#state === "data-end") this.#enter("size");
    else if (this.#state === "trailer") this.#enter(this.#read === 0 ? "over" : "trailer");
    else if (this.#read === 0) throw broken("a chunk has no size");
    else this.#enter(this.#left === 0 ? "trailer" : "data");
  }

  #enter(state: "size" | "data" | "data-end" | "trailer" | "over"): void {
    this.#state = state;
    this.#read = 0;
  }
}

/** A small piece is cheaper copied: a view costs several copies of it, and keeps all the bytes around it. */
function pieceOf(bytes: Buffer, from: number, to: number): Uint8Array {
  if (to - from > MOST_COPIED_BYTES) return bytes.subarray(from, to);
  const piece = new Uint8Array(to - from);
  bytes.copy(piece, 0, from, to);
  return piece;
}

/** -1 for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function broken(why: string): ConnectionError {
  return new ConnectionError("EHTTP", `The answer is no HTTP/1.1: ${why}.`);
}
