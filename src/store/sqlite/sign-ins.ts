import { asc, eq, lte, sql } from "drizzle-orm";
import type { Sealing } from "../sealing.ts";
import type { SignIns } from "../store.ts";
import type { Drizzle } from "./connection.ts";
import { signIns } from "./schema.ts";
import type { Writer } from "./writer.ts";

export function signInsOf(db: Drizzle, writer: Writer, sealing: Sealing): SignIns {
  return {
    async all(now) {
      await writer.commit(() => db.delete(signIns).where(lte(signIns.keptUntil, now)).run());
      const rows = writer.read(() =>
        db
          .select()
          .from(signIns)
          .orderBy(asc(signIns.createdAt), sql`rowid`)
          .all(),
      );
      return rows.map(({ data, ...row }) => {
        try {
          return { ...row, data: JSON.parse(sealing.open(data, row.id)) as unknown };
        } catch {
          writer.log.error("sign-in-unreadable", { signIn: row.id });
          return { ...row, data: undefined };
        }
      });
    },
    async put(signIn) {
      const row = { ...signIn, data: sealing.seal(JSON.stringify(signIn.data), signIn.id) };
      await writer.commit(
        () => db.insert(signIns).values(row).onConflictDoUpdate({ target: signIns.id, set: row }).run(),
        true,
      );
    },
    async remove(id) {
      await writer.commit(() => db.delete(signIns).where(eq(signIns.id, id)).run());
    },
  };
}
