import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { withDeadline } from "../lib/deadline.ts";
import type { Log } from "../lib/log.ts";
import type { Provider, ServiceContext } from "../providers/provider.ts";
import type { Account } from "./account.ts";
import { isDead } from "./health.ts";

const CREATION_MS = 60_000;
const FIRST_BACKOFF_MS = 60_000;
const LONGEST_BACKOFF_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

export interface GuestDeps {
  readonly provider: Provider;
  readonly clock: Clock;
  readonly log: Log;
  /** The provider's accounts in use. */
  accounts(): readonly Account[];
  service(signal: Abortable): ServiceContext;
  admit(credential: unknown): Promise<void>;
  remove(account: Account): Promise<void>;
}

/** How the guest sessions of a provider stand. */
export interface GuestStatus {
  /** How many are to be kept. */
  readonly wanted: number;
  /** How many there are that work, or rest. */
  readonly alive: number;
  /** Why none is made now, in words; undefined when nothing is wrong. */
  readonly failure: string | undefined;
  /** It does not end by itself: the service wants a sign-in instead of guests. */
  readonly needsLogin: boolean;
  /** Epoch ms before which none is made. */
  readonly retryAt: number | undefined;
}

/**
 * Keeps a provider's guest sessions: makes them when the first request comes, and replaces one whose session is dead.
 * One that rests because of a limit is alive: a limit is never a reason for another guest. When the service gives none,
 * that is said in words and not asked again for a while.
 */
export class Guests {
  readonly #deps: GuestDeps;
  readonly #stopping = new AbortController();
  #filling: Promise<void> | undefined;
  #failure: GatewayError | undefined;
  /** Failures in a row; a session that dies before it served is one. */
  #failures = 0;
  /** Monotonic ms. */
  #notBefore = 0;

  constructor(deps: GuestDeps) {
    this.#deps = deps;
  }

  get status(): GuestStatus {
    const { clock } = this.#deps;
    const waitMs = this.#notBefore - clock.monotonic();
    return {
      wanted: this.#wanted,
      alive: this.#alive.length,
      failure: this.#failure?.message,
      needsLogin: this.#failure?.needsLogin ?? false,
      retryAt: waitMs > 0 ? clock.now() + waitMs : undefined,
    };
  }

  /** Whether a guest is missing that may be made now. */
  get canFill(): boolean {
    return this.#alive.length < this.#wanted && this.#deps.clock.monotonic() >= this.#notBefore;
  }

  /**
   * Makes what is missing; resolves when that is done. Nobody's leaving stops it.
   * @throws GatewayError why the service gives no guest session, also while it is not asked again
   */
  async fill(): Promise<void> {
    if (this.#alive.length >= this.#wanted) return;
    this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
    return this.#filling;
  }

  stop(): void {
    this.#stopping.abort(new GatewayError("stopping", "The gateway is stopping."));
  }

  get #wanted(): number {
    return this.#deps.provider.guests?.count ?? 0;
  }

  get #own(): readonly Account[] {
    return this.#deps.accounts().filter(({ source }) => source === "guest");
  }

  /** A guest that a person switched off keeps its place. */
  get #alive(): readonly Account[] {
    return this.#own.filter((account) => !isDead(account));
  }

  async #fill(): Promise<void> {
    await this.#buryDead();
    while (this.#alive.length < this.#wanted) {
      if (this.#deps.clock.monotonic() < this.#notBefore) throw this.#refusal();
      await this.#create();
    }
  }

  async #buryDead(): Promise<void> {
    for (const guest of this.#own.filter(isDead)) {
      if (guest.inFlight > 0) continue;
      const { reason } = guest.health;
      this.#deps.log.info("guest-replaced", { account: guest.id, label: guest.label, reason });
      if (guest.counters.successes > 0) this.#failures = 0;
      else if (++this.#failures > 1) {
        this.#rest(new GatewayError("auth-rejected", `Guest sessions stop working at once: ${reason ?? "no reason"}`));
      }
      await this.#deps.remove(guest);
    }
  }

  async #create(): Promise<void> {
    const { provider, clock, service, admit, log } = this.#deps;
    const late = new GatewayError("upstream-timeout", `${provider.title} gave no guest in time.`);
    const deadline = { clock, ms: CREATION_MS, late, outer: this.#stopping.signal };
    try {
      const credential = await withDeadline(deadline, async (signal) => provider.guests?.create(service(signal)));
      await admit(credential);
      this.#failure = undefined;
      log.info("guest-made", { provider: provider.name });
    } catch (error) {
      if (this.#stopping.signal.aborted) throw toGatewayError(this.#stopping.signal.reason);
      this.#failures += 1;
      this.#rest(toGatewayError(error));
      throw this.#refusal();
    }
  }

  #rest(failure: GatewayError): void {
    const { clock, log, provider } = this.#deps;
    const blindMs = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#failures - 1), LONGEST_BACKOFF_MS);
    const toldMs = failure.retryAt === undefined ? 0 : failure.retryAt - clock.now();
    const waitMs = Math.min(Math.max(toldMs, blindMs), DAY_MS);
    this.#failure = failure;
    this.#notBefore = clock.monotonic() + waitMs;
    log.warn("guest-refused", { provider: provider.name, kind: failure.kind, reason: failure.message, waitMs });
  }

  /** The failure with the time of the next try, so that a client knows when to come back. */
  #refusal(): GatewayError {
    const { clock } = this.#deps;
    const failure = this.#failure ?? new GatewayError("no-account", "There is no guest session.");
    const retryAt = clock.now() + Math.max(this.#notBefore - clock.monotonic(), 1000);
    return new GatewayError(failure.kind, failure.message, { retryAt, cause: failure });
  }
}
