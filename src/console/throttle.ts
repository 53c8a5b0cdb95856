import type { Clock } from "../lib/clock.ts";

const ATTEMPTS = 5;
const WINDOW_MS = 15 * 60_000;
const MAX_ADDRESSES = 10_000;

export interface Throttle {
  /**
   * Counts one attempt of this address before it is judged, so that parallel guesses count too.
   * @returns undefined when it may go on, else the ms to wait until the next one is heard
   */
  take(address: string): number | undefined;
  /** Forgets the address: its password was right. */
  forgive(address: string): void;
  /** Forgets everybody: there is another password to guess. */
  forgiveAll(): void;
}

/** Lets an address guess five times in 15 minutes; one address never locks out another. Counts on the monotonic clock. */
export function createThrottle(clock: Clock): Throttle {
  const attempts = new Map<string, number[]>();

  const recent = (address: string, now: number) =>
    (attempts.get(address) ?? []).filter((attemptedAt) => now - attemptedAt < WINDOW_MS);

  const prune = (now: number) => {
    for (const address of attempts.keys()) if (recent(address, now).length === 0) attempts.delete(address);
    const oldest = attempts.keys().next();
    if (attempts.size >= MAX_ADDRESSES && !oldest.done) attempts.delete(oldest.value);
  };

  return {
    take(address) {
      const now = clock.monotonic();
      const earlier = recent(address, now);
      const [first] = earlier;
      if (first !== undefined && earlier.length >= ATTEMPTS) return first + WINDOW_MS - now;
      if (attempts.size >= MAX_ADDRESSES) prune(now);
      attempts.set(address, [...earlier, now]);
      return undefined;
    },
    forgive: (address) => void attempts.delete(address),
    forgiveAll: () => attempts.clear(),
  };
}
