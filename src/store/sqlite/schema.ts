import { sql } from "drizzle-orm";
import { blob, index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { ACCOUNT_STATES } from "../store.ts";

/** What the store knows about itself: how credentials are sealed, and when writing last worked. JSON by name. */
export const meta = sqliteTable("meta", {
  name: text().primaryKey(),
  value: text({ mode: "json" }).notNull(),
});

export const accounts = sqliteTable("accounts", {
  id: text().primaryKey(),
  provider: text().notNull(),
  label: text().notNull(),
  priority: integer().notNull(),
  concurrency: integer(),
  requestsPerHour: integer("requests_per_hour"),
  /** Sealed: it may hold a password. */
  proxy: blob({ mode: "buffer" }),
  models: text({ mode: "json" }).$type<readonly string[]>(),
  identityHash: text("identity_hash").notNull().unique(),
  /** Sealed, see sealing.ts. */
  credential: blob({ mode: "buffer" }).notNull(),
  source: text({ enum: ["console", "environment", "guest"] }).notNull(),
  sourceHash: text("source_hash"),
  userAgent: text("user_agent").notNull(),
  memory: text({ mode: "json" }),
  quota: text({ mode: "json" }),
  state: text({ enum: ACCOUNT_STATES }).notNull(),
  until: integer(),
  reason: text(),
  reasonKind: text("reason_kind"),
  since: integer().notNull(),
  rotationFailures: integer("rotation_failures").notNull(),
  rateLimits: integer("rate_limits").notNull(),
  attempts: integer().notNull(),
  successes: integer().notNull(),
  failures: integer().notNull(),
  rotationFailuresTotal: integer("rotation_failures_total").notNull(),
  inputTokens: integer("input_tokens").notNull(),
  outputTokens: integer("output_tokens").notNull(),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at"),
  retiredAt: integer("retired_at"),
});

export const apiKeys = sqliteTable("api_keys", {
  id: text().primaryKey(),
  name: text().notNull(),
  prefix: text().notNull(),
  hash: text().notNull().unique(),
  admin: integer({ mode: "boolean" }).notNull(),
  createdAt: integer("created_at").notNull(),
  lastUsedAt: integer("last_used_at"),
  revokedAt: integer("revoked_at"),
});

/** The request log, in order of its rowid. No key: a request id may have come from the client. */
export const requests = sqliteTable(
  "requests",
  {
    id: text().notNull(),
    at: integer().notNull(),
    dialect: text().notNull(),
    keyName: text("key_name"),
    model: text().notNull(),
    provider: text(),
    accountId: text("account_id"),
    attempts: integer().notNull(),
    stream: integer({ mode: "boolean" }).notNull(),
    status: integer().notNull(),
    outcome: text().notNull(),
    message: text(),
    firstEventMs: integer("first_event_ms"),
    durationMs: integer("duration_ms").notNull(),
    inputTokens: integer("input_tokens").notNull(),
    outputTokens: integer("output_tokens").notNull(),
    usageEstimated: integer("usage_estimated", { mode: "boolean" }).notNull(),
  },
  (table) => [
    // Holds all that the figures of the overview and the filters of the log need, so that they never read the log itself.
    // Each page of an index that a transaction touches is written: those that begin with the time touch the last one only.
    index("requests_at").on(
      table.at,
      table.provider,
      table.accountId,
      table.outcome,
      table.firstEventMs,
      table.inputTokens,
      table.outputTokens,
      table.usageEstimated,
    ),
    index("requests_id").on(table.id),
  ],
);

export const attempts = sqliteTable(
  "attempts",
  {
    requestId: text("request_id").notNull(),
    number: integer().notNull(),
    provider: text().notNull(),
    /** No foreign key: the log keeps the id of an account that was removed. */
    accountId: text("account_id"),
    startedAt: integer("started_at").notNull(),
    durationMs: integer("duration_ms").notNull(),
    outcome: text().notNull(),
    message: text(),
    rotationFailure: integer("rotation_failure", { mode: "boolean" }).notNull(),
    inputTokens: integer("input_tokens").notNull(),
    outputTokens: integer("output_tokens").notNull(),
  },
  (table) => [index("attempts_request").on(table.requestId), index("attempts_started_at").on(table.startedAt)],
);

export const conversations = sqliteTable(
  "conversations",
  {
    upstreamId: text("upstream_id").notNull(),
    accountId: text("account_id").notNull(),
    state: text({ enum: ["ready", "busy", "kept", "leaving"] }).notNull(),
    key: text(),
    dueAt: integer("due_at").notNull(),
    tries: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.accountId, table.upstreamId] }),
    index("conversations_kept")
      .on(table.key, table.dueAt)
      .where(sql`state = 'kept'`),
  ],
);

export const signIns = sqliteTable("sign_ins", {
  id: text().primaryKey(),
  provider: text().notNull(),
  /** Sealed, see sealing.ts. */
  data: blob({ mode: "buffer" }).notNull(),
  createdAt: integer("created_at").notNull(),
  keptUntil: integer("kept_until").notNull(),
});

export const sessions = sqliteTable("sessions", {
  tokenHash: text("token_hash").primaryKey(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at").notNull(),
});

export const settings = sqliteTable("settings", {
  name: text().primaryKey(),
  value: text({ mode: "json" }),
});
