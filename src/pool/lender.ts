import { abortReason, GatewayError } from "../chat/error.ts";
import { orAborted, type Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Provider } from "../providers/provider.ts";
import type { Account } from "./account.ts";
import type { Guests } from "./guests.ts";
import { Lease, type LeaseEnds } from "./lease.ts";
import type { Revision } from "./revision.ts";
import { choose, ranksOf, type Position, type Standing, type StrategyName } from "./strategies.ts";
import { unavailable } from "./unavailable.ts";

const QUEUE_FULL_RETRY_MS = 5000;

export interface LendRequest {
  readonly signal: Abortable;
  /** The upstream's model; accounts that do not serve it are not lent. */
  readonly model: string;
  /** Ids of accounts that this request has tried already. */
  readonly exclude?: ReadonlySet<string> | undefined;
  /** The client has named this account: no other serves, and it only as it stands. */
  readonly account?: string | undefined;
  /** Taken before any other when it is usable and free: it holds the conversation. */
  readonly prefer?: string | undefined;
  /** This account and no other, whatever its state: a person tests it. */
  readonly only?: string | undefined;
}

/** What an account must serve to be lent. */
export type Wanted = Pick<LendRequest, "model" | "account">;

export interface LenderRules {
  readonly strategy: StrategyName;
  readonly rotationUses: number;
  /** Ms to wait for a busy account. */
  readonly queueMs: number;
  /** Turns at once, for an account that has no figure of its own. */
  readonly concurrency: number;
}

export interface LenderDeps {
  readonly clock: Clock;
  readonly ends: LeaseEnds;
  readonly revision: Revision;
  /** Sessions that the service gives to visitors, where it does. */
  readonly guests?: Guests | undefined;
  rules(): LenderRules;
  /** The rotation has moved on. */
  moved(position: Position): void;
  /** Somebody has to wait in line. */
  queued?(lender: Lender): void;
}

interface Waiter {
  readonly request: LendRequest;
  resolve(lease: Lease): void;
  reject(error: GatewayError): void;
}

/** Lends the accounts of one provider, or one caller's own, in the order of a strategy; who finds all busy waits in line. */
export class Lender {
  readonly provider: Provider;
  readonly accounts: Account[];
  readonly #deps: LenderDeps;
  readonly #waiters = new Set<Waiter>();
  /** Monotonic ms at which the line is looked at again because of a pace. */
  #pumpAt: number | undefined;
  /** The accounts as strategies take them, and the revision at which they were put in order. */
  #ranks: readonly (readonly Account[])[] = [];
  #rankedAt: number | undefined;
  position: Position;

  constructor(provider: Provider, accounts: Account[], position: Position, deps: LenderDeps) {
    this.provider = provider;
    this.accounts = accounts;
    this.position = position;
    this.#deps = deps;
  }

  /** Requests in line. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * An account to use now; undefined when `lend` has to wait for one.
   * @throws GatewayError as `lend` does
   */
  lendNow(request: LendRequest): Lease | undefined {
    if (request.signal.aborted) throw abortReason(request.signal);
    return this.#deps.guests && request.only === undefined ? undefined : this.#take(request);
  }

  /**
   * An account to use now, or as soon as one that is only busy gets free.
   * @throws GatewayError why no account can serve: rate-limited, quota-exhausted or challenge with `retryAt` while
   *   they rest, no-account, upstream-broken while the breakers of their services are open, queue-full after the wait, or what
   *   the signal aborted with
   */
  async lend(request: LendRequest): Promise<Lease> {
    if (request.signal.aborted) throw abortReason(request.signal);
    if (this.#deps.guests && request.only === undefined) await this.#invite(this.#deps.guests, request);
    return this.#take(request) ?? this.#wait(request);
  }

  /** Has missing guests made; a request that nobody else can serve waits for them. */
  async #invite(guests: Guests, request: LendRequest): Promise<void> {
    const { wanted, alive } = guests.status;
    if (alive >= wanted) return;
    const filling = guests.fill();
    const hasOther = this.accounts.some((account) => account.state === "ready" && this.#suits(account, request));
    const rests = this.accounts.some(({ restLeftMs }) => restLeftMs > 0);
    if (hasOther)
      filling.catch(() => undefined); // the desk has logged it, and its status says it
    else
      await orAborted(filling, request.signal).catch((error: unknown) => {
        if (request.signal.aborted) throw abortReason(request.signal);
        // Accounts that rest say better when somebody can answer.
        if (!rests) throw error;
      });
  }

  #suits(account: Account, request: LendRequest): boolean {
    return !request.exclude?.has(account.id) && serves(account, request);
  }

