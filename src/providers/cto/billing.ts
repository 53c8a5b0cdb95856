/** What `GET /billing` tells, in the shapes of 2025 and 2026 (protocol.md, "Billing"). Pure. */
import { isObject } from "../../lib/json.ts";
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { Quota } from "../provider.ts";

export interface Bill {
  /** Undefined when the answer counts nothing. */
  readonly quota: Quota | undefined;
  /** Whether the allowance is used up; undefined when the answer does not tell. */
  readonly reached: boolean | undefined;
  /** The allowance of a day is what is used up: it begins anew with the next one. */
  readonly daily: boolean;
  readonly tier: unknown;
}

/** Undefined when the answer is no bill. */
export function billOf(answer: unknown, now: number): Bill | undefined {
  if (!isObject(answer)) return undefined;
  const tier = answer["currentBillingTier"];
  const plan = typeof tier === "string" || typeof tier === "number" ? { plan: String(tier) } : {};
  const day = countOf(answer["dailyUsage"], answer["dailyLimit"]);
  const tasks = countOf(answer["taskCreditsUsage"], answer["taskCreditsLimit"]);
  const said = [answer["hasReachedLimit"], answer["limitReached"]].filter((value) => typeof value === "boolean");
  const counted = [day, tasks].find((count) => count?.limit !== undefined);
  const reached = said.length > 0 ? said.includes(true) : counted && counted.used >= (counted.limit ?? Infinity);
  const quota: Quota | undefined = day
    ? { ...day, unit: "requests a day", resetsAt: nextUtcDay(now), ...plan }
    : tasks && { ...tasks, unit: "task credits", ...plan };
  return { quota, reached, daily: day?.limit !== undefined && day.used >= day.limit, tier };
}

function countOf(used: unknown, limit: unknown): { used: number; limit?: number } | undefined {
  if (typeof used !== "number") return undefined;
  return typeof limit === "number" ? { used, limit } : { used };
}
