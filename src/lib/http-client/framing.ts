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
  push(bytes: Uint8Array, taker: PieceTaker): number;
}

/** @throws ConnectionError EHTTP when the head contradicts itself */
export function framingOf(head: AnswerHead): Framing {
  if (head.status === 204 || head.status === 304) return new Counted(0);
  const coding = head.get("transfer-encoding");
  if (coding !== null) {
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

  push(bytes: Uint8Array, taker: PieceTaker): number {
    const size = Math.min(bytes.length, this.#left);
    this.#left -= size;
    if (size > 0) taker.take(size === bytes.length ? bytes : bytes.subarray(0, size));
    return size;
  }
}

const LF = 0x0a;
/** A line of a chunk's size, with extensions, or of a trailer. */
const LONGEST_LINE = 16_384;

class Chunked implements Framing {
  readonly endsWithConnection = false;
  #state: "size" | "data" | "data-end" | "trailer" | "over" = "size";
  #left = 0;
  #line = "";

  get isOver(): boolean {
    return this.#state === "over";
  }

  push(bytes: Uint8Array, taker: PieceTaker): number {
    let at = 0;
    while (at < bytes.length && this.#state !== "over") {
      if (this.#state === "data") {
        const end = Math.min(at + this.#left, bytes.length);
        taker.take(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data-end";
        continue;
      }
      const end = bytes.indexOf(LF, at);
      const stop = end < 0 ? bytes.length : end;
      if (this.#line.length + stop - at > LONGEST_LINE) throw broken("a chunk has no end");
      for (let i = at; i < stop; i++) this.#line += String.fromCharCode(bytes[i] ?? 0);
      at = end < 0 ? stop : end + 1;
      if (end >= 0) this.#readLine();
    }
    return at;
  }

  #readLine(): void {
    const line = this.#line.trimEnd();
    this.#line = "";
    if (this.#state === "trailer") {
      if (line === "") this.#state = "over";
    } else if (this.#state === "data-end") {
      if (line !== "") throw broken("a chunk is longer than it says");
      this.#state = "size";
    } else {
      const size = /^\s*([0-9a-f]{1,12})\s*(?:;|$)/i.exec(line)?.[1];
      if (size === undefined) throw broken("a chunk has no size");
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}

function broken(why: string): ConnectionError {
  return new ConnectionError("EHTTP", `The answer is no HTTP/1.1: ${why}.`);
}
