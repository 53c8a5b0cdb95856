import { asc, eq, sql } from "drizzle-orm";
import type { ApiKeys } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { apiKeys } from "./schema.ts";
import { compile } from "./statement.ts";
import type { Writer } from "./writer.ts";

export function apiKeysOf(db: Drizzle, writer: Writer, behind: Behind): ApiKeys {
  const inOrder = db
    .select()
    .from(apiKeys)
    .orderBy(asc(apiKeys.createdAt), sql`rowid`)
    .prepare();
  return {
    async all() {
      return writer
        .read(() => inOrder.all())
        .map(({ lastUsedAt, revokedAt, ...row }) => ({
          ...row,
          lastUsedAt: behind.figures.keyUses.get(row.id) ?? lastUsedAt ?? undefined,
          revokedAt: revokedAt ?? undefined,
        }));
    },
    async insert(key) {
      await writer.commit(() => db.insert(apiKeys).values(key).run(), true);
    },
    async revoke(id, at) {
      const first = sql`coalesce(${apiKeys.revokedAt}, ${at})`;
      await writer.commit(() => db.update(apiKeys).set({ revokedAt: first }).where(eq(apiKeys.id, id)).run(), true);
    },
    touch: (id, at) => behind.touchKey(id, at),
  };
}

/** The statement that notes a key's last use. Runs in the transaction of the queue. */
export function keyToucher(db: Drizzle): (id: string, at: number) => void {
  const lastUsedAt = sql`${sql.placeholder("at")}`;
  const touch = compile(
    db,
    db
      .update(apiKeys)
      .set({ lastUsedAt })
      .where(eq(apiKeys.id, sql.placeholder("id"))),
  );
  return (id, at) => touch({ id, at });
}
