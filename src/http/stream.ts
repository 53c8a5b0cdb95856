import { type GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatEvent, ChatStream } from "../chat/event.ts";
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

type Batch = readonly ChatEvent[];

/** It lives as long as its stream, and thousands do at once: it holds no more than it needs to go on. */
class AnswerBody implements UnderlyingDefaultSource<Uint8Array>, Due {
  /** Undefined once it was asked for its events. */
  #answer: ChatStream | Promise<ChatStream> | undefined;
  #events: AsyncIterator<Batch> | undefined;
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

  /** Resolves when the client got something, or the stream is over. */
  pull(): Promise<void> {
    this.#isPulling = true;
    return this.#events ? this.#read(this.#events) : this.#begin();
  }

  cancel(): void {
    this.#options.turn.leave();
    void this.#events?.return?.();
    this.#finish();
  }

  /** Silence is filled for a client that waits; one that has taken nothing for long is let go. */
  due(): void {
    const { clock, agenda, turn } = this.#options;
    const silentMs = clock.monotonic() - this.#wroteAt;
    if (!this.#isPulling && silentMs >= STALLED_CLIENT_MS) {
      turn.leave();
      void this.#events?.return?.();
      this.#finish();
      this.#controller?.error(new Error("the client stopped reading"));
      return;
    }
    if (this.#isPulling && silentMs >= PING_MS) this.#write(PING);
    agenda.add(this, this.#isPulling ? PING_MS - (clock.monotonic() - this.#wroteAt) : PING_MS);
  }

  async #begin(): Promise<void> {
    try {
      const answer = this.#answer;
      this.#answer = undefined;
      this.#events = (answer instanceof Promise ? await answer : answer)?.[Symbol.asyncIterator]();
      this.#unsent = this.#start();
    } catch (thrown) {
      return this.#broke(thrown);
    }
    return this.#events && this.#read(this.#events);
  }

  #read(events: AsyncIterator<Batch>): Promise<void> {
    return events.next().then(this.#came, this.#broke);
  }

  readonly #came = ({ value, done }: IteratorResult<Batch>): void | Promise<void> => {
    if (this.#isOver) return;
    let text = this.#unsent;
    this.#unsent = "";
    if (done) return this.#close(text);
    try {
      for (const event of value) text += this.#options.encoder.event(event);
    } catch (thrown) {
      this.#unsent = text;
      return this.#broke(thrown);
    }
    if (value.at(-1)?.type === "end") {
      // Nothing follows: the last frame and the end of the body go out in one write.
      void this.#events?.return?.();
      return this.#close(text);
    }
    if (text === "" && this.#events) return this.#read(this.#events);
    this.#isPulling = false;
    this.#write(utf8.encode(text));
  };

  readonly #broke = (thrown: unknown): void => this.#fail(toGatewayError(thrown));

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
}
