import { GatewayError } from "../chat/error.ts";
import { Aborter } from "../lib/abort.ts";
import { sleep, type Clock } from "../lib/clock.ts";

/** How long ended streams have to write their last frame. */
const LAST_WORDS_MS = 500;

/** For the program itself, its database, pages, health answers, and callers that are refused in words. */
const FILES_OF_OUR_OWN = 64;
/** A client's connection, an upstream's, and one more: a chat that is being made, deleted or kept for the next turn. */
const FILES_A_TURN = 3;

/**
 * How many turns fit into this many open files. Without a free one nobody is accepted any more, not even to be refused,
 * while the system wakes the listener again and again; and a call to an upstream fails as if that refused it.
 */
export function mostTurns(openFiles: number): number {
  return Math.max(1, Math.floor((openFiles - FILES_OF_OUR_OWN) / FILES_A_TURN));
}

/**
 * The longest that a client's leaving goes unnoticed. A request makes its signal only when asked for it, which costs as
 * much as reading its body; it tells then that the client has left already. Short turns never ask.
 */
const UNHEARD_MS = 250;

/** Whoever sent a request: the request itself. */
interface Sender {
  /** Aborts when it leaves; has aborted when it has left. */
  readonly signal: AbortSignal;
}

/** One request on its way through the gateway. Aborts when the client leaves or the gateway stops, with a GatewayError. */
export class Turn extends Aborter {
  readonly #turns: Turns;
  /** Undefined once its signal is heard. */
  #sender: Sender | undefined;
  #isOver = false;

  /** Made by `Turns.begin` alone. */
  constructor(turns: Turns, sender: Sender) {
    super();
    this.#turns = turns;
    this.#sender = sender;
  }

  /** Hears of the client's leaving from now on. */
  listen(): void {
    const signal = this.#sender?.signal;
    this.#sender = undefined;
    if (signal?.aborted) this.leave();
    // It is not taken off again: it goes with the request, and a turn that is over does not mind.
    else signal?.addEventListener("abort", this, { once: true });
  }

  /** The client's signal aborted. */
  handleEvent(): void {
    this.leave();
  }

  /** The client went away. */
  leave(): void {
    this.abort(new GatewayError("cancelled", "The client left."));
  }

  override abort(reason: GatewayError): void {
    if (!this.#isOver) super.abort(reason);
  }

  /** The turn is over, well or not. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#turns.ended(this);
  }
}

/** Every turn under way, so that a stopping gateway can wait for them and then end them in words. */
export class Turns {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #open = new Set<Turn>();
  #stopping = false;
  /** Some turns do not hear of their clients yet, but soon will. */
  #isListening = false;
  #emptied: (() => void) | undefined;

  /** @param most how many may be under way at once */
  constructor(clock: Clock, most = Infinity) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Turns under way. */
  get size(): number {
    return this.#open.size;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** @throws GatewayError stopping once `drain` was called, gateway-full while as many as may be are under way */
  begin(sender: Sender): Turn {
    if (this.#stopping) throw new GatewayError("stopping", "The gateway is stopping. Try again in a few seconds.");
    if (this.#open.size >= this.#most) {
      const text = `The gateway is full: it may open no more connections for its ${this.#most} requests under way.`;
      throw new GatewayError("gateway-full", `${text} Try again in a few seconds.`);
    }
    const turn = new Turn(this, sender);
    this.#open.add(turn);
    if (!this.#isListening) {
      this.#isListening = true;
      this.#clock.after(UNHEARD_MS, this.#listen);
    }
    return turn;
  }

  readonly #listen = (): void => {
    this.#isListening = false;
    for (const turn of this.#open) turn.listen();
  };

  /** Called by a turn that is over. */
  ended(turn: Turn): void {
    this.#open.delete(turn);
    if (this.#open.size === 0) this.#emptied?.();
  }

  /** Takes no new turns and resolves when the last one is over; after `graceMs` the rest are ended with an error. */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#open.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#emptied = resolve));
    await Promise.race([empty, sleep(this.#clock, graceMs)]);
    for (const turn of this.#open) {
      turn.abort(new GatewayError("stopping", "The gateway was stopped before this answer was complete."));
    }
    if (this.#open.size > 0) await Promise.race([empty, sleep(this.#clock, LAST_WORDS_MS)]);
  }
}
