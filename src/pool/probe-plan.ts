import type { Clock } from "../lib/clock.ts";
import type { Account } from "./account.ts";

const FIRST_PAUSE_MS = 60_000;
/** Each pause is up to this part longer or shorter, so that accounts that went out together drift apart. */
const JITTER = 0.1;

export interface ProbePlanDeps {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** The longest pause between two looks at one account, ms. */
  readonly longestPauseMs: () => number;
}

/** When accounts that are out of rotation are asked whether they work again. */
export class ProbePlan {
  readonly #deps: ProbePlanDeps;

  constructor(deps: ProbePlanDeps) {
    this.#deps = deps;
  }

  /** Plans the next look at the account as its state asks, unless it is planned already. */
  follow(account: Account): void {
    if (!isProbed(account)) {
      account.probeAt = undefined;
      return;
    }
    const { clock, random, longestPauseMs } = this.#deps;
    const now = clock.monotonic();
    const longestMs = longestPauseMs();
    // A plan made before the setting became shorter is made anew.
    if (account.probeAt !== undefined && account.probeAt <= now + longestMs * (1 + JITTER)) return;
    // Doubles with each probe since the account last served a turn, so that one that flaps is asked ever less often.
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** account.probes, longestMs);
    account.probeAt = now + pauseMs * (1 - JITTER + random() * 2 * JITTER);
  }

  /** The account has been asked. */
  asked(account: Account): void {
    account.probes += 1;
    account.probeAt = undefined;
    this.follow(account);
  }
}

/**
 * Whether the gateway asks by itself if it works again. A suspended account waits for a person, who alone can settle it;
 * one that rests waits for its time, since a probe that works does not show that a chat would.
 */
export function isProbed({ health, provider, credential }: Account): boolean {
  if (!provider.probe || credential === undefined) return false;
  if (health.state === "disabled_auto") return health.reasonKind !== "suspended";
  return health.state === "needs_login";
}
