export interface BreakerRules {
  /** Failures within `windowMs`, with no success between them, that open the breaker. */
  readonly failures: number;
  readonly windowMs: number;
  /** How long it stays open before one trial. */
  readonly openMs: number;
}

/** What one attempt told about the service: it answered, it failed, or neither (the client left). */
export type Signal = "up" | "down" | "unknown";

/**
 * Keeps requests away from a service that is down as a whole: no account can help then. After `openMs` one request is
 * let through as a trial; its result closes the breaker or opens it again. Times are monotonic ms.
 */
export class Breaker {
  readonly #rules: () => BreakerRules;
  #failures: number[] = [];
  #openUntil: number | undefined;
  #trial = false;

  constructor(rules: () => BreakerRules) {
    this.#rules = rules;
  }

  /** Needs no clock: nearly always it is. */
  get isClosed(): boolean {
    return this.#openUntil === undefined;
  }

  /** "trial": the wait is over and the next request decides, or is deciding now. */
  state(now: number): "closed" | "open" | "trial" {
    if (this.#openUntil === undefined) return "closed";
    return now < this.#openUntil ? "open" : "trial";
  }

  /** Ms until the trial; 0 when the breaker is not open. */
  trialInMs(now: number): number {
    return Math.max((this.#openUntil ?? now) - now, 0);
  }

  /** Whether a request may go out now. */
  allows(now: number): boolean {
    const state = this.state(now);
    return state === "closed" || (state === "trial" && !this.#trial);
  }

  /** A request goes out. Returns true when it is the trial, to be handed back to `record`. */
  enter(now: number): boolean {
    if (this.state(now) !== "trial") return false;
    this.#trial = true;
    return true;
  }

  record(signal: Signal, now: number, wasTrial: boolean): void {
    if (wasTrial) this.#trial = false;
    if (signal === "up") {
      if (this.#failures.length > 0) this.#failures = [];
      this.#openUntil = undefined;
      return;
    }
    if (signal === "unknown") return;
    const { failures, windowMs, openMs } = this.#rules();
    if (this.#openUntil !== undefined) {
      // Attempts that began before it opened say nothing new; only the trial does.
      if (wasTrial) this.#openUntil = now + openMs;
      return;
    }
    this.#failures = [...this.#failures.filter((at) => at > now - windowMs), now];
    if (this.#failures.length < failures) return;
    this.#failures = [];
    this.#openUntil = now + openMs;
  }
}
