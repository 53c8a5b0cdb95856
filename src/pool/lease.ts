import { FAILURES, type GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { AccountContext, Provider } from "../providers/provider.ts";
import type { AttemptRecord } from "../store/store.ts";
import type { Account } from "./account.ts";
import type { Breaker, Signal } from "./breaker.ts";

/** Who serves, for the log line of an attempt. */
export interface LentAccount {
  readonly id: string;
  readonly label: string;
  /** False for a caller's own account, whose id and use are nobody's business. */
  readonly stored: boolean;
  /** Which use in a row this is; 0 when it stood in for a busy account. */
  readonly use: number;
}

/** How a lent account did. No failure means the whole turn worked. */
export interface LeaseOutcome {
  readonly failure?: GatewayError;
  /** A person's test of this account: success brings it back from anything but `disabled_by_user`. */
  readonly revives?: boolean;
}

export interface LeaseEnds {
  readonly clock: Clock;
  /** Of the service behind the account. */
  breakerOf(account: Account | undefined): Breaker;
  context(account: Account | undefined, signal: Abortable, log: Log): AccountContext<unknown>;
  settled(account: Account, outcome: LeaseOutcome): void;
}

/** An account lent to one attempt. It must be settled; what comes after the first `settle` changes nothing. */
export class Lease {
  readonly provider: Provider;
  /** Undefined for a provider that needs no account. */
  readonly account: LentAccount | undefined;
  readonly #account: Account | undefined;
  readonly #ends: LeaseEnds;
  readonly #breaker: Breaker;
  readonly #trial: boolean;
  #reported = false;
  #settled = false;

  constructor(provider: Provider, account: Account | undefined, use: number, ends: LeaseEnds) {
    this.provider = provider;
    this.#account = account;
    this.#ends = ends;
    this.#breaker = ends.breakerOf(account);
    this.#trial = !this.#breaker.isClosed && this.#breaker.enter(ends.clock.monotonic());
    if (!account) return;
    account.inFlight += 1;
    account.lent();
    const { id, label, stored } = account;
    this.account = { id, label, stored, use };
  }

  /** Rotation failures of the account in a row, as they stand now. */
  get failuresInRow(): number {
    return this.#account?.health.rotationFailures ?? 0;
  }

  /** The means to speak for the account; valid also after the lease is settled, to clean up. */
  context(signal: Abortable, log: Log): AccountContext<unknown> {
    return this.#ends.context(this.#account, signal, log);
  }

  /** The service answers: a trial of its breaker need not wait for the end of a long turn. */
  began(): void {
    this.#report("up");
  }

  /** Moves the account's counters in memory, as the store does with the same record. */
  count(attempt: AttemptRecord): void {
    if (this.#account?.stored) this.#account.count(attempt);
  }

  settle(outcome: LeaseOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#report(signalOf(outcome.failure));
    if (!this.#account) return;
    this.#account.inFlight -= 1;
    this.#ends.settled(this.#account, outcome);
  }

  #report(signal: Signal): void {
    // A turn that broke after it had begun is news all the same.
    if (this.#reported && signal !== "down") return;
    // Only a failure needs to know when it was.
    const at = signal === "down" ? this.#ends.clock.monotonic() : 0;
    this.#breaker.record(signal, at, this.#trial && !this.#reported);
    this.#reported = true;
  }
}

function signalOf(failure: GatewayError | undefined): Signal {
  if (!failure) return "up";
  const { blames } = FAILURES[failure.kind];
  return blames === "provider" ? "down" : blames === "account" ? "up" : "unknown";
}