  /** Why nobody could be served so now; undefined while an account is ready. */
  unavailable(wanted: Wanted): GatewayError | undefined {
    if (!this.provider.credential || this.#deps.guests?.canFill) return undefined;
    // Every request with several targets asks: most have somebody.
    if (this.accounts.some((account) => account.state === "ready" && serves(account, wanted))) return undefined;
    const serving = this.accounts.filter((account) => serves(account, wanted));
    if (serving.length === 0 && this.accounts.length > 0) {
      return new GatewayError("no-account", `No ${this.provider.title} account here serves the model ${wanted.model}.`);
    }
    return unavailable(this.provider, serving, this.#deps.clock.now());
  }

  /** The ids of the accounts that belong to the same service as this one. */
  sharing(accountId: string): readonly string[] {
    const service = this.accounts.find(({ id }) => id === accountId)?.service;
    return this.accounts.filter((account) => account.service === service).map(({ id }) => id);
  }

  /** Serves whoever can be served now, first come first. Call it whenever an account may have become free or ready. */
  pump(): void {
    for (const waiter of this.#waiters) {
      try {
        const lease = this.#take(waiter.request);
        if (lease) waiter.resolve(lease);
      } catch (error) {
        waiter.reject(error as GatewayError);
      }
    }
  }

  concurrencyOf(account: Account): number {
    return account.settings.concurrency ?? this.#deps.rules().concurrency;
  }

  #take(request: LendRequest): Lease | undefined {
    const { ends } = this.#deps;
    if (request.only !== undefined) {
      const account = this.accounts.find(({ id }) => id === request.only);
      if (!account) throw new GatewayError("no-account", "This account does not exist.");
      return this.#isFree(account, this.#deps.rules().concurrency)
        ? new Lease(this.provider, account, 0, ends)
        : undefined;
    }
    if (!this.provider.credential) {
      if (!this.#mayAsk(undefined)) throw this.#broken([undefined]);
      return new Lease(this.provider, undefined, 0, ends);
    }
    const { strategy, rotationUses, concurrency } = this.#deps.rules();
    const standing = (account: Account): Standing =>
      !this.#isUsable(account, request) ? "out" : this.#isFree(account, concurrency) ? "free" : "busy";
    if (request.prefer !== undefined) {
      const preferred = this.accounts.find(({ id }) => id === request.prefer);
      if (preferred && standing(preferred) === "free") return new Lease(this.provider, preferred, 0, ends);
    }
    const choice = choose(strategy, this.#inRanks(), standing, this.position, rotationUses);
    if (!choice) {
      this.#keepPace(this.#usable(request));
      return undefined;
    }
    if (choice.position !== this.position) {
      this.position = choice.position;
      this.#deps.moved(choice.position);
    }
    const { account } = choice;
    return new Lease(this.provider, account, this.position.id === account.id ? this.position.uses : 0, ends);
  }

  #inRanks(): readonly (readonly Account[])[] {
    const { count } = this.#deps.revision;
    if (this.#rankedAt !== count) {
      this.#rankedAt = count;
      this.#ranks = ranksOf(this.accounts);
    }
    return this.#ranks;
  }

  /** Those who could serve if they were free. @throws GatewayError when there is none */
  #usable(request: LendRequest): readonly Account[] {
    const able = this.accounts.filter((account) => this.#isAble(account, request));
    const usable = able.filter((account) => this.#mayAsk(account));
    if (usable.length > 0) return usable;
    throw able.length > 0 ? this.#broken(able) : (this.unavailable(request) ?? this.#allTried());
  }

  #isAble(account: Account, request: LendRequest): boolean {
    return account.state === "ready" && this.#suits(account, request);
  }

  #isUsable(account: Account, request: LendRequest): boolean {
    return this.#isAble(account, request) && this.#mayAsk(account);
  }

  #wait(request: LendRequest): Promise<Lease> {
    const { clock } = this.#deps;
    const { queueMs } = this.#deps.rules();
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        cancelTimer();
        request.signal.removeEventListener("abort", abort);
      };
      const waiter: Waiter = {
        request,
        resolve(lease) {
          leave();
          resolve(lease);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      const abort = () => waiter.reject(abortReason(request.signal));
      const cancelTimer = clock.after(queueMs, () => waiter.reject(this.#queueFull(queueMs)));
      request.signal.addEventListener("abort", abort);
      this.#waiters.add(waiter);
      this.#deps.queued?.(this);
    });
  }

  /** Whether the service behind an account may be asked now. */
  #mayAsk(account: Account | undefined): boolean {
    const { clock, ends } = this.#deps;
    const breaker = ends.breakerOf(account);
    return breaker.isClosed || breaker.allows(clock.monotonic());
  }

