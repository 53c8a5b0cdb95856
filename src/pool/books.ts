import { GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { AccountContext, ProbeResult, Provider, Quota, ServiceContext } from "../providers/provider.ts";
import type { Health, Store } from "../store/store.ts";
import type { Account, Outlet } from "./account.ts";
import { Committer } from "./committer.ts";
import { Credentials } from "./credentials.ts";
import { settle, type HealthRules, type Outcome } from "./health.ts";
import { ProbePlan } from "./probe-plan.ts";

export interface BooksDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly userAgents: readonly string[];
  readonly random: () => number;
  /** Failures in a row that disable an account. */
  readonly maxFailures: () => number;
  /** The longest pause between two looks at an account that is out of rotation. */
  readonly longestProbePauseMs: () => number;
  /** "request": a random browser string for each context instead of the account's own. */
  userAgentPer(): "account" | "request";
  /** An account may have become free or ready. */
  wake(account: Account): void;
}

/** How an account is changed by whoever speaks for it. */
type Means = Pick<AccountContext<unknown>, "save" | "renew" | "remember">;

/** Keeps what is known of accounts, in memory and in the store, and tells who watches. */
export class Books {
  readonly credentials: Credentials;
  readonly committer: Committer;
  readonly probes: ProbePlan;
  readonly #deps: BooksDeps;
  readonly #rules: HealthRules;
  readonly #means = new WeakMap<Account, Means>();
  readonly #listeners = new Set<() => void>();

