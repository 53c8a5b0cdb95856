import { eq, sql } from "drizzle-orm";
import type { Settings } from "../store.ts";
import type { Drizzle } from "./connection.ts";
import { settings } from "./schema.ts";
import type { Writer } from "./writer.ts";

export function settingsOf(db: Drizzle, writer: Writer): Settings {
  const byName = db
    .select({ value: settings.value })
    .from(settings)
    .where(eq(settings.name, sql.placeholder("name")))
    .prepare();
  return {
    async get(name) {
      return writer.read(() => byName.get({ name }))?.value ?? undefined;
    },
    async all() {
      const rows = writer.read(() => db.select().from(settings).all());
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    },
    async set(name, value) {
      await writer.commit(
        () =>
          db
            .insert(settings)
            .values({ name, value })
            .onConflictDoUpdate({ target: settings.name, set: { value } })
            .run(),
        true,
      );
    },
    async remove(name) {
      await writer.commit(() => db.delete(settings).where(eq(settings.name, name)).run(), true);
    },
  };
}
