import { and, desc, eq, gt, sql } from "drizzle-orm";
import type { ConversationRecord, Conversations } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { conversations } from "./schema.ts";
import { compile, placeholders } from "./statement.ts";
import type { ChatSink } from "./waiting-chats.ts";
import type { Writer } from "./writer.ts";

export function conversationsOf(db: Drizzle, writer: Writer, behind: Behind): Conversations {
  const value = (name: string) => sql.placeholder(name);
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
  const all = db.select().from(conversations).prepare();

  return {
    put(conversation) {
      const isNamed = behind.putChat(conversation);
      // What a kept chat holds stands in its row alone.
      return isNamed && conversation.state !== "kept" ? undefined : behind.flush();
    },
    async claim(key, now) {
      await behind.flush(); // the chat may be among those that wait
      const row = await writer.commit(() => claim.get({ key, now }));
      return row && toRecord(row);
    },
    drop: (accountId, upstreamId) => behind.dropChat({ accountId, upstreamId }),
    async all() {
      behind.flushForRead();
      const rows = writer.read(() => all.all()).map(toRecord);
      return behind.chats.over(rows).toSorted((a, b) => a.dueAt - b.dueAt);
    },
  };
}

/** The statements that bring rows up to date. They run in the transaction of the queue. */
export function chatSink(db: Drizzle): ChatSink {
  const isThis = and(
    eq(conversations.accountId, sql.placeholder("accountId")),
    eq(conversations.upstreamId, sql.placeholder("upstreamId")),
  );
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
  return { put: compile(db, upsert), drop: compile(db, db.delete(conversations).where(isThis)) };
}

function toRecord(row: typeof conversations.$inferSelect): ConversationRecord {
  return { ...row, key: row.key ?? undefined };
}
