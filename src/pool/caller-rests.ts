import type { Health } from "../store/store.ts";
import { readyHealth, restMs } from "./health.ts";
import type { Account } from "./account.ts";

const MOST_ACCOUNTS = 1000;

/**
 * How long callers' own accounts rest, so that a caller's next request does not ask again what was told to wait. In
 * memory, by the hash of the login, the least recent forgotten first. Whoever has the login speaks for the same account,
 * and nobody else's rest is ever looked at. Refused logins are not kept: nothing would bring them back.
 */
export class CallerRests {
  readonly #healths = new Map<string, Health>();

  /** The health to begin a request with. @param now epoch ms */
  healthOf(identityHash: string, now: number): Health {
    return this.#healths.get(identityHash) ?? readyHealth(now);
  }

  /** What another request of the same login was told holds for this one, too. @param now epoch ms */
  recall(account: Account, now: number): void {
    const { state } = this.healthOf(account.identityHash, now);
    if (state !== "ready" && account.state === "ready") account.health = this.healthOf(account.identityHash, now);
  }

  /** After an attempt: keeps a rest, and how many limits came in a row. @param now epoch ms */
  keep({ identityHash, health }: Account, now: number): void {
    const { state, rateLimits } = health;
    const known = this.#healths.get(identityHash);
    // A turn that began before the rest says nothing against it.
    if (state === "ready" && known && restMs(known, now) > 0) return;
    this.#healths.delete(identityHash);
    const rests = state === "cooling" || state === "exhausted";
    if (!rests && (state !== "ready" || rateLimits === 0)) return;
    this.#healths.set(identityHash, { ...health, rotationFailures: 0 });
    if (this.#healths.size <= MOST_ACCOUNTS) return;
    const [oldest] = this.#healths.keys();
    if (oldest !== undefined) this.#healths.delete(oldest);
  }
}
