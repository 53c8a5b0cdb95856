import type { Quota } from "../providers/provider.ts";
import type { AccountSettings, AccountSource, AccountState } from "../store/store.ts";
import type { Account } from "./account.ts";
import type { GuestStatus } from "./guests.ts";
import { isProbed } from "./probe-plan.ts";
import type { StrategyName } from "./strategies.ts";

/** How one provider stands. */
export interface ProviderStatus {
  readonly strategy: StrategyName;
  readonly breaker: "closed" | "open" | "trial";
  /** Epoch ms; of the service that stays away longest, where there are several. */
  readonly breakerUntil: number | undefined;
  readonly states: Readonly<Record<AccountState, number>>;
  readonly waiting: number;
  /** Undefined for a service that has none. */
  readonly guests: GuestStatus | undefined;
}

/** An account as pages and scripts see it; no secret is in it. Times are epoch ms. */
export interface AccountStatus {
  readonly id: string;
  readonly provider: string;
  readonly providerTitle: string;
  readonly label: string;
  /** A safe short form of the credential: `…4f2a`. */
  readonly hint: string;
  readonly source: AccountSource;
  readonly state: AccountState;
  readonly until: number | undefined;
  readonly reason: string | undefined;
  readonly reasonKind: string | undefined;
  readonly since: number;
  /** In a row, and the number at which the account is disabled. */
  readonly rotationFailures: number;
  readonly rotationMaxFailures: number;
  /** Of all time. */
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  readonly rotationFailuresTotal: number;
  /** 0 to 1; undefined before the first attempt that ended by itself. */
  readonly successRate: number | undefined;
  readonly inFlight: number;
  readonly concurrency: number;
  readonly lastUsedAt: number | undefined;
  /** The next automatic probe or return to service. */
  readonly nextTryAt: number | undefined;
  readonly credentialExpiresAt: number | undefined;
  readonly quota: Quota | undefined;
  readonly createdAt: number;
  /** Whether the rotation stands at this account. */
  readonly current: boolean;
  /** As its owner set them; the proxy without its password. */
  readonly settings: Omit<AccountSettings, "label">;
}

export interface Surroundings {
  /** Epoch ms and monotonic ms of this moment. */
  readonly now: number;
  readonly monotonic: number;
  readonly maxFailures: number;
  readonly concurrency: number;
  readonly current: boolean;
}

export function statusOf(account: Account, around: Surroundings): AccountStatus {
  const { health, counters, provider } = account;
  const isReadable = account.credential !== undefined;
  const settled = counters.successes + counters.failures;
  return {
    id: account.id,
    provider: provider.name,
    providerTitle: provider.title,
    label: account.label,
    hint: (isReadable && provider.credential?.hint(account.credential)) || "",
    source: account.source,
    state: health.state,
    until: account.restLeftMs > 0 ? Math.round(around.now + account.restLeftMs) : undefined,
    reason: health.reason,
    reasonKind: health.reasonKind,
    since: health.since,
    rotationFailures: health.rotationFailures,
    rotationMaxFailures: around.maxFailures,
    attempts: counters.attempts,
    successes: counters.successes,
    failures: counters.failures,
    rotationFailuresTotal: counters.rotationFailures,
    successRate: settled === 0 ? undefined : counters.successes / settled,
    inFlight: account.inFlight,
    concurrency: around.concurrency,
    lastUsedAt: account.lastUsedAt,
    nextTryAt: nextTryAtOf(account, around),
    credentialExpiresAt: isReadable ? provider.credential?.expiresAt?.(account.credential) : undefined,
    quota: account.quota,
    createdAt: account.createdAt,
    current: around.current,
    settings: shown(account.settings),
  };
}

/** The end of its rest or the next look at it, whichever comes first. */
function nextTryAtOf(account: Account, { now, monotonic }: Surroundings): number | undefined {
  const { probeAt, restLeftMs } = account;
  const waits = [
    ...(restLeftMs > 0 ? [restLeftMs] : []),
    ...(probeAt !== undefined && isProbed(account) ? [Math.max(probeAt - monotonic, 0)] : []),
  ];
  return waits.length > 0 ? Math.round(now + Math.min(...waits)) : undefined;
}

function shown({ label: _label, proxy, ...settings }: AccountSettings): AccountStatus["settings"] {
  const url = proxy === undefined ? null : URL.parse(proxy);
  if (!url) return { ...settings, proxy: undefined };
  const name = url.username === "" ? "" : "…@";
  return { ...settings, proxy: `${url.protocol}//${name}${url.host}` };
}
