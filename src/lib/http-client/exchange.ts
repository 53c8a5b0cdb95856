import type { Abortable } from "../abort.ts";
import type { BytesReader, UpstreamBody, UpstreamHeaders, UpstreamResponse } from "../fetch.ts";
import { framingOf, type Framing, type PieceTaker } from "./framing.ts";
import { AnswerHead } from "./head.ts";
import { unpacked } from "./unpack.ts";
import { ConnectionError, connectionError } from "./wire.ts";

/** A head that is longer is none. */
const MOST_HEAD_BYTES = 65_536;
/** What may wait for its reader before the connection is told to wait, too. */
const MOST_WAITING_BYTES = 131_072;
const HEAD_END = Buffer.from("\r\n\r\n");
const NOTHING = new Uint8Array();

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  pause(): void;
  resume(): void;
  /** The exchange is over. @param isClean the answer is whole and the connection may serve another call */
  over(isClean: boolean): void;
}

/** Gives another's answer in the place of one that failed before its head. @throws what the caller is to see */
export type Otherwise = (error: unknown) => Promise<UpstreamResponse>;

/** One request's answer on its way: the head as a promise, then the body as it is read. */
export class Exchange implements UpstreamResponse, UpstreamBody, PieceTaker {
  /** Without the coding in which it comes. */
  body: UpstreamBody = this;
  /** Resolves with the exchange itself once the head is there; the body goes on failing by its reads. */
  readonly answered: Promise<UpstreamResponse>;
  /** A byte of the answer has come. */
  isAnswered = false;
  readonly #host: ExchangeHost;
  readonly #signal: Abortable;
  readonly #otherwise: Otherwise;
  /** Undefined once the head is there. */
  #settle: PromiseWithResolvers<UpstreamResponse> | undefined;
  #head: AnswerHead | undefined;
  #held: Buffer | undefined;
  #framing: Framing | undefined;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #reader: BytesReader | undefined;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param signal ends it, wherever it stands */
  constructor(host: ExchangeHost, signal: Abortable, otherwise: Otherwise) {
    this.#host = host;
    this.#signal = signal;
    this.#otherwise = otherwise;
    this.#settle = Promise.withResolvers<UpstreamResponse>();
    this.answered = this.#settle.promise;
    signal.addEventListener("abort", this);
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): UpstreamHeaders {
    return this.#head as AnswerHead;
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((came, failed) => this.readBy({ came, failed }));
  }

  readBy(reader: BytesReader): void {
    this.#reader = reader;
    this.#tellReader();
  }

  rest(): Uint8Array | undefined {
    return this.#isOver && !this.#failure ? (this.#takeWaiting() ?? NOTHING) : undefined;
  }

  cancel(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    if (!this.#isOver) this.fail(new ConnectionError("ABORTED", "The rest of the answer is no longer wanted."));
  }

  /** Bytes of the connection. */
  came(bytes: Buffer): void {
    this.isAnswered = true;
    try {
      const rest = this.#framing ? bytes : this.#readHead(bytes);
      if (rest) this.#readBody(rest);
    } catch (error) {
      this.fail(error);
    }
    this.#tellReader();
  }

  /** The connection is gone. @param error undefined when the other end closed it properly */
  gone(error: Error | undefined): void {
    if (error === undefined && this.#framing?.endsWithConnection) {
      this.#finish(false);
      return this.#tellReader();
    }
    this.fail(error ? connectionError(error) : new ConnectionError("ECONNRESET", "The connection was closed."));
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure = { error };
    this.#end();
    this.#refuse(error);
    this.#host.over(false);
    this.#tellReader();
  }

  /** The signal aborts. */
  handleEvent(): void {
    this.fail(this.#signal.reason);
  }

  #refuse(error: unknown): void {
    const settle = this.#settle;
    if (!settle) return;
    this.#settle = undefined;
    try {
      settle.resolve(this.#otherwise(error));
    } catch (failure) {
      settle.reject(failure);
    }
  }

  /** @returns what follows the head; undefined while that is not whole */
  #readHead(bytes: Buffer): Buffer | undefined {
    let rest = this.#held ? Buffer.concat([this.#held, bytes]) : bytes;
    for (;;) {
      const end = rest.indexOf(HEAD_END);
      if (end < 0 ? rest.length > MOST_HEAD_BYTES : end > MOST_HEAD_BYTES) {
        throw new ConnectionError("EHTTP", "The head of the answer has no end.");
      }
      if (end < 0) {
        this.#held = rest;
        return undefined;
      }
      const head = new AnswerHead(rest.toString("latin1", 0, end));
      rest = rest.subarray(end + HEAD_END.length);
      // 100 Continue and its kin announce the answer.
      if (head.status < 200) continue;
      this.#held = undefined;
      this.#head = head;
      this.#framing = framingOf(head);
      const coding = head.get("content-encoding");
      if (coding !== null) this.body = unpacked(this, coding);
      return rest;
    }
  }

  #readBody(bytes: Buffer): void {
    const framing = this.#framing;
    if (!framing) return;
    const before = this.#waiting.length;
    const used = framing.push(bytes, this);
    // What a read brings is one piece: chunks of a byte each would weigh a hundred times their bytes while they wait.
    if (this.#waiting.length > before + 1) this.#waiting.push(Buffer.concat(this.#waiting.splice(before)));
    // Bytes beyond the body belong to no call: such a connection is not used again.
    if (framing.isOver) this.#finish(used === bytes.length && this.#head?.keepsAlive === true);
    this.#settle?.resolve(this);
    this.#settle = undefined;
    if (this.#waitingBytes > MOST_WAITING_BYTES && !this.#reader && !this.#isPaused && !this.#isOver) {
      this.#isPaused = true;
      this.#host.pause();
    }
  }

  /** Last of all steps: a reader that is told goes on at once, and may ask for more, give up or begin another call. */
  #tellReader(): void {
    const reader = this.#reader;
    if (!reader || (this.#waitingBytes === 0 && !this.#isOver)) return;
    this.#reader = undefined;
    if (this.#waitingBytes === 0 && this.#failure) reader.failed(this.#failure.error);
    else reader.came(this.#takeWaiting());
  }

  take(piece: Uint8Array): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
  }

  /** All that waits, as one piece; undefined when nothing does. */
  #takeWaiting(): Uint8Array | undefined {
    const [first, second] = this.#waiting;
    const bytes = second ? Buffer.concat(this.#waiting) : first;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    if (this.#isPaused && !this.#isOver) {
      this.#isPaused = false;
      this.#host.resume();
    }
    return bytes;
  }

  #finish(isClean: boolean): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#isPaused) this.#host.resume();
    this.#isPaused = false;
    this.#host.over(isClean);
  }

  #end(): void {
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this);
  }
}
