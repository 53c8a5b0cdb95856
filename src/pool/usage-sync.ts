import { GatewayError, toGatewayError, type FailureKind } from "../chat/error.ts";
import { every, type Clock } from "../lib/clock.ts";
import { withDeadline } from "../lib/deadline.ts";
import type { Log } from "../lib/log.ts";
import type { Account } from "./account.ts";
import type { Books } from "./books.ts";
import { isOut } from "./health.ts";

const TICK_MS = 5000;
const AT_ONCE = 4;
/** The longest that an upstream may take to answer one question. */
const ANSWER_MS = 30_000;
/** Lists of models change seldom. */
const MODELS_MS = 60 * 60_000;
/** An account that has told before is asked again so long after a start, when clients have been served. */
const SETTLE_MS = 60_000;

/** What a question about usage may tell against an account; a limit on the question itself says nothing about its chats. */
const TELLING = new Set<FailureKind>(["auth-rejected", "suspended", "quota-exhausted"]);

export interface UsageSyncDeps {
  readonly books: Books;
  readonly accounts: () => readonly Account[];
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1. */
  readonly random: () => number;
  /** Ms between two questions about one account's usage. */
  readonly everyMs: () => number;
}

/** When an account was asked; monotonic ms. */
interface Asked {
  since: number;
  usageAt: number | undefined;
  modelsAt: number | undefined;
  /** Epoch ms at which the rest began that the figures know of. */
  restSince: number | undefined;
}

/** Asks what accounts have left of their allowance, and which models they serve: on a timer, and when a person wants it. */
export class UsageSync {
  readonly #deps: UsageSyncDeps;
  readonly #stopping = new AbortController();
  readonly #busy = new Map<Account, Promise<void>>();
  readonly #asked = new WeakMap<Account, Asked>();
  /** By provider, whether a probe of its accounts tells a quota. */
  readonly #tells = new Map<string, boolean>();
  /** Where the next tick begins. */
  #next = 0;
  #cancelTimer = (): void => {};

  constructor(deps: UsageSyncDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#stopping.signal.aborted) return;
    this.#cancelTimer = every(this.#deps.clock, TICK_MS, () => this.tick());
  }

  /** Begins what is due, a few at once; the next tick goes on behind the last one asked, so that all have their turn. */
  tick(): void {
    const all = this.#deps.accounts();
    const start = this.#next;
    for (const [i, account] of [...all.slice(start), ...all.slice(0, start)].entries()) {
      if (this.#busy.size >= AT_ONCE) return;
      if (this.#busy.has(account) || isOut(account)) continue;
      const usage = this.#isUsageDue(account);
      const models = this.#isModelsDue(account);
      if (!usage && !models) continue;
      this.#next = (start + i + 1) % all.length;
      this.#ask(account, usage, models).catch((error: unknown) => {
        const { kind, message } = toGatewayError(error);
        this.#deps.log.debug("usage-unread", { account: account.id, kind, reason: message });
      });
    }
  }

  stop(): void {
    this.#cancelTimer();
    this.#stopping.abort(new GatewayError("stopping", "The gateway is stopping."));
  }

  /** Asks all there is to ask about one account now. @throws GatewayError why the upstream did not answer */
  async sync(account: Account): Promise<void> {
    await this.#busy.get(account)?.catch(() => undefined); // that was the timer's question, and it has logged how it ended
    await this.#ask(account, true, true);
  }

  /** Asks for the models of an account that has just come; it serves without the answer where it can. */
  async introduce(account: Account): Promise<void> {
    if (account.provider.refreshModels) await this.#ask(account, false, true);
  }

  #isUsageDue(account: Account): boolean {
    const { provider, quota } = account;
    if (!provider.probe || this.#tells.get(provider.name) === false) return false;
    const { clock, everyMs } = this.#deps;
    const { since, usageAt, restSince } = this.#of(account);
    // A turn found the allowance used up: the figures are of before that.
    if (restOf(account) !== undefined && restOf(account) !== restSince) return true;
    const passedMs = clock.monotonic() - (usageAt ?? since);
    if (usageAt === undefined) {
      if (!provider.refreshModels && !quota) return passedMs >= everyMs();
      return isNew(account) || passedMs >= SETTLE_MS;
    }
    const wasReset =
      quota?.resetsAt !== undefined && clock.now() >= quota.resetsAt && clock.now() - passedMs < quota.resetsAt;
    return wasReset || passedMs >= everyMs();
  }

  #isModelsDue(account: Account): boolean {
    if (!account.provider.refreshModels) return false;
    const { since, modelsAt } = this.#of(account);
    if (modelsAt === undefined && account.memory === undefined) return true;
    return this.#deps.clock.monotonic() - (modelsAt ?? since) >= (modelsAt === undefined ? SETTLE_MS : MODELS_MS);
  }

  async #ask(account: Account, usage: boolean, models: boolean): Promise<void> {
    const work = this.#questions(account, usage, models).finally(() => this.#busy.delete(account));
    this.#busy.set(account, work);
    return work;
  }

  async #questions(account: Account, usage: boolean, models: boolean): Promise<void> {
    const { books, clock, log } = this.#deps;
    const { provider } = account;
    const asked = this.#of(account);
    // Accounts that came together drift apart, so that they do not ask together for ever.
    const now = clock.monotonic() - this.#deps.random() * 0.1 * this.#deps.everyMs();
    const late = new GatewayError("upstream-timeout", `${provider.title} did not answer in time.`);
    const deadline = { clock, ms: ANSWER_MS, late, outer: this.#stopping.signal };
    let failure: GatewayError | undefined;
    if (usage && provider.probe) {
      asked.usageAt = now;
      try {
        const told = await withDeadline(deadline, async (signal) =>
          provider.probe?.(books.context(account, signal, log)),
        );
        books.told(account, told ?? {});
        this.#tells.set(provider.name, told?.quota !== undefined || this.#tells.get(provider.name) === true);
      } catch (error) {
        failure = toGatewayError(error);
        if (failure.needsLogin || TELLING.has(failure.kind)) books.apply(account, { failure });
      }
      asked.restSince = restOf(account);
    }
    if (models && provider.refreshModels && !failure?.needsLogin) {
      asked.modelsAt = now;
      try {
        await withDeadline(deadline, async (signal) => provider.refreshModels?.(books.context(account, signal, log)));
        books.changed();
      } catch (error) {
        failure ??= toGatewayError(error);
      }
    }
    if (failure) throw failure;
  }

  #of(account: Account): Asked {
    let asked = this.#asked.get(account);
    if (!asked) {
      const since = this.#deps.clock.monotonic();
      asked = { since, usageAt: undefined, modelsAt: undefined, restSince: restOf(account) };
      this.#asked.set(account, asked);
    }
    return asked;
  }
}

/** Epoch ms since which it rests because nothing is left; undefined when it does not. */
function restOf({ state, health }: Account): number | undefined {
  return state === "exhausted" ? health.since : undefined;
}

/** Nothing was ever learnt about it. */
function isNew({ quota, memory }: Account): boolean {
  return quota === undefined && memory === undefined;
}
