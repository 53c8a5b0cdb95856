import { and, asc, eq, isNotNull, isNull, ne, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import { GatewayError } from "../../chat/error.ts";
import type { Rescue } from "../rescue.ts";
import type { Sealing } from "../sealing.ts";
import type { AccountRecord, Accounts, AccountSettings, Health } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { isDuplicate } from "./failure.ts";
import type { AccountChange } from "./waiting-figures.ts";
import { accounts, conversations } from "./schema.ts";
import { compile } from "./statement.ts";
import type { Writer } from "./writer.ts";

type Row = typeof accounts.$inferSelect;

/** Reason of an account whose row was damaged: only a new credential helps. */
const UNREADABLE = "The stored credential cannot be read. Sign in again.";

export function accountsOf(db: Drizzle, writer: Writer, behind: Behind, sealing: Sealing, rescue: Rescue): Accounts {
  const byId = eq(accounts.id, sql.placeholder("id"));
  const inOrder = db
    .select()
    .from(accounts)
    .where(isNull(accounts.retiredAt))
    .orderBy(asc(accounts.createdAt), sql`rowid`)
    .prepare();
  const byIdentity = db
    .select()
    .from(accounts)
    .where(eq(accounts.identityHash, sql.placeholder("identityHash")))
    .prepare();
  const setCredential = db
    .update(accounts)
    .set({
      credential: sql`${sql.placeholder("credential")}`,
      sourceHash: sql`coalesce(${sql.placeholder("sourceHash")}, ${accounts.sourceHash})`,
      identityHash: sql`coalesce(${sql.placeholder("identityHash")}, ${accounts.identityHash})`,
    })
    .where(byId)
    .prepare();

  const seal = (id: string, credential: unknown) => sealing.seal(JSON.stringify(credential), id);

  /** A retired account keeps its history when another takes over its login. */
  const giveUpIdentity = (id: string, identityHash: string): void => {
    db.update(accounts)
      .set({ identityHash: sql`${accounts.identityHash} || ' ' || ${accounts.id}` })
      .where(and(eq(accounts.identityHash, identityHash), ne(accounts.id, id), isNotNull(accounts.retiredAt)))
      .run();
  };

  const proxyColumn = (id: string, { proxy }: AccountSettings) =>
    proxy === undefined ? null : sealing.seal(proxy, proxyOwner(id));

  const proxyOf = ({ id, proxy }: Row): string | undefined => {
    if (!proxy) return undefined;
    try {
      return sealing.open(proxy, proxyOwner(id));
    } catch {
      writer.log.error("proxy-unreadable", { account: id });
      return undefined;
    }
  };

  const recordOf = (row: Row): AccountRecord => {
    let credential: unknown;
    let health = healthOf(row);
    const rescued = rescue.get(row.id);
    try {
      credential = rescued ? rescued.credential : JSON.parse(sealing.open(row.credential, row.id));
    } catch {
      // One damaged row must not keep the other accounts from serving.
      writer.log.error("credential-unreadable", { account: row.id });
      health = { ...health, state: "needs_login", reason: UNREADABLE, reasonKind: "auth-rejected" };
    }
    const record = toRecord(row, credential, health, proxyOf(row));
    const { sourceHash = record.sourceHash, identityHash = record.identityHash } = rescued ?? {};
    return withChange({ ...record, sourceHash, identityHash }, behind.figures.accounts.get(row.id));
  };

  return {
    async all() {
      return writer.read(() => inOrder.all()).map(recordOf);
    },
    async byIdentity(identityHash) {
      const row = writer.read(() => byIdentity.get({ identityHash }));
      return row && recordOf(row);
    },
    async insert(account) {
      const row = {
        ...toRow(account, seal(account.id, account.credential)),
        proxy: proxyColumn(account.id, account.settings),
      };
      try {
        await writer.commit(() => db.insert(accounts).values(row).run(), true);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        throw new GatewayError("invalid-request", "This account is there already.");
      }
    },
    async saveCredential(id, credential, change = {}) {
      const { sourceHash = null, identityHash = null } = change;
      const row = { id, credential: seal(id, credential), sourceHash, identityHash };
      let isCommitted = false;
      const work = () => {
        if (identityHash !== null) giveUpIdentity(id, identityHash);
        setCredential.run(row);
      };
      const committing = writer.commit(work, true, () => (isCommitted = true));
      // A kill while the write waits for a lock must not lose it either.
      if (!isCommitted) rescue.put(id, { ...change, credential });
      await committing;
      rescue.forget(id);
    },
    async saveHealth(id, health) {
      const { until, reason, reasonKind, ...rest } = health;
      const row = { ...rest, until: until ?? null, reason: reason ?? null, reasonKind: reasonKind ?? null };
      await writer.commit(() => db.update(accounts).set(row).where(eq(accounts.id, id)).run());
    },
    async saveSettings(id, settings) {
      const { label, priority, concurrency, requestsPerHour, models } = settings;
      const row = {
        label,
        priority,
        concurrency: concurrency ?? null,
        requestsPerHour: requestsPerHour ?? null,
        proxy: proxyColumn(id, settings),
        models: models ?? null,
      };
      await writer.commit(() => db.update(accounts).set(row).where(eq(accounts.id, id)).run(), true);
    },
    async retire(id, retiredAt) {
      await writer.commit(() => db.update(accounts).set({ retiredAt }).where(eq(accounts.id, id)).run(), true);
    },
    async bringBack(id, source) {
      const row = { retiredAt: null, source };
      await writer.commit(() => db.update(accounts).set(row).where(eq(accounts.id, id)).run(), true);
    },
    async remove(id) {
      const work = () => {
        db.delete(conversations).where(eq(conversations.accountId, id)).run();
        db.delete(accounts).where(eq(accounts.id, id)).run();
      };
      await writer.commit(work, true, () => behind.chats.forgetAccount(id));
      rescue.forget(id);
    },
    touchMemory: (id, value) => behind.touchAccount(id, { memory: { value } }),
    touchQuota: (id, value) => behind.touchAccount(id, { quota: { value } }),
  };
}

/** The statements that write what an account has gained. They run in the transaction of the queue. */
export function accountChanger(db: Drizzle): (change: AccountChange) => void {
  const value = (name: keyof AccountChange) => sql.placeholder(name);
  const plus = (column: SQLiteColumn, name: keyof AccountChange) => sql`${column} + ${value(name)}`;
  const changing = (row: SQLiteUpdateSetSource<typeof accounts>) =>
    compile(
      db,
      db
        .update(accounts)
        .set(row)
        .where(eq(accounts.id, value("id"))),
    );
  const add = changing({
    attempts: plus(accounts.attempts, "attempts"),
    successes: plus(accounts.successes, "successes"),
    failures: plus(accounts.failures, "failures"),
    rotationFailuresTotal: plus(accounts.rotationFailuresTotal, "rotationFailures"),
    inputTokens: plus(accounts.inputTokens, "inputTokens"),
    outputTokens: plus(accounts.outputTokens, "outputTokens"),
    lastUsedAt: sql`max(coalesce(${accounts.lastUsedAt}, 0), ${value("lastUsedAt")})`,
  });
  const setMemory = changing({ memory: value("memory") });
  const setQuota = changing({ quota: value("quota") });
  return (change) => {
    const { id, memory, quota } = change;
    if (change.attempts > 0) add(change);
    if (memory) setMemory({ id, memory: memory.value });
    if (quota) setQuota({ id, quota: quota.value });
  };
}

function healthOf(row: Row): Health {
  return {
    state: row.state,
    until: row.until ?? undefined,
    reason: row.reason ?? undefined,
    reasonKind: row.reasonKind ?? undefined,
    since: row.since,
    rotationFailures: row.rotationFailures,
    rateLimits: row.rateLimits,
  };
}

/** Sealed apart from the credential: neither opens in the other's place. */
function proxyOwner(id: string): string {
  return `${id} proxy`;
}

function toRecord(row: Row, credential: unknown, health: Health, proxy: string | undefined): AccountRecord {
  return {
    id: row.id,
    provider: row.provider,
    settings: {
      label: row.label,
      priority: row.priority,
      concurrency: row.concurrency ?? undefined,
      requestsPerHour: row.requestsPerHour ?? undefined,
      proxy,
      models: row.models ?? undefined,
    },
    identityHash: row.identityHash,
    credential,
    source: row.source,
    sourceHash: row.sourceHash ?? undefined,
    userAgent: row.userAgent,
    memory: row.memory ?? undefined,
    quota: row.quota ?? undefined,
    health,
    counters: {
      attempts: row.attempts,
      successes: row.successes,
      failures: row.failures,
      rotationFailures: row.rotationFailuresTotal,
      inputTokens: row.inputTokens,
      outputTokens: row.outputTokens,
    },
    createdAt: row.createdAt,
    lastUsedAt: row.lastUsedAt ?? undefined,
    retiredAt: row.retiredAt ?? undefined,
  };
}

/** All but the proxy, which is sealed. */
function toRow(account: AccountRecord, credential: Buffer): typeof accounts.$inferInsert {
  const { settings, health, counters, ...own } = account;
  const { proxy: _sealed, ...plain } = settings;
  return {
    ...own,
    ...plain,
    ...health,
    ...counters,
    rotationFailures: health.rotationFailures,
    rotationFailuresTotal: counters.rotationFailures,
    credential,
  };
}

/** The record with what is still to be written. */
function withChange(record: AccountRecord, change: AccountChange | undefined): AccountRecord {
  if (!change) return record;
  const { counters } = record;
  return {
    ...record,
    counters: {
      attempts: counters.attempts + change.attempts,
      successes: counters.successes + change.successes,
      failures: counters.failures + change.failures,
      rotationFailures: counters.rotationFailures + change.rotationFailures,
      inputTokens: counters.inputTokens + change.inputTokens,
      outputTokens: counters.outputTokens + change.outputTokens,
    },
    lastUsedAt: Math.max(record.lastUsedAt ?? 0, change.lastUsedAt) || undefined,
    memory: change.memory ? change.memory.value : record.memory,
    quota: change.quota ? change.quota.value : record.quota,
  };
}
