import { GatewayError } from "../chat/error.ts";
import { orAborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";

/** How long ended streams have to write their last frame. */
const LAST_WORDS_MS = 500;

/** One request on its way through the gateway. */
export class Turn implements EventListenerObject {
  readonly #turns: Turns;
  readonly #controller = new AbortController();
  /** Resolves when the turn may call an upstream; undefined when it may at once. Rejects with the signal's reason. */
  readonly admitted: Promise<void> | undefined;
  #isOver = false;

  /** Made by `Turns.begin` alone. */
  constructor(turns: Turns, client: AbortSignal, standInLine: ((turn: Turn) => Promise<void>) | undefined) {
    this.#turns = turns;
    if (client.aborted) this.leave();
    // It is not taken off again: it goes with the request, and a turn that is over does not mind.
    else client.addEventListener("abort", this, { once: true });
    this.admitted = standInLine && orAborted(standInLine(this), this.signal);
  }

  /** Aborts when the client leaves or the gateway stops; its reason is a GatewayError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The client's signal aborted. */
  handleEvent(): void {
    this.leave();
  }

  /** The client went away. */
  leave(): void {
    this.abort(new GatewayError("cancelled", "The client left."));
  }

  abort(reason: GatewayError): void {
    if (!this.#isOver) this.#controller.abort(reason);
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
  readonly #line = new Map<Turn, () => void>();
  #stopping = false;
  #emptied: (() => void) | undefined;

  /** @param most turns that may call upstreams at once: what is beyond it waits in line, first come first served */
  constructor(clock: Clock, most = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Turns under way, those in line included. */
  get size(): number {
    return this.#open.size;
  }

  /** Turns in line because as many as may be are calling upstreams. */
  get waiting(): number {
    return this.#line.size;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** @throws GatewayError stopping once `drain` was called */
  begin(client: AbortSignal): Turn {
    if (this.#stopping) throw new GatewayError("stopping", "The gateway is stopping. Try again in a few seconds.");
    const isFull = this.#open.size - this.#line.size >= this.#most;
    const turn = new Turn(this, client, isFull ? this.#stand : undefined);
    this.#open.add(turn);
    return turn;
  }

  /** Called by a turn that is over. */
  ended(turn: Turn): void {
    this.#open.delete(turn);
    if (!this.#line.delete(turn)) this.#admitNext();
    if (this.#open.size === 0) this.#emptied?.();
  }

  /** Takes no new turns and resolves when the last one is over; after `graceMs` the rest are ended with an error. */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#open.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#emptied = resolve));
    const passed = (ms: number) => new Promise<void>((resolve) => this.#clock.after(ms, resolve));
    await Promise.race([empty, passed(graceMs)]);
    for (const turn of this.#open) {
      turn.abort(new GatewayError("stopping", "The gateway was stopped before this answer was complete."));
    }
    if (this.#open.size > 0) await Promise.race([empty, passed(LAST_WORDS_MS)]);
  }

  readonly #stand = (turn: Turn): Promise<void> => new Promise((resolve) => void this.#line.set(turn, resolve));

  #admitNext(): void {
    if (this.#line.size === 0) return;
    const [next] = this.#line;
    if (!next) return;
    this.#line.delete(next[0]);
    next[1]();
  }
}
