import { isObject } from "../../lib/json.ts";
import type { Quota } from "../provider.ts";

type Fields = Record<string, unknown>;

/** What the usage call says: the allowance, and whether anything of it is left. */
export interface Allowance {
  readonly quota: Quota;
  readonly exhausted: boolean;
}

/**
 * `GetUsageLimits` read: the credit row, base allowance plus what an active trial and active bonuses add.
 * Undefined when the answer has no row at all.
 */
export function allowanceOf(answer: unknown): Allowance | undefined {
  if (!isObject(answer) || !Array.isArray(answer["usageBreakdownList"])) return undefined;
  const rows = answer["usageBreakdownList"].filter(isObject);
  const row = ["CREDIT", "AGENTIC_REQUEST", "VIBE"].map((type) => rows.find((one) => one["resourceType"] === type));
  const chosen = row.find((one) => one !== undefined) ?? rows[0];
  if (!chosen) return undefined;
  const parts = [chosen, ...extrasOf(chosen)];
  const used = sum(parts, "currentUsage");
  const limit = sum(parts, "usageLimit");
  const resetsAt = epochMs(answer["nextDateReset"]) ?? epochMs(chosen["nextDateReset"]);
  const plan = planOf(answer["subscriptionInfo"]);
  return {
    quota: {
      used,
      limit,
      unit: unitOf(chosen),
      ...(resetsAt === undefined ? {} : { resetsAt }),
      ...(plan === undefined ? {} : { plan }),
    },
    exhausted: used >= limit && !mayOverrun(answer, chosen),
  };
}

function extrasOf(row: Fields): Fields[] {
  const trial = row["freeTrialInfo"];
  const bonuses = Array.isArray(row["bonuses"]) ? row["bonuses"].filter(isObject) : [];
  const active = bonuses.filter(({ status }) => status === "ACTIVE");
  return isObject(trial) && trial["freeTrialStatus"] === "ACTIVE" ? [trial, ...active] : active;
}

function sum(parts: readonly Fields[], field: string): number {
  return parts.reduce(
    (total, part) => total + (numberOf(part[`${field}WithPrecision`]) ?? numberOf(part[field]) ?? 0),
    0,
  );
}

/** Paid use beyond the allowance is switched on, and its cap is not reached. */
function mayOverrun(answer: Fields, row: Fields): boolean {
  const overage = answer["overageConfiguration"];
  if (!isObject(overage) || overage["overageStatus"] !== "ENABLED") return false;
  const cap = numberOf(row["overageCap"]);
  return cap === undefined || cap === 0 || (numberOf(row["currentOverages"]) ?? 0) < cap;
}

function unitOf(row: Fields): string {
  const name = typeof row["resourceType"] === "string" ? row["resourceType"] : "CREDIT";
  return name === "CREDIT" ? "credits" : "requests";
}

function planOf(subscription: unknown): string | undefined {
  if (!isObject(subscription)) return undefined;
  const title = subscription["subscriptionTitle"] ?? subscription["type"];
  return typeof title === "string" && title !== "" ? title : undefined;
}

/** Epoch ms of a time given in epoch seconds (also as text or `1.7E9`), in epoch ms, or as an ISO text. */
export function epochMs(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) {
    if (number <= 0) return undefined;
    return Math.round(number < 100_000_000_000 ? number * 1000 : number);
  }
  if (typeof value !== "string") return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date;
}

/** The reset that was told, unless it is over already: then nobody knows, and the next month is taken. */
export function resetAfter(now: number, told: number | undefined): number {
  return told !== undefined && told > now ? told : nextMonth(now);
}

/** The first moment of the next month, UTC: when an allowance resets of which no time is known. */
export function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