  constructor(deps: BooksDeps) {
    this.#deps = deps;
    this.#rules = {
      get maxFailures() {
        return deps.maxFailures();
      },
      random: deps.random,
    };
    this.committer = new Committer(deps.clock, deps.log);
    this.probes = new ProbePlan({ clock: deps.clock, random: deps.random, longestPauseMs: deps.longestProbePauseMs });
    this.credentials = new Credentials({
      accounts: deps.store.accounts,
      committer: this.committer,
      clock: deps.clock,
      log: deps.log,
      random: deps.random,
      refused: (account, failure) => this.apply(account, { failure }),
      changed: () => this.changed(),
    });
  }

  /** Calls `listener` after each change that a page may show; returns the unsubscribe. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Folds an outcome into the account's health. The new state holds at once; its commit does not delay the caller. */
  apply(account: Account, outcome: Omit<Outcome, "at">): void {
    const before = account.health;
    const at = this.#deps.clock.now();
    const { revives } = outcome;
    const failure = outcome.failure && withReset(account, outcome.failure, at);
    const health = settle(before, { at, failure, revives }, this.#rules);
    if (health !== before) void this.setHealth(account, health);
    if (!failure && !revives) account.probes = 0;
  }

  /**
   * Takes what an answered probe told: figures, and whether they leave nothing.
   * @param revives the account was out of rotation, and the probe was to tell whether it works again
   */
  told(account: Account, { quota, exhaustedUntil }: ProbeResult, revives = false): void {
    if (quota) this.setQuota(account, quota);
    if (exhaustedUntil === undefined) {
      if (revives) this.apply(account, { revives });
      return;
    }
    const figures = quota?.limit === undefined ? "" : `: ${quota.used} of ${quota.limit} ${quota.unit}`;
    const text = `The allowance of this ${account.provider.title} account is used up${figures}.`;
    this.apply(account, { failure: new GatewayError("quota-exhausted", text, { retryAt: exhaustedUntil }), revives });
  }

  /** True when the new health is committed; false when the store refused, which is tried again each second. */
  async setHealth(account: Account, health: Health): Promise<boolean> {
    const before = account.health;
    account.health = health;
    if (health.state !== before.state) this.#announce(account, health);
    this.probes.follow(account);
    if (account.restLeftMs > 0) this.#wakeLater(account);
    this.#deps.wake(account);
    this.changed();
    if (!account.stored) return true;
    return this.committer.write(`health ${account.id}`, () => this.#deps.store.accounts.saveHealth(account.id, health));
  }

  /** What is left. Whether that is too little for another turn, the provider's probe says. */
  setQuota(account: Account, quota: Quota): void {
    account.quota = quota;
    if (account.stored) this.#deps.store.accounts.touchQuota(account.id, quota);
    this.changed();
  }

  setMemory(account: Account, memory: unknown): void {
    account.memory = memory;
    if (account.stored) this.#deps.store.accounts.touchMemory(account.id, memory);
  }

  /** What it was found to lack may be there by now. */
  forgetLacks(account: Account): void {
    if (account.credential === undefined) return;
    account.provider.forgetLacks?.(this.context(account, new AbortController().signal, this.#deps.log));
  }

  /** The means to speak for an account. */
  context(account: Account, signal: Abortable, log: Log): AccountContext<unknown> {
    const { id, label, credential, memory, outlet } = account;
    const { fetch, proxy } = outlet;
    const { save, renew, remember } = this.#meansOf(account);
    const userAgent = this.#userAgentOf(account.userAgent);
    const own = { id, label, credential, memory, userAgent };
    const context = { account: own, fetch, clock: this.#deps.clock, signal, log, save, renew, remember };
    return proxy === undefined ? context : Object.assign(context, { proxy });
  }

  /** The same for a provider that answers by itself. */
  accountlessContext(provider: Provider, outlet: Outlet, signal: Abortable, log: Log): AccountContext<unknown> {
    const unneeded = () => Promise.reject(new GatewayError("internal", `${provider.title} keeps no credential.`));
    return {
      account: {
        id: provider.name,
        label: provider.title,
        credential: undefined,
        memory: undefined,
        userAgent: this.#userAgentOf(""),
      },
      ...outletMeans(outlet),
      clock: this.#deps.clock,
      signal,
      log,
      save: unneeded,
      renew: unneeded,
      remember() {},
    };
  }

  /** Made once for an account: a turn needs several contexts, and hardly ever what these do. */
  #meansOf(account: Account): Means {
    let means = this.#means.get(account);
    if (!means) {
      const { credentials } = this;
      const contextOf = (signal: Abortable) => this.context(account, signal, this.#deps.log);
      means = {
        async save(credential) {
          await credentials.save(account, credential);
        },
        renew: (stale) => credentials.renew(account, stale, contextOf),
        remember: (memory) => this.setMemory(account, memory),
      };
      this.#means.set(account, means);
    }
    return means;
  }

  /** The browser string of a login, always the same one: that with which it is checked before it is added, too. */
  userAgentFor(identityHash: string): string {
    const { userAgents } = this.#deps;
    return userAgents[Number.parseInt(identityHash.slice(0, 8), 16) % userAgents.length] ?? "";
  }

  #pickUserAgent(): string {
    const { userAgents, random } = this.#deps;
    return userAgents[Math.floor(random() * userAgents.length)] ?? "";
  }

  #userAgentOf(own: string): string {
    return own === "" || this.#deps.userAgentPer() === "request" ? this.#pickUserAgent() : own;
  }

  #announce(account: Account, health: Health): void {
    account.probeAt = undefined;
    this.#deps.log[health.state === "ready" ? "info" : "warn"]("account-state", {
      account: account.id,
      label: account.label,
      state: health.state,
      until: health.until === undefined ? undefined : new Date(health.until).toISOString(),
      reason: health.reason,
    });
  }

  #wakeLater(account: Account): void {
    this.#deps.clock.after(account.restLeftMs, () => {
      if (account.restLeftMs > 0) return;
      this.#deps.wake(account);
      this.changed();
    });
  }
}

/** What a context holds of an outlet: `proxy` only where there is one. */
export function outletMeans({ fetch, proxy }: Outlet): Pick<ServiceContext, "fetch" | "proxy"> {
  return proxy === undefined ? { fetch } : { fetch, proxy };
}

/** A spent quota whose refusal named no time rests until the reset that an earlier probe has told. */
function withReset({ quota }: Account, failure: GatewayError, now: number): GatewayError {
  if (failure.kind !== "quota-exhausted" || failure.retryAt !== undefined) return failure;
  const resetsAt = quota?.resetsAt;
  if (resetsAt === undefined || resetsAt <= now) return failure;
  return new GatewayError(failure.kind, failure.message, { retryAt: resetsAt, cause: failure });
}
