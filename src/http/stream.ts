import { type GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatEvent, ChatReader, ChatStream } from "../chat/event.ts";
import type { StreamEncoder } from "../dialects/dialect.ts";
import type { Agenda, Due } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import type { Turn } from "./turns.ts";

/** A proxy in between cuts a silent stream, so silence is filled with comments this often. */
export const PING_MS = 15_000;
/** A client that reads nothing for so long is gone. */
const STALLED_CLIENT_MS = 120_000;

const utf8 = new TextEncoder();
const PING = utf8.encode(": ping\n\n");

export interface StreamOptions {
  readonly encoder: StreamEncoder;
  readonly clock: Clock;
  readonly agenda: Agenda;
  /** The client has waited long enough already: the first comment goes out at once, and the status with it. */
  readonly late?: boolean;
  /** Is left when the client stopped reading or went away, and ends once: with the last byte, or when nobody wants it. */
  readonly turn: Pick<Turn, "leave" | "end">;
  /** Sees a failure that happened after the status was sent. */
  readonly failed: (error: GatewayError) => void;
}

/**
 * Writes an answer's events as the body of a response. What arrived together goes out in one write; nothing is read from
 * the upstream before the client took what was there. A failure becomes the dialect's last frame, never a clean end.
 *
 * @param answer may still be under way: comments fill the time until it is there
 */
export function streamBody(
  answer: ChatStream | Promise<ChatStream>,
  options: StreamOptions,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new AnswerBody(answer, options), NO_READING_AHEAD);
}

const NO_READING_AHEAD = { highWaterMark: 0 };

/** It lives as long as its stream, and thousands do at once: it holds no more than it needs to go on. */
class AnswerBody implements UnderlyingDefaultSource<Uint8Array>, ChatReader, Due {
  /** Undefined once it was asked for its events. */
  #answer: ChatStream | Promise<ChatStream> | undefined;
  #stream: ChatStream | undefined;
  readonly #options: StreamOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Frames that wait for the next write. */
  #unsent = "";
  #isStarted = false;
  #isOver = false;
  /** The client waits for bytes. */
  #isPulling = false;
  #wroteAt: number;
  dueAt = 0;
  place = -1;

  constructor(answer: ChatStream | Promise<ChatStream>, options: StreamOptions) {
    this.#answer = answer;
    this.#options = options;
    this.#wroteAt = options.clock.monotonic();
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    // The server sends the head with the first bytes, not before.
    if (this.#options.late) controller.enqueue(PING);
    this.#options.agenda.add(this, PING_MS);
  }

  /** Asked again while it reads, after a comment: what it reads for answers that too. */
  pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    if (this.#stream) this.#stream.read(this);
    else this.#begin();
  }

  cancel(): void {
    this.#leave();
  }

  /** Silence is filled for a client that waits; one that has taken nothing for long is let go. */
  due(): void {
    const { clock, agenda } = this.#options;
    const silentMs = clock.monotonic() - this.#wroteAt;
    if (!this.#isPulling && silentMs >= STALLED_CLIENT_MS) {
      this.#leave();
      this.#controller?.error(new Error("the client stopped reading"));
      return;
    }
    if (this.#isPulling && silentMs >= PING_MS) this.#write(PING);
    agenda.add(this, this.#isPulling ? PING_MS - (clock.monotonic() - this.#wroteAt) : PING_MS);
  }

  came(batch: readonly ChatEvent[]): void {
    if (this.#isOver) return;
    let text = this.#unsent;
    this.#unsent = "";
    try {
      for (const event of batch) text += this.#options.encoder.event(event);
    } catch (thrown) {
      this.#unsent = text;
      this.#stream?.cancel();
      return this.failed(thrown);
    }
    // Nothing follows: the last frame and the end of the body go out in one write.
    if (batch.at(-1)?.type === "end") return this.#close(text);
    if (text === "") return this.#stream?.read(this);
    this.#isPulling = false;
    this.#write(utf8.encode(text));
  }

  failed(thrown: unknown): void {
    this.#fail(toGatewayError(thrown));
  }

  #begin(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer instanceof Promise) answer.then(this.#answered, (thrown) => this.failed(thrown));
    else if (answer) this.#answered(answer);
  }

  readonly #answered = (stream: ChatStream): void => {
    this.#stream = stream;
    try {
      this.#unsent = this.#start();
    } catch (thrown) {
      return this.failed(thrown);
    }
    stream.read(this);
  };

  #start(): string {
    this.#isStarted = true;
    return this.#options.encoder.start();
  }

  #write(bytes: Uint8Array): void {
    this.#wroteAt = this.#options.clock.monotonic();
    this.#controller?.enqueue(bytes);
  }

  #fail(error: GatewayError): void {
    if (this.#isOver) return;
    this.#options.failed(error);
    const before = this.#isStarted ? this.#unsent : this.#start();
    this.#close(error.kind === "cancelled" ? "" : before + this.#options.encoder.failure(error));
  }

  #close(lastText: string): void {
    if (lastText !== "") this.#controller?.enqueue(utf8.encode(lastText));
    this.#finish();
    this.#controller?.close();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.agenda.remove(this);
    this.#options.turn.end();
  }

  /** Nobody takes any more. A read under way fails by it, and has nobody to tell: so this is over before. */
  #leave(): void {
    if (this.#isOver) return;
    const { agenda, turn } = this.#options;
    this.#isOver = true;
    agenda.remove(this);
    turn.leave();
    const answer = this.#stream ?? this.#answer;
    if (answer instanceof Promise)
      answer.catch(() => {}); // it was not asked for, so nobody hears how it fails
    else answer?.cancel();
    turn.end();
  }
}
