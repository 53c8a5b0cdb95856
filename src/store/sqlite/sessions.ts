import { and, eq, gt, lte, sql } from "drizzle-orm";
import type { AdminSessions } from "../store.ts";
import type { Drizzle } from "./connection.ts";
import { sessions } from "./schema.ts";
import type { Writer } from "./writer.ts";

export function sessionsOf(db: Drizzle, writer: Writer): AdminSessions {
  const find = db
    .select()
    .from(sessions)
    .where(and(eq(sessions.tokenHash, sql.placeholder("tokenHash")), gt(sessions.expiresAt, sql.placeholder("now"))))
    .prepare();
  return {
    async find(tokenHash, now) {
      return writer.read(() => find.get({ tokenHash, now }));
    },
    async insert(session) {
      await writer.commit(() => {
        db.delete(sessions).where(lte(sessions.expiresAt, session.createdAt)).run();
        db.insert(sessions).values(session).run();
      });
    },
    async remove(tokenHash) {
      await writer.commit(() => db.delete(sessions).where(eq(sessions.tokenHash, tokenHash)).run());
    },
    async removeAll() {
      await writer.commit(() => db.delete(sessions).run());
    },
  };
}
