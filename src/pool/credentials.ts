import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { withDeadline } from "../lib/deadline.ts";
import type { Log } from "../lib/log.ts";
import type { AccountContext } from "../providers/provider.ts";
import type { Accounts, CredentialChange } from "../store/store.ts";
import type { Account } from "./account.ts";
import type { Committer } from "./committer.ts";

const FIRST_BACKOFF_MS = 30_000;
const LONGEST_BACKOFF_MS = 15 * 60_000;
/** The longest a renewal may take. It is shared by all callers and does not end with any of them. */
const RENEWAL_MS = 60_000;

type ContextOf = (signal: Abortable) => AccountContext<unknown>;

/** What is under way or known about the renewals of one account. */
interface Renewal {
  running: Promise<unknown> | undefined;
  /** The credential whose renewal was refused for good: asking again would only be refused again. */
  refused: unknown;
  failures: number;
  /** Monotonic ms. */
  notBefore: number;
  failure: GatewayError | undefined;
}

export interface CredentialsDeps {
  readonly accounts: Accounts;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** A renewal was refused: the account's health has to follow. */
  refused(account: Account, failure: GatewayError): void;
  changed(): void;
}

/** Changes credentials: commits each before its use, and renews with one call in flight per account. */
export class Credentials {
  readonly #deps: CredentialsDeps;
  readonly #renewals = new WeakMap<Account, Renewal>();

  constructor(deps: CredentialsDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves when the credential is committed. When the store cannot take it (false), the credential is used all the
   * same and the write is repeated each second: a rotated token cannot be asked for twice.
   */
  async save(account: Account, credential: unknown, change: CredentialChange = {}): Promise<boolean> {
    account.credential = credential;
    account.sourceHash = change.sourceHash ?? account.sourceHash;
    account.identityHash = change.identityHash ?? account.identityHash;
    this.#deps.changed();
    if (!account.stored) return true;
    const write = () => this.#deps.accounts.saveCredential(account.id, credential, change);
    return this.#deps.committer.write(`credential ${account.id}`, write);
  }

  /** Forgets refusals and waits, for a credential that a person has just handed in or wants tried again. */
  forget(account: Account): void {
    this.#renewals.delete(account);
  }

  /**
   * A newer credential than `stale`. While renewals fail for the upstream's reasons, that is the old one until it
   * lapses.
   * @throws GatewayError auth-rejected when the upstream refuses, or whatever kept the renewal from happening
   */
  async renew(account: Account, stale: unknown, contextOf: ContextOf): Promise<unknown> {
    if (account.credential !== stale && !Bun.deepEquals(account.credential, stale)) return account.credential;
    const renewal = this.#of(account);
    if (renewal.refused !== undefined && renewal.refused === account.credential) throw refusedBefore(account);
    if (renewal.running) return renewal.running;
    if (renewal.failure && this.#deps.clock.monotonic() < renewal.notBefore) return this.#old(account, renewal.failure);
    renewal.running = this.#run(account, renewal, contextOf).finally(() => {
      renewal.running = undefined;
    });
    return renewal.running;
  }

  async #run(account: Account, renewal: Renewal, contextOf: ContextOf): Promise<unknown> {
    const { refresh, title } = account.provider;
    if (!refresh) throw new GatewayError("auth-rejected", `${title} turned the credential away; it cannot be renewed.`);
    const before = account.credential;
    const late = new GatewayError("upstream-timeout", `${title} did not renew the credential in time.`);
    const deadline = { clock: this.#deps.clock, ms: RENEWAL_MS, late };
    try {
      const credential = await withDeadline(deadline, (signal) => refresh.run(contextOf(signal)));
      renewal.failures = 0;
      renewal.failure = undefined;
      await this.save(account, credential);
      this.#deps.log.info("credential-renewed", { account: account.id });
      return credential;
    } catch (error) {
      const failure = toGatewayError(error);
      if (failure.needsLogin || failure.kind === "auth-rejected" || failure.kind === "suspended") {
        renewal.refused = before;
        const final = failure.needsLogin || failure.kind === "suspended" ? failure : asFinal(failure);
        this.#deps.refused(account, final);
        throw final;
      }
      if (failure.kind === "cancelled") throw failure;
      const waitMs = Math.min(FIRST_BACKOFF_MS * 2 ** renewal.failures, LONGEST_BACKOFF_MS);
      renewal.failures += 1;
      renewal.failure = failure;
      renewal.notBefore = this.#deps.clock.monotonic() + waitMs * (0.9 + this.#deps.random() / 10);
      this.#deps.log.warn("renewal-failed", { account: account.id, kind: failure.kind, reason: failure.message });
      return this.#old(account, failure);
    }
  }

  #old(account: Account, failure: GatewayError): unknown {
    const expiresAt = account.provider.credential?.expiresAt?.(account.credential);
    if (expiresAt !== undefined && expiresAt > this.#deps.clock.now()) return account.credential;
    throw failure;
  }

  #of(account: Account): Renewal {
    let renewal = this.#renewals.get(account);
    if (!renewal) {
      renewal = { running: undefined, refused: undefined, failures: 0, notBefore: 0, failure: undefined };
      this.#renewals.set(account, renewal);
    }
    return renewal;
  }
}

function asFinal(failure: GatewayError): GatewayError {
  return new GatewayError(failure.kind, failure.message, { needsLogin: true, cause: failure });
}

function refusedBefore(account: Account): GatewayError {
  return new GatewayError(
    "auth-rejected",
    `${account.provider.title} has refused to renew this account: sign in again.`,
    {
      needsLogin: true,
    },
  );
}
