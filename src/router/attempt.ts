import { GatewayError, toGatewayError } from "../chat/error.ts";
import {
  isFirstEvent,
  type ChatEvent,
  type ChatReader,
  type ChatStream,
  type UpstreamEvent,
  type UpstreamIterator,
  type UpstreamReader,
  type Usage,
} from "../chat/event.ts";
import type { ChatRequest, Message } from "../chat/request.ts";
import { Supplier } from "../emulate/supplier.ts";
import { Aborter, type Abortable } from "../lib/abort.ts";
import type { Agenda, Due } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import type { Provider, TurnContext } from "../providers/provider.ts";
import type { ChatUse, HeldChat } from "./chat.ts";
import type { Conversations, TakeOptions } from "./conversation.ts";
import { AnswerDraft } from "./history.ts";
import type { TurnEnd } from "./turn-end.ts";

/** How long a stream may go on after its end event, so that its connection can be used again. */
const DRAIN_MS = 2000;

export interface AttemptInput extends ChatUse {
  /** As the upstream can take it; without what `chat.kept` holds already. */
  readonly request: ChatRequest;
  /** Aborts when the client left, the gateway stops or the turn has taken too long; its reason is a GatewayError. */
  readonly signal: Abortable;
  /** Which of the upstream's chats to use. */
  readonly chat: TakeOptions;
  /** The key under which the chat is kept once it holds this answer too; undefined keeps no chat. */
  readonly keyAfter: ((answer: Message) => string) | undefined;
}

export interface AttemptMeans {
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly conversations: Conversations;
  /** Undefined for the provider's own deadline. */
  readonly firstEventMs: number | undefined;
  readonly idleMs: number;
}

/** Whoever makes an attempt hears of it. */
export interface AttemptOwner {
  /** The first event is there: no failover from now on. */
  attemptBegan(attempt: Attempt): void;
  /**
   * Called exactly once, when the attempt is over: before its first event, at its end, or in between.
   * @returns what the reader is told instead of the failure; undefined for the failure itself
   */
  attemptEnded(attempt: Attempt, end: TurnEnd): GatewayError | undefined;
}

/**
 * One try at one account, and the stream of its answer. It always ends: whatever the provider does, a pending read ends
 * as soon as the signal aborts, the first event is late, or so many ms pass without an event of any kind while somebody
 * waits for one. What lives as long as a stream stands in one object, with one place in the agenda for all its deadlines.
 */
export class Attempt implements ChatStream, Due, EventListenerObject {
  readonly input: AttemptInput;
  /** Whether the first event is there. */
  begun = false;
  dueAt = 0;
  place = -1;
  readonly #means: AttemptMeans;
  readonly #owner: AttemptOwner;
  readonly #aborter = new Aborter();
  readonly #supplier: Supplier;
  readonly #draft: AnswerDraft | undefined;
  #firstEventMs = 0;
  /** The chat on its way. */
  #taken: Promise<HeldChat> | undefined;
  #held: HeldChat | undefined;
  #source: UpstreamIterator | undefined;
  /** What was read before the stream was handed over. */
  #before: (readonly UpstreamEvent[])[] | undefined;
  /** Waits for the next batch; before the stream is handed over, for the chat and the first event. */
  #reader: ChatReader | undefined;
  /** Monotonic ms since which the reader has waited without an event, once the first one is there. */
  #waitsSince: number | undefined;
  /** The upstream's own end event has come. */
  #sourceEnded = false;
  #over = false;
  #failure: GatewayError | undefined;
  #characters = 0;

  constructor(input: AttemptInput, owner: AttemptOwner, means: AttemptMeans) {
    this.input = input;
    this.#owner = owner;
    this.#means = means;
    this.#supplier = new Supplier(input.request, this.#provider.capabilities);
    this.#draft = input.keyAfter && new AnswerDraft(input.request.stream);
  }

