import { FAILURES, type FailureKind, type GatewayError } from "../chat/error.ts";
import { nextUtcDay } from "../lib/utc-day.ts";
import type { Health } from "../store/store.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const FIRST_COOLING_MS = MINUTE_MS;
const LONGEST_BLIND_COOLING_MS = 15 * MINUTE_MS;
const CHALLENGE_MS = [5 * MINUTE_MS, 15 * MINUTE_MS] as const;
/** Monthly allowances are the longest; a reset further away is a misread time. */
const LONGEST_EXHAUSTION_MS = 32 * DAY_MS;

/** What an attempt, a probe or a renewal showed about an account. */
export interface Outcome {
  /** Epoch ms. */
  readonly at: number;
  /** Undefined means that it worked, to the end of the turn. */
  readonly failure?: GatewayError | undefined;
  /**
   * It proves that the credential works again, which a probe or a person's test does and a late turn does not. With a
   * failure: it works, and the account has to rest.
   */
  readonly revives?: boolean | undefined;
}

export interface HealthRules {
  /** Rotation failures in a row that disable the account. */
  readonly maxFailures: number;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
}

/** The health of an account that works. `since` is epoch ms. */
export function readyHealth(since: number): Health {
  return {
    state: "ready",
    until: undefined,
    reason: undefined,
    reasonKind: undefined,
    since,
    rotationFailures: 0,
    rateLimits: 0,
  };
}

/** Whether its credential cannot be used again as it is. */
export function isDead({ state }: Pick<Health, "state">): boolean {
  return state === "needs_login" || state === "disabled_auto";
}

/** Whether it waits for a person or for the prober: no rest brings it back. */
export function isOut(health: Pick<Health, "state">): boolean {
  return health.state === "disabled_by_user" || isDead(health);
}

/** Whether the failure counts as a rotation failure of its account: only a credential that was turned away does. */
export function isRotationFailure(failure: GatewayError): boolean {
  return failure.kind === "auth-rejected" || failure.kind === "suspended";
}

/**
 * Folds one outcome into an account's health. Pure: the caller stores what it returns, which is `health` itself when
 * nothing changed. Failures that blame the provider, the caller or nobody change nothing. A switched-off or disabled
 * account stays so, whatever an attempt that began earlier brings; only an outcome that revives brings `disabled_auto`
 * and `needs_login` back, and nothing but a person `disabled_by_user`.
 */
export function settle(health: Health, outcome: Outcome, rules: HealthRules): Health {
  const { failure, at } = outcome;
  if (health.state === "disabled_by_user") return health;
  if (!failure) return outcome.revives ? revived(health, at) : succeeded(health);
  if (failure.needsLogin) return off(health, "needs_login", failure, at);
  if (FAILURES[failure.kind].blames !== "account") return health;
  if (isDead(health) && !outcome.revives) return health;
  switch (failure.kind) {
    case "rate-limited":
      return rateLimited(health, failure, at, rules);
    case "quota-exhausted":
      return rested(
        health,
        "exhausted",
        clamp(failure.retryAt ?? nextUtcDay(at), at, LONGEST_EXHAUSTION_MS),
        failure,
        at,
      );
    case "challenge": {
      const [least, most] = CHALLENGE_MS;
      return rested(health, "cooling", at + least + rules.random() * (most - least), failure, at);
    }
    case "suspended":
      return off({ ...health, rotationFailures: health.rotationFailures + 1 }, "disabled_auto", failure, at);
    default: {
      const counted = { ...health, rotationFailures: health.rotationFailures + 1 };
      return counted.rotationFailures < rules.maxFailures ? counted : off(counted, "disabled_auto", failure, at);
    }
  }
}

/**
 * How long a resting account still rests, ms; 0 for any other state. Bounded, because the wall clock may have jumped
 * since `until` was written.
 */
export function restMs(health: Health, now: number): number {
  if (health.until === undefined) return 0;
  if (health.state === "cooling") return Math.min(Math.max(health.until - now, 0), DAY_MS);
  if (health.state === "exhausted") return Math.min(Math.max(health.until - now, 0), LONGEST_EXHAUSTION_MS);
  return 0;
}

/** The health of an account whose rest is over: ready, with the counts in a row that only a success resets. */
export function restOver(health: Health, at: number): Health {
  return { ...readyHealth(at), rotationFailures: health.rotationFailures, rateLimits: health.rateLimits };
}

function succeeded(health: Health): Health {
  if (health.state !== "ready") return health.rotationFailures === 0 ? health : { ...health, rotationFailures: 0 };
  if (health.rotationFailures === 0 && health.rateLimits === 0) return health;
  return { ...health, rotationFailures: 0, rateLimits: 0 };
}

function revived(health: Health, at: number): Health {
  return health.state === "ready" ? succeeded(health) : readyHealth(at);
}

function rateLimited(health: Health, failure: GatewayError, at: number, rules: HealthRules): Health {
  // Several turns of one account meet the same limit: only the first of them doubles the next wait.
  const rateLimits = health.state === "cooling" ? health.rateLimits : health.rateLimits + 1;
  const blindMs = Math.min(FIRST_COOLING_MS * 2 ** Math.max(rateLimits - 1, 0), LONGEST_BLIND_COOLING_MS);
  const until =
    failure.retryAt === undefined
      ? at + Math.min(blindMs * (1 + rules.random() / 10), LONGEST_BLIND_COOLING_MS)
      : clamp(failure.retryAt, at, DAY_MS);
  return rested({ ...health, rateLimits }, "cooling", until, failure, at);
}

function rested(
  health: Health,
  state: "cooling" | "exhausted",
  until: number,
  failure: { readonly kind: FailureKind; readonly message: string },
  at: number,
): Health {
  const resting = health.state === "cooling" || health.state === "exhausted";
  if (resting && health.until !== undefined && health.until >= until) return health;
  return { ...health, state, until: Math.round(until), reason: failure.message, reasonKind: failure.kind, since: at };
}

function off(health: Health, state: "needs_login" | "disabled_auto", failure: GatewayError, at: number): Health {
  return { ...health, state, until: undefined, reason: failure.message, reasonKind: failure.kind, since: at };
}

function clamp(time: number, at: number, longestMs: number): number {
  return Number.isFinite(time) ? Math.min(Math.max(time, at + SECOND_MS), at + longestMs) : at + FIRST_COOLING_MS;
}