  /** @param concurrency of an account that has no figure of its own */
  #isFree(account: Account, concurrency: number): boolean {
    return account.inFlight < (account.settings.concurrency ?? concurrency) && account.paceLeftMs === 0;
  }

  /**
   * Nobody is free. Whoever waits is served when the first pace allows it; a wait that cannot end in time is refused.
   * @throws GatewayError rate-limited when all of these accounts keep their distance for longer than anybody may wait
   */
  #keepPace(usable: readonly Account[]): void {
    const { clock } = this.#deps;
    const { queueMs } = this.#deps.rules();
    // The others are merely busy: whoever gives one back serves the line.
    const paced = usable.filter((account) => account.inFlight < this.concurrencyOf(account));
    if (paced.length === 0) return;
    const waitMs = Math.min(...paced.map(({ paceLeftMs }) => paceLeftMs));
    if (waitMs > queueMs) {
      if (paced.length < usable.length) return;
      const text = `Every ready ${this.provider.title} account keeps its pace; the next turn may begin in ${Math.ceil(waitMs / 1000)} s.`;
      throw new GatewayError("rate-limited", text, { retryAt: clock.now() + waitMs });
    }
    const at = clock.monotonic() + waitMs;
    if (this.#pumpAt !== undefined && this.#pumpAt <= at) return;
    this.#pumpAt = at;
    clock.after(waitMs, () => {
      if (this.#pumpAt === at) this.#pumpAt = undefined;
      this.pump();
    });
  }

  #broken(asked: readonly (Account | undefined)[]): GatewayError {
    const { clock, ends } = this.#deps;
    const waits = asked.map((account) => ends.breakerOf(account).trialInMs(clock.monotonic()));
    const waitMs = Math.max(Math.min(...waits), 1000);
    const text = `${this.provider.title} itself fails; the gateway asks it again in ${Math.ceil(waitMs / 1000)} s.`;
    return new GatewayError("upstream-broken", text, { retryAt: clock.now() + waitMs });
  }

  #allTried(): GatewayError {
    return new GatewayError("no-account", `Every ${this.provider.title} account has been tried for this request.`);
  }

  #queueFull(queueMs: number): GatewayError {
    const text = `All ${this.provider.title} accounts were busy for ${queueMs / 1000} s; try again shortly.`;
    return new GatewayError("queue-full", text, { retryAt: this.#deps.clock.now() + QUEUE_FULL_RETRY_MS });
  }
}

function serves(account: Account, { model, account: named }: Wanted): boolean {
  return (named === undefined || named === account.id) && account.serves(model);
}
