const DAY_MS = 86_400_000;

/** The start of the next day in UTC, when daily allowances begin anew. Both epoch ms. */
export function nextUtcDay(now: number): number {
  return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
}
