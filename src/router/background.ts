import { GatewayError } from "../chat/error.ts";
import type { Agenda, Due } from "../lib/agenda.ts";

/** The longest a call in the background may take. */
const LONGEST_MS = 30_000;
/** Calls that begin within this time of each other have one deadline. */
const SHIFT_MS = 5000;

/** Calls that have one signal; an asker that aborts sets its deadline going. */
class Shift implements Due, EventListenerObject {
  readonly controller = new AbortController();
  dueAt = 0;
  place = -1;
  readonly #agenda: Agenda;
  readonly #open: Set<Shift>;

  constructor(agenda: Agenda, open: Set<Shift>) {
    this.#agenda = agenda;
    this.#open = open;
    open.add(this);
  }

  handleEvent(): void {
    this.begin();
  }

  begin(): void {
    this.#agenda.add(this, LONGEST_MS);
  }

  end(): void {
    this.#agenda.remove(this);
    this.#open.delete(this);
  }

  due(): void {
    this.#open.delete(this);
    const text = `The upstream did not answer in ${LONGEST_MS / 1000} s.`;
    this.controller.abort(new GatewayError("upstream-timeout", text));
  }
}

/** The signals of calls that go on whoever asked for them: each aborts at its deadline, and all when the gateway stops. */
export class Background {
  readonly #agenda: Agenda;
  readonly #now: () => number;
  readonly #open = new Set<Shift>();
  #shared: Shift | undefined;

  /** @param now monotonic ms */
  constructor(agenda: Agenda, now: () => number) {
    this.#agenda = agenda;
    this.#now = now;
  }

  /** For a call that begins now and that nobody waits for. Its deadline is 25 to 30 s away. */
  get signal(): AbortSignal {
    let shift = this.#shared;
    if (!shift || shift.dueAt - this.#now() < LONGEST_MS - SHIFT_MS) {
      shift = this.#shared = new Shift(this.#agenda, this.#open);
      shift.begin();
    }
    return shift.controller.signal;
  }

  /** A call that somebody waits for, whose own deadline holds until it aborts; the one here begins then. */
  async waitedFor<T>(asker: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const shift = new Shift(this.#agenda, this.#open);
    if (asker.aborted) shift.begin();
    else asker.addEventListener("abort", shift);
    try {
      return await call(shift.controller.signal);
    } finally {
      asker.removeEventListener("abort", shift);
      shift.end();
    }
  }

  stop(reason: GatewayError): void {
    for (const { controller } of this.#open) controller.abort(reason);
    this.#open.clear();
  }
}
