import { GatewayError } from "../../chat/error.ts";
import { isFirstEvent, type UpstreamEvent, type UpstreamIterator, type UpstreamReader } from "../../chat/event.ts";
import { BodyTooLarge } from "../../lib/body.ts";
import type { Clock } from "../../lib/clock.ts";
import type { BytesReader, UpstreamBody } from "../../lib/fetch.ts";
import { EventTooLarge } from "../../lib/sse.ts";
import type { TurnContext } from "../provider.ts";
import { Answer } from "./answer.ts";
import type { LongcatCredential } from "./credential.ts";
import type { Mode } from "./models.ts";
import { readFailure, type Turn } from "./session.ts";

/** How long `lastOne` may lag behind the finish before the answer counts as over. */
const LINGER_MS = 2000;
const DRAIN_MS = 1000;
const MAX_EVENT_CHARS = 4_194_304;
/** The most decoded bytes in a row without a word of the answer: comments and padding that unpack without end. */
const MAX_SILENT_BYTES = 33_554_432;

type Batch = readonly UpstreamEvent[];
type Result = IteratorResult<Batch, undefined>;

const DONE: Result = { value: undefined, done: true };

/**
 * A turn's events, one batch per network read. One object with plain steps: a generator would cost each token several
 * turns of the microtask queue.
 */
export class AnswerStream implements UpstreamIterator, AsyncIterableIterator<Batch>, BytesReader {
  readonly #start: () => Promise<Turn>;
  readonly #answer: Answer;
  readonly #context: TurnContext<LongcatCredential>;
  #body: UpstreamBody | undefined;
  #linger: Linger | undefined;
  /** Waits for the next batch. */
  #reader: UpstreamReader | undefined;
  #silentBytes = 0;
  /** A first event has been given: from now on no other account will answer in its place. */
  #hasBegun = false;
  #isOver = false;
  /** Told at the next read. */
  #failure: GatewayError | undefined;

  /** @param start sends the turn */
  constructor(
    start: () => Promise<Turn>,
    mode: Mode,
    context: TurnContext<LongcatCredential>,
    maxEventChars = MAX_EVENT_CHARS,
  ) {
    this.#start = start;
    this.#answer = new Answer(mode, maxEventChars, () => context.clock.monotonic());
    this.#context = context;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      const came = (batch: Batch | undefined) => resolve(batch ? { value: batch, done: false } : DONE);
      this.read({ came, failed: reject });
    });
  }

  read(reader: UpstreamReader): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) return reader.failed(failure);
    if (this.#isOver) return reader.came(undefined);
    this.#reader = reader;
    if (this.#body) this.#readOn(this.#body);
    else this.#start().then(this.#began, (error: unknown) => this.failed(error));
  }

  return(): Promise<Result> {
    this.#close();
    return Promise.resolve(DONE);
  }

  readonly #began = ({ body, first }: Turn): void => {
    this.#body = body;
    // Whoever has let go meanwhile had no body to cancel.
    if (this.#isOver) body.cancel();
    this.came(first);
  };

  #readOn(body: UpstreamBody): void {
    if (this.#linger) this.#linger.readBy(this, body);
    else body.readBy(this);
  }

  /** Bytes of the body; undefined at its end. */
  came(bytes: Uint8Array | undefined): void {
    if (this.#isOver) return this.#tell(undefined);
    const answer = this.#answer;
    const out: UpstreamEvent[] = [];
    try {
      if (bytes) {
        answer.read(bytes, out);
        const says = out.some(isFirstEvent);
        this.#hasBegun ||= says;
        this.#silentBytes = says ? 0 : this.#silentBytes + bytes.length;
        if (this.#silentBytes > MAX_SILENT_BYTES) {
          throw new BodyTooLarge(`${this.#silentBytes} bytes without an answer.`);
        }
        if (answer.progress !== "last") {
          if (answer.progress === "finished") this.#linger ??= new Linger(this.#context.clock);
          return out.length > 0 || !this.#body ? this.#tell(out) : this.#readOn(this.#body);
        }
      }
      answer.end(out);
      this.#close();
    } catch (error) {
      return this.#broken(error, out);
    }
    this.#tell(out);
  }

  /** The body broke off. */
  failed(error: unknown): void {
    this.#broken(error, []);
  }

  /** What came before the fault in the same read, and what was held back of an answer that has begun, is part of it. */
  #broken(error: unknown, out: UpstreamEvent[]): void {
    this.#close();
    if (this.#hasBegun) this.#answer.breakOff(out);
    const failure = failureOf(error, this.#context);
    if (out.length > 0) {
      this.#failure = failure;
      return this.#tell(out);
    }
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.failed(failure);
  }

  /** Last of all steps: the reader goes on at once. */
  #tell(batch: Batch | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.came(batch);
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#linger?.stop();
    const body = this.#body;
    if (!body) return;
    if (this.#answer.progress !== "last") body.cancel();
    else if (!body.rest()) void drain(body, this.#context.clock);
  }
}

function failureOf(error: unknown, context: TurnContext<LongcatCredential>): GatewayError {
  if (!(error instanceof EventTooLarge)) return readFailure(error, context);
  return new GatewayError("upstream-broken", "LongCat sent an event longer than an answer can be.", { cause: error });
}

/** Reads on after the finish, but only for so long: the socket may stay open with nothing more to say. */
class Linger {
  readonly #over: Promise<undefined>;
  #cancel = (): void => {};

  constructor(clock: Clock) {
    this.#over = new Promise((resolve) => (this.#cancel = clock.after(LINGER_MS, () => resolve(undefined))));
  }

  stop(): void {
    this.#cancel();
  }

  /** Gives the next bytes; undefined at the end of the body, or once the time after the finish is up. */
  readBy(reader: BytesReader, body: UpstreamBody): void {
    // The answer is whole: a connection that breaks now ends it as well as any other.
    const bytes = body.read().catch(() => undefined);
    void Promise.race([bytes, this.#over]).then((first) => reader.came(first));
  }
}

/** After `lastOne` the end of the body is due at once; read up to it, the connection can serve the next call. */
async function drain(body: UpstreamBody, clock: Clock): Promise<void> {
  const stop = clock.after(DRAIN_MS, () => body.cancel());
  try {
    while (await body.read());
  } catch {
    // The answer is already told; a connection that breaks here is only not used again.
  } finally {
    stop();
  }
}
