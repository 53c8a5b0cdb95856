const SECOND_MS = 1000;
const LONGEST_MS = 86_400_000;

/**
 * The time that a `Retry-After` header names (seconds or a date), epoch ms, at least 1 s and at most 24 h from `now`.
 * Undefined when it names none: missing or neither form.
 */
export function retryAtOf(header: string | null | undefined, now: number): number | undefined {
  const value = header?.trim() ?? "";
  if (/^-?\d+(\.\d+)?$/.test(value)) return within(now + Number(value) * SECOND_MS, now);
  return /[a-z]{3}/i.test(value) ? within(Date.parse(value), now) : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: 60_000, h: 3_600_000, d: LONGEST_MS };

/** The same for a text that says "try again in 1m20.5s"; undefined when it does not. */
export function retryAtIn(text: string, now: number): number | undefined {
  const said = /(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s*(?:ms|[smhd])[a-z]*\s*)+)/i.exec(text)?.[1];
  if (said === undefined) return undefined;
  let ms = 0;
  for (const [, count, unit = "s"] of said.matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhd])/gi)) {
    ms += Number(count) * (UNIT_MS[unit.toLowerCase()] ?? 0);
  }
  return within(now + ms, now);
}

function within(at: number, now: number): number | undefined {
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at, now + SECOND_MS), now + LONGEST_MS);
}
