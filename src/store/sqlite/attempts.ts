import { and, asc, desc, eq, inArray, lt, sql } from "drizzle-orm";
import type { AttemptRecord, Attempts, RequestFilter, RequestRecord } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { lastHourOf } from "./figures.ts";
import { attempts, requests } from "./schema.ts";
import { compileInsert } from "./statement.ts";
import type { Writer } from "./writer.ts";

/** The most rows a request for the log gets, and the most that one call of `prune` deletes from each table. */
const MOST_LISTED = 1_000;
const MOST_PRUNED = 1_000;
/** Pages of 4 KiB given back to the disk per call of `prune`. */
const PAGES_FREED = 500;

const ROWID = sql`rowid`;

export function attemptsOf(db: Drizzle, writer: Writer, behind: Behind): Attempts {
  const lastHour = lastHourOf(db, behind);
  return {
    recordAttempt: (attempt) => behind.recordAttempt(attempt),
    recordRequest: (request) => behind.recordRequest(request),
    async requests(filter) {
      behind.flushForRead();
      const limit = Math.min(Math.max(Math.trunc(filter.limit), 0), MOST_LISTED);
      const stored = writer.read(() => select(db, filter, limit));
      const pending = behind.requests.filter((request) => matches(request, filter)).toReversed();
      return [...pending, ...stored].toSorted((a, b) => b.at - a.at).slice(0, limit);
    },
    async attemptsOf(requestId) {
      behind.flushForRead();
      const rows = writer.read(() =>
        db.select().from(attempts).where(eq(attempts.requestId, requestId)).orderBy(ROWID).all(),
      );
      const pending = behind.attempts.filter((attempt) => attempt.requestId === requestId);
      return [...rows.map(toAttempt), ...pending].toSorted((a, b) => a.number - b.number);
    },
    async lastHour(now, dayStart, provider) {
      behind.flushForRead();
      return writer.read(() => lastHour(now, dayStart, provider));
    },
    async prune(before, keep) {
      const deleted = await writer.commit(() => {
        const [oldestKept] = db
          .select({ at: requests.at })
          .from(requests)
          .orderBy(desc(requests.at))
          .limit(1)
          .offset(keep)
          .all();
        const requestsCut = Math.max(before, oldestKept ? oldestKept.at + 1 : before);
        const oldRequests = db
          .select({ rowid: ROWID })
          .from(requests)
          .where(lt(requests.at, requestsCut))
          .orderBy(asc(requests.at))
          .limit(MOST_PRUNED);
        const gone = db.delete(requests).where(inArray(ROWID, oldRequests)).returning({ at: requests.at }).all();
        // Attempts begin after their request: those before the oldest request that is left belong to none.
        const [oldest] = db.select({ at: requests.at }).from(requests).orderBy(asc(requests.at)).limit(1).all();
        const oldAttempts = db
          .select({ rowid: ROWID })
          .from(attempts)
          .where(lt(attempts.startedAt, oldest?.at ?? requestsCut))
          .orderBy(asc(attempts.startedAt))
          .limit(MOST_PRUNED);
        return (
          gone.length +
          db.delete(attempts).where(inArray(ROWID, oldAttempts)).returning({ at: attempts.startedAt }).all().length
        );
      });
      if (deleted > 0) writer.read(() => db.$client.run(`PRAGMA incremental_vacuum(${PAGES_FREED})`));
    },
  };
}

/** The statements that add to the log. They run in the transaction of the queue. */
export function logWriters(db: Drizzle): {
  attempts: (rows: readonly AttemptRecord[]) => void;
  requests: (rows: readonly RequestRecord[]) => void;
} {
  return { attempts: compileInsert(db, attempts), requests: compileInsert(db, requests) };
}

function select(db: Drizzle, filter: RequestFilter, limit: number): RequestRecord[] {
  const { before, id, accountId, outcome } = filter;
  return db
    .select()
    .from(requests)
    .where(
      and(
        before === undefined ? undefined : lt(requests.at, before),
        id === undefined ? undefined : eq(requests.id, id),
        accountId === undefined ? undefined : eq(requests.accountId, accountId),
        outcome === undefined ? undefined : eq(requests.outcome, outcome),
      ),
    )
    .orderBy(desc(requests.at), desc(ROWID))
    .limit(limit)
    .all()
    .map(toRequest);
}

/** The filter of `select`, for rows that are still in memory. */
function matches(request: RequestRecord, { before, id, accountId, outcome }: RequestFilter): boolean {
  return (
    (before === undefined || request.at < before) &&
    (id === undefined || request.id === id) &&
    (accountId === undefined || request.accountId === accountId) &&
    (outcome === undefined || request.outcome === outcome)
  );
}

function toRequest(row: typeof requests.$inferSelect): RequestRecord {
  return {
    ...row,
    keyName: row.keyName ?? undefined,
    provider: row.provider ?? undefined,
    accountId: row.accountId ?? undefined,
    message: row.message ?? undefined,
    firstEventMs: row.firstEventMs ?? undefined,
  };
}

function toAttempt(attempt: typeof attempts.$inferSelect): AttemptRecord {
  return { ...attempt, accountId: attempt.accountId ?? undefined, message: attempt.message ?? undefined };
}
