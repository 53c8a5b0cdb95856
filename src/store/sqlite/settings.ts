import { eq, sql } from "drizzle-orm";
import type { Settings } from "../store.ts";
import type { Behind } from "./behind.ts";
import type { Drizzle } from "./connection.ts";
import { settings } from "./schema.ts";
import { compile, placeholders } from "./statement.ts";
import type { Writer } from "./writer.ts";

export function settingsOf(db: Drizzle, writer: Writer, behind: Behind): Settings {
  const byName = db
    .select({ value: settings.value })
    .from(settings)
    .where(eq(settings.name, sql.placeholder("name")))
    .prepare();
  const put = settingWriter(db);
  /** What is still behind is older than what is committed now. */
  const forget = (name: string) => void behind.figures.settings.delete(name);
  return {
    async get(name) {
      if (behind.figures.settings.has(name)) return behind.figures.settings.get(name);
      return writer.read(() => byName.get({ name }))?.value ?? undefined;
    },
    async all() {
      const rows = writer.read(() => db.select().from(settings).all());
      return Object.fromEntries([...rows.map(({ name, value }) => [name, value] as const), ...behind.figures.settings]);
    },
    async set(name, value) {
      const work = () => {
        forget(name);
        put(name, value);
      };
      await writer.commit(work, true);
    },
    touch: (name, value) => behind.touchSetting(name, value),
    async remove(name) {
      const work = () => {
        forget(name);
        db.delete(settings).where(eq(settings.name, name)).run();
      };
      await writer.commit(work, true);
    },
  };
}

/** The statement that saves a setting. */
export function settingWriter(db: Drizzle): (name: string, value: unknown) => void {
  const row = db.insert(settings).values(placeholders(settings));
  const upsert = row.onConflictDoUpdate({ target: settings.name, set: { value: sql`excluded.value` } });
  const write = compile(db, upsert);
  return (name, value) => write({ name, value });
}
