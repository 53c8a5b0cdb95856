import { GatewayError } from "../chat/error.ts";
import { Aborter, type Abortable } from "../lib/abort.ts";
import type { Agenda, Due } from "../lib/agenda.ts";

/** The longest a call in the background may take. */
const LONGEST_MS = 30_000;
/** Calls that begin within this time of each other have one deadline. */
const SHIFT_MS = 5000;

/** Calls that end by one signal. */
class Shift implements Due {
  readonly aborter: Aborter;
  dueAt = 0;
  place = -1;
  readonly #due: (shift: Shift) => void;

  constructor(aborter: Aborter, due: (shift: Shift) => void) {
    this.aborter = aborter;
    this.#due = due;
  }

  due(): void {
    this.#due(this);
  }
}

/** The signals of calls that nobody waits for: each aborts at its deadline, and all when the gateway stops. */
export class Background {
  readonly #agenda: Agenda;
  readonly #open = new Set<Shift>();
  /** What calls that begin now have in common. */
  #shared: Shift | undefined;
  #stopping: GatewayError | undefined;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** For a call that begins now. Its deadline is 25 to 30 s away. */
  get signal(): Abortable {
    this.#shared ??= this.#begin(new Aborter(), SHIFT_MS);
    return this.#shared.aborter;
  }

  /** A call that began with this aborter, and that nobody waits for any more: it has 30 s from now on. */
  takeOver(call: Promise<unknown>, aborter: Aborter): void {
    const shift = this.#begin(aborter, LONGEST_MS);
    const ended = () => {
      this.#open.delete(shift);
      this.#agenda.remove(shift);
    };
    call.then(ended, ended);
  }

  stop(reason: GatewayError): void {
    this.#stopping = reason;
    for (const { aborter } of this.#open) aborter.abort(reason);
    this.#open.clear();
  }

  #begin(aborter: Aborter, ms: number): Shift {
    const shift = new Shift(aborter, this.#due);
    if (this.#stopping) aborter.abort(this.#stopping);
    else this.#open.add(shift);
    this.#agenda.add(shift, ms);
    return shift;
  }

  readonly #due = (shift: Shift): void => {
    if (shift === this.#shared) {
      this.#shared = undefined;
      return this.#agenda.add(shift, LONGEST_MS - SHIFT_MS);
    }
    this.#open.delete(shift);
    const text = `The upstream did not answer in ${LONGEST_MS / 1000} s.`;
    shift.aborter.abort(new GatewayError("upstream-timeout", text));
  };
}
