import { Breaker, type BreakerRules } from "./breaker.ts";

/** The name of the one service of a provider that does not tell its services apart. */
export const ONLY_SERVICE = "";

const RANK = { closed: 0, trial: 1, open: 2 } as const;

/** The breakers of one provider, one for each service behind it. */
export class Breakers {
  readonly #rules: () => BreakerRules;
  readonly #byService = new Map<string, Breaker>();

  constructor(rules: () => BreakerRules) {
    this.#rules = rules;
  }

  of(service: string): Breaker {
    let breaker = this.#byService.get(service);
    if (!breaker) {
      breaker = new Breaker(this.#rules);
      this.#byService.set(service, breaker);
    }
    return breaker;
  }

  /** Of these services' breakers the one that keeps most away: an open one, the longest of several, before a trial. */
  worst(services: Iterable<string>, now: number): Breaker {
    let worst = this.of(ONLY_SERVICE);
    for (const service of services) {
      const breaker = this.of(service);
      const rank = RANK[breaker.state(now)] - RANK[worst.state(now)];
      if (rank > 0 || (rank === 0 && breaker.trialInMs(now) > worst.trialInMs(now))) worst = breaker;
    }
    return worst;
  }
}
