import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import { toGatewayError } from "../../chat/error.ts";
import type { ConversationRecord, Conversations } from "../store.ts";
import type { Drizzle } from "./connection.ts";
import { conversations } from "./schema.ts";
import { compile, placeholders } from "./statement.ts";
import type { Writer } from "./writer.ts";

/** What a crash may take of chats that no turn uses: rows of empty ones this new, ms, and deletions this long ago. */
const READY_BEHIND_MS = 20;
const DROP_BEHIND_MS = 500;

export function conversationsOf(db: Drizzle, writer: Writer): Conversations {
  const value = (name: string) => sql.placeholder(name);
  const upsert = db
    .insert(conversations)
    .values(placeholders(conversations))
    .onConflictDoUpdate({
      target: [conversations.accountId, conversations.upstreamId],
      set: {
        state: sql`excluded.state`,
        key: sql`excluded.key`,
        dueAt: sql`excluded.due_at`,
        tries: sql`excluded.tries`,
      },
    });
  const put = compile(db, upsert);
  // The one that stays longest: it was used last.
  const freshest = db
    .select({ rowid: sql`rowid` })
    .from(conversations)
    .where(
      and(
        eq(conversations.key, value("key")),
        sql`state = 'kept'`, // word for word the condition of the index
        gt(conversations.dueAt, value("now")),
      ),
    )
    .orderBy(desc(conversations.dueAt))
    .limit(1);
  const claim = db
    .update(conversations)
    .set({ state: "busy" })
    .where(sql`rowid = (${freshest})`)
    .returning()
    .prepare();
  const isThis = and(
    eq(conversations.accountId, value("accountId")),
    eq(conversations.upstreamId, value("upstreamId")),
  );
  const drop = compile(db, db.delete(conversations).where(isThis));
  const all = db.select().from(conversations).orderBy(asc(conversations.dueAt)).prepare();

  return {
    put(conversation) {
      return writer.grouped(() => put(conversation), conversation.state === "ready" ? READY_BEHIND_MS : 0);
    },
    hurry() {
      writer.hurryGroup();
    },
    async claim(key, now) {
      const row = await writer.commit(() => claim.get({ key, now }));
      return row && toRecord(row);
    },
    drop(accountId, upstreamId) {
      writer
        .grouped(() => drop({ accountId, upstreamId }), DROP_BEHIND_MS)
        .catch((error: unknown) => writer.log.warn("chat-undropped", { reason: toGatewayError(error).message }));
    },
    async all() {
      return writer.read(() => all.all()).map(toRecord);
    },
  };
}

function toRecord(row: typeof conversations.$inferSelect): ConversationRecord {
  return { ...row, key: row.key ?? undefined };
}