  /**
   * Resolves at the first event; the stream then goes on to its end.
   * @throws GatewayError when it failed before its first event; its owner has heard by then
   */
  begin(): Promise<unknown> {
    return new Promise((came, failed) => {
      this.#reader = { came, failed };
      try {
        this.#takeChat();
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  read(reader: ChatReader): void {
    if (this.#over) return reader.failed(this.#failure ?? this.#endedEarly());
    this.#reader = reader;
    const before = this.#before;
    this.#before = undefined;
    if (before) this.#came(before.flat());
    else this.#pull();
  }

  cancel(): void {
    this.#abort(new GatewayError("cancelled", "The client left."));
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#abort(toGatewayError(this.input.signal.reason));
  }

  due(): void {
    const { title } = this.#provider;
    if (this.#over) {
      this.#aborter.abort(new GatewayError("cancelled", "The answer is complete."));
      return;
    }
    if (!this.begun) {
      const text = `${title} did not begin to answer within ${seconds(this.#firstEventMs)}.`;
      this.#abort(new GatewayError("upstream-timeout", text));
      return;
    }
    const { idleMs } = this.#means;
    const silentMs = this.#waitsSince === undefined ? 0 : this.#means.clock.monotonic() - this.#waitsSince;
    if (silentMs < idleMs) return this.#means.agenda.add(this, idleMs - silentMs);
    this.#abort(new GatewayError("upstream-timeout", `${title} has sent nothing for ${seconds(idleMs)}.`));
  }

  get #provider(): Provider {
    return this.input.lease.provider;
  }

  #takeChat(): void {
    const { request, signal, chat } = this.input;
    const { agenda, conversations, firstEventMs } = this.#means;
    if (signal.aborted) throw signal.reason;
    signal.addEventListener("abort", this);
    this.#firstEventMs = firstEventMs ?? this.#provider.firstEventMs(request);
    agenda.add(this, this.#firstEventMs);
    const taken = conversations.take(this.input, this.#aborter, chat);
    if (!(taken instanceof Promise)) return this.#ask(taken);
    this.#taken = taken;
    taken.then(this.#ask, (error: unknown) => {
      this.#taken = undefined;
      this.#failed(error);
    });
  }

  readonly #ask = (held: HeldChat | undefined): void => {
    // The attempt has ended before the chat was there, which is seen to.
    if (this.#over) return;
    this.#taken = undefined;
    this.#held = held;
    try {
      const { lease, model, request, log } = this.input;
      const means = held ? { model, chat: held.upstream } : { model };
      const context: TurnContext<unknown> = Object.assign(lease.context(this.#aborter, log), means);
      this.#source = this.#provider.chat(request, context)[Symbol.asyncIterator]();
      this.#pull();
    } catch (error) {
      this.#failed(error);
    }
  };

  #pull(): void {
    if (this.begun) this.#waitsSince ??= this.#means.clock.monotonic();
    const source = this.#source;
    if (source?.read) source.read(this.#upstreamReader);
    else source?.next().then(this.#stepped, this.#failed);
  }

  readonly #stepped = ({ value, done }: IteratorResult<readonly UpstreamEvent[]>): void =>
    this.#came(done ? undefined : value);

  readonly #came = (batch: readonly UpstreamEvent[] | undefined): void => {
    const reader = this.#reader;
    if (!reader) return this.#letGo();
    let out: readonly ChatEvent[] | undefined;
    try {
      if (!batch) throw this.#endedEarly();
      if (batch.length > 0) {
        this.#waitsSince = undefined;
        this.#sourceEnded = batch.at(-1)?.type === "end";
        if (this.#sourceEnded) this.#means.agenda.remove(this);
      }
      out = this.begun ? this.#supply(batch) : this.#hold(batch);
      if (!out) return this.#pull();
    } catch (error) {
      return this.#failed(error);
    }
    this.#reader = undefined;
    reader.came(out);
  };

  readonly #failed = (error: unknown): void => {
    const reader = this.#reader;
    if (!reader) return;
    // The source has ended or rests: it is no longer read.
    this.#reader = undefined;
    const failure = toGatewayError(error);
    this.#abort(failure);
    reader.failed(this.#failure ?? failure);
  };

  readonly #upstreamReader: UpstreamReader = { came: this.#came, failed: this.#failed };

  /** What a batch gives to the reader; undefined for nothing. */
  #supply(batch: readonly UpstreamEvent[]): readonly ChatEvent[] | undefined {
    const out = this.#supplier.add(batch);
    for (const event of out) {
      this.#draft?.add(event);
      if (event.type === "text-delta" || event.type === "reasoning-delta") this.#characters += event.text.length;
      else if (event.type === "tool-call-delta") this.#characters += event.json.length;
      else if (event.type === "end") this.#finish(event.usage);
    }
    return out.length > 0 ? out : undefined;
  }

  /** Keeps a batch for the reader; undefined while the first event is not there. */
  #hold(batch: readonly UpstreamEvent[]): readonly ChatEvent[] | undefined {
    (this.#before ??= []).push(batch);
    if (!batch.some(isFirstEvent)) {
      const end = batch.find((event) => event.type === "end");
      if (!end) return undefined;
      if (!end.text && end.reason === "stop") {
        throw new GatewayError("upstream-broken", `${this.#provider.title} gave an empty answer.`);
      }
    }
    this.begun = true;
    const { clock, agenda, idleMs } = this.#means;
    // The place in the agenda is for the idle deadline from now on: one that is too early only looks.
    if (!this.#sourceEnded && this.#firstEventMs > idleMs && this.dueAt - clock.monotonic() > idleMs) {
      agenda.remove(this);
      agenda.add(this, idleMs);
    }
    this.input.lease.began();
    this.#owner.attemptBegan(this);
    return [];
  }

  #endedEarly(): GatewayError {
    const text = this.begun
      ? "The answer ended before it was complete."
      : `${this.#provider.title} ended without an answer.`;
    return new GatewayError("upstream-broken", text);
  }

  /** The answer is whole. An upstream that has ended too is read to its last byte, any other is cut off. */
  #finish(usage: Usage): void {
    if (this.#over) return;
    this.#close(undefined, usage);
    if (!this.#sourceEnded) {
      this.#aborter.abort(new GatewayError("cancelled", "The answer is no longer wanted."));
      return this.#letGo();
    }
    const { agenda } = this.#means;
    const drained = () => agenda.remove(this);
    agenda.add(this, DRAIN_MS);
    this.#source?.next().then(drained, drained);
  }

  #abort(failure: GatewayError): void {
    if (this.#over) return;
    const reader = this.#reader;
    this.#reader = undefined;
    if (this.#taken) this.#means.conversations.abandon(this.#taken, this.#aborter);
    // Also ends an upstream whose answer nobody has begun to read.
    else this.#aborter.abort(failure);
    this.#close(failure, undefined);
    // A read that is under way ends by the signal, or brings what nobody waits for any more.
    if (reader) reader.failed(this.#failure ?? failure);
    else this.#letGo();
  }

  /** Nothing more is read: a generator that rests at a yield needs to be told, or it keeps what it holds for ever. */
  #letGo(): void {
    this.#source?.return?.().then(ignore, ignore);
  }

  #close(failure: GatewayError | undefined, usage: Usage | undefined): void {
    this.#over = true;
    this.#means.agenda.remove(this);
    this.input.signal.removeEventListener("abort", this);
    const { keyAfter } = this.input;
    const key = !failure && this.#draft ? keyAfter?.(this.#draft.message()) : undefined;
    this.#held?.release(!failure, key);
    this.#failure = this.#owner.attemptEnded(this, { failure, usage, characters: this.#characters }) ?? failure;
  }
}

/** Ms as a text in seconds. */
function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** The stream was given up: how its rest fails interests nobody. */
function ignore(): void {}
