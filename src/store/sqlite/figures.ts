import { and, asc, eq, gt, gte, isNotNull, lte, sql, type SQL } from "drizzle-orm";
import type { HourFigures, RequestRecord } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { requests } from "./schema.ts";

const HOUR_MS = 3_600_000;
const SPARKS = 30;
const SPARK_MS = HOUR_MS / SPARKS;

/** Counts the last hour: in the database, and what is still to be written beside it. */
export function lastHourOf(db: Drizzle, behind: Behind) {
  return (now: number, dayStart: number, provider?: string): HourFigures => {
    const start = now - HOUR_MS;
    const ofProvider = provider === undefined ? undefined : eq(requests.provider, provider);
    const inHour = and(gt(requests.at, start), lte(requests.at, now), ofProvider);
    const isOurs = (request: RequestRecord) => provider === undefined || request.provider === provider;
    const pending = behind.requests.filter(isOurs);
    const pendingHour = pending.filter(({ at }) => at > start && at <= now);

    const spark = Array.from({ length: SPARKS }, () => 0);
    const addToSpark = (index: number, count: number) => {
      spark[index] = (spark[index] ?? 0) + count;
    };
    // From `start` excluded to `now` included, so that the request of this very moment is in the last figure.
    const indexOf = (at: number) => Math.floor((at - start - 1) / SPARK_MS);
    let answered = 0;
    const bucket = sql<number>`cast((${requests.at} - ${start} - 1) / ${SPARK_MS} as integer)`;
    const buckets = db
      .select({ bucket, count: sql<number>`count(*)`, answered: sql<number>`sum(${requests.outcome} = 'ok')` })
      .from(requests)
      .where(inHour)
      .groupBy(sql`1`)
      .all();
    for (const row of buckets) {
      addToSpark(row.bucket, row.count);
      answered += row.answered;
    }
    for (const request of pendingHour) {
      addToSpark(indexOf(request.at), 1);
      if (request.outcome === "ok") answered++;
    }

    const tokens = sql`${requests.inputTokens} + ${requests.outputTokens}`;
    const [today] = db
      .select({
        all: sql<number>`coalesce(sum(${tokens}), 0)`,
        estimated: sql<number>`coalesce(sum(iif(${requests.usageEstimated}, ${tokens}, 0)), 0)`,
      })
      .from(requests)
      .where(and(gte(requests.at, dayStart), lte(requests.at, now), ofProvider))
      .all();
    let tokensToday = today?.all ?? 0;
    let tokensTodayEstimated = today?.estimated ?? 0;
    for (const request of pending) {
      if (request.at < dayStart || request.at > now) continue;
      const sum = request.inputTokens + request.outputTokens;
      tokensToday += sum;
      if (request.usageEstimated) tokensTodayEstimated += sum;
    }

    return {
      requests: spark.reduce((sum, count) => sum + count, 0),
      answered,
      spark,
      firstEventMedianMs: median(db, inHour, pendingHour),
      tokensToday,
      tokensTodayEstimated,
    };
  };
}

/** The lower of the middle two where there is no middle. The usual case reads one row; only with rows in memory all of them. */
function median(db: Drizzle, inHour: SQL | undefined, pending: readonly RequestRecord[]): number | undefined {
  const measured = and(inHour, isNotNull(requests.firstEventMs));
  const stored = db
    .select({ ms: requests.firstEventMs })
    .from(requests)
    .where(measured)
    .orderBy(asc(requests.firstEventMs));
  if (pending.length === 0) {
    const [total] = db
      .select({ count: sql<number>`count(*)` })
      .from(requests)
      .where(measured)
      .all();
    const count = total?.count ?? 0;
    if (count === 0) return undefined;
    return (
      stored
        .limit(1)
        .offset(Math.floor((count - 1) / 2))
        .all()[0]?.ms ?? undefined
    );
  }
  const values = [...stored.all().map(({ ms }) => ms), ...pending.map(({ firstEventMs }) => firstEventMs)]
    .filter((ms) => ms !== null && ms !== undefined)
    .toSorted((a, b) => a - b);
  return values[Math.floor((values.length - 1) / 2)];
}
