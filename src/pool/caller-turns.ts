import type { Account, Load } from "./account.ts";
import type { CallerRests } from "./caller-rests.ts";
import type { Lender } from "./lender.ts";

const MOST_LOGINS = 1000;

/**
 * The turns under way at callers' own accounts: requests that bring the same login share its concurrency and wait for
 * each other. In memory, by the hash of the login; of many that are idle, the one used longest ago is forgotten.
 */
export class CallerTurns {
  readonly #rests: CallerRests;
  readonly #loads = new Map<string, Load>();
  readonly #lines = new Set<Lender>();

  /** @param rests what these logins were told to wait */
  constructor(rests: CallerRests) {
    this.#rests = rests;
  }

  /** What is under way at this login, whichever requests brought it. */
  loadOf(identityHash: string): Load {
    const load = this.#loads.get(identityHash) ?? { inFlight: 0 };
    this.#loads.delete(identityHash);
    if (this.#loads.size >= MOST_LOGINS) {
      for (const [hash, { inFlight }] of this.#loads) {
        if (inFlight > 0) continue;
        this.#loads.delete(hash);
        break;
      }
    }
    this.#loads.set(identityHash, load);
    return load;
  }

  /** A request has to wait. */
  queued(line: Lender): void {
    this.#lines.add(line);
  }

  /** A turn has ended: those who wait look again, the first come first. @param now epoch ms */
  ended(account: Account, now: number): void {
    this.#rests.keep(account, now);
    for (const line of this.#lines) {
      for (const one of line.accounts) this.#rests.recall(one, now);
      line.pump();
      if (line.waiting === 0) this.#lines.delete(line);
    }
  }
}
