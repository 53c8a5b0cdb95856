const LEAST = 3;
const SHARE = 0.2;

/**
 * Keeps failover from multiplying the load on a service that is failing as a whole: of the requests under way, at most a
 * fifth (and always three) may be in a further attempt after a failure that blamed the provider.
 */
export class RetryBudget {
  #active = 0;
  #retrying = 0;

  begin(): void {
    this.#active += 1;
  }

  end(): void {
    this.#active -= 1;
  }

  /** Requests under way. */
  get active(): number {
    return this.#active;
  }

  /** Takes one retry, to be given back; undefined when the budget is spent. */
  take(): (() => void) | undefined {
    if (this.#retrying >= Math.max(LEAST, this.#active * SHARE)) return undefined;
    this.#retrying += 1;
    let held = true;
    return () => {
      if (held) this.#retrying -= 1;
      held = false;
    };
  }
}
