import { GatewayError, toGatewayError } from "../chat/error.ts";
import { every, type Clock } from "../lib/clock.ts";
import { withDeadline } from "../lib/deadline.ts";
import type { Log } from "../lib/log.ts";
import type { Account } from "./account.ts";
import type { Books } from "./books.ts";
import { isOut } from "./health.ts";

const TICK_MS = 5000;
const AT_ONCE = 4;
/** The longest a probe may take. */
const PROBE_MS = 30_000;
/** A credential whose own times make no sense is not renewed more often than this. */
const LEAST_RENEWAL_GAP_MS = 60_000;

export interface ProberDeps {
  readonly books: Books;
  readonly accounts: () => readonly Account[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Looks after accounts that no request touches: asks those out of rotation whether they work again, ever less often,
 * and renews credentials before they lapse, also while their account cools.
 */
export class Prober {
  readonly #deps: ProberDeps;
  readonly #stopping = new AbortController();
  readonly #busy = new Set<Account>();
  readonly #renewedAt = new WeakMap<Account, number>();
  #cancelTimer = (): void => {};

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = every(this.#deps.clock, TICK_MS, () => this.tick());
  }

  /** Begins what is due, a few at once; the rest waits for the next tick, so that a thousand accounts do not ask together. */
  tick(): void {
    for (const account of this.#deps.accounts()) {
      if (this.#busy.size >= AT_ONCE) return;
      if (this.#busy.has(account)) continue;
      const work = this.#isRenewalDue(account)
        ? this.#renew(account)
        : this.#isProbeDue(account)
          ? this.#probe(account)
          : undefined;
      if (!work) continue;
      this.#busy.add(account);
      void work.finally(() => this.#busy.delete(account));
    }
  }

  stop(): void {
    this.#cancelTimer();
    this.#stopping.abort(new GatewayError("stopping", "The gateway is stopping."));
  }

  #isRenewalDue(account: Account): boolean {
    const { refresh } = account.provider;
    if (!refresh || isOut(account)) return false;
    const { clock } = this.#deps;
    const dueAt = refresh.dueAt(account.credential);
    if (dueAt === undefined || dueAt > clock.now()) return false;
    const last = this.#renewedAt.get(account);
    return last === undefined || clock.monotonic() - last >= LEAST_RENEWAL_GAP_MS;
  }

  #isProbeDue(account: Account): boolean {
    const { books, clock } = this.#deps;
    books.probes.follow(account); // a setting may have changed
    return account.probeAt !== undefined && account.probeAt <= clock.monotonic();
  }

  async #renew(account: Account): Promise<void> {
    const { books, clock, log } = this.#deps;
    this.#renewedAt.set(account, clock.monotonic());
    try {
      await books.context(account, this.#stopping.signal, log).renew(account.credential);
    } catch (error) {
      log.debug("renewal-ended", { account: account.id, reason: toGatewayError(error).message });
    }
  }

  async #probe(account: Account): Promise<void> {
    const { books, clock, log } = this.#deps;
    const { provider } = account;
    const late = new GatewayError("upstream-timeout", "The probe was not answered in time.");
    const deadline = { clock, ms: PROBE_MS, late, outer: this.#stopping.signal };
    try {
      const result = await withDeadline(deadline, async (signal) =>
        provider.probe?.(books.context(account, signal, log)),
      );
      books.told(account, result ?? {}, true);
    } catch (error) {
      const failure = toGatewayError(error);
      books.apply(account, { failure });
      log.debug("probe-failed", { account: account.id, kind: failure.kind, reason: failure.message });
    } finally {
      books.probes.asked(account);
      books.changed();
    }
  }
}
