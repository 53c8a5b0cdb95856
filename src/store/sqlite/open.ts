import { sql } from "drizzle-orm";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Rescue } from "../rescue.ts";
import type { Sealing } from "../sealing.ts";
import type { Store } from "../store.ts";
import { accountChanger, accountsOf } from "./accounts.ts";
import { apiKeysOf, keyToucher } from "./api-keys.ts";
import { attemptsOf, logWriters } from "./attempts.ts";
import { Behind, type BehindSink } from "./behind.ts";
import { ChatJournal } from "./chat-journal.ts";
import { drizzleOf, type Connection } from "./connection.ts";
import { chatSink, conversationsOf } from "./conversations.ts";
import { copyTo } from "./copy.ts";
import { storeFailure } from "./failure.ts";
import { meta } from "./schema.ts";
import { sessionsOf } from "./sessions.ts";
import { settingsOf, settingWriter } from "./settings.ts";
import { signInsOf } from "./sign-ins.ts";
import { WaitingChats } from "./waiting-chats.ts";
import { Writer } from "./writer.ts";

/** The store over a connection to a database that is ours, sound and of this version's schema. */
export function sqliteStore(connection: Connection, sealing: Sealing, rescue: Rescue, clock: Clock, log: Log): Store {
  const db = drizzleOf(connection);
  const writer = new Writer(connection, clock, log);
  const journal = new ChatJournal(`${connection.filename}-chats`);
  const sink: BehindSink = {
    account: accountChanger(db),
    keyUse: keyToucher(db),
    setting: settingWriter(db),
    ...logWriters(db),
    probe() {
      const value = clock.now();
      const row = db.insert(meta).values({ name: "written-at", value });
      row.onConflictDoUpdate({ target: meta.name, set: { value: sql`excluded.value` } }).run();
    },
  };
  const behind = new Behind(writer, sink, new WaitingChats(journal, chatSink(db)));
  for (const name of journal.left) {
    behind.putChat({ ...name, state: "leaving", key: undefined, dueAt: clock.now(), tries: 0 });
  }
  let isOpen = true;

  return {
    accounts: accountsOf(db, writer, behind, sealing, rescue),
    keys: apiKeysOf(db, writer, behind),
    attempts: attemptsOf(db, writer, behind),
    conversations: conversationsOf(db, writer, behind),
    signIns: signInsOf(db, writer, sealing),
    sessions: sessionsOf(db, writer),
    settings: settingsOf(db, writer, behind),
    trouble() {
      if (!writer.trouble) return undefined;
      const lost = behind.dropped > 0 ? ` ${behind.dropped} lines of the request log are lost.` : "";
      return `Nothing can be saved right now: ${writer.trouble}. Chat goes on, and figures are kept in memory.${lost}`;
    },
    flush: () => behind.flush(),
    async backup(target) {
      await behind.flush();
      try {
        copyTo(connection, target);
      } catch (error) {
        throw storeFailure(error, clock.now());
      }
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      try {
        await behind.flush();
      } finally {
        behind.close();
        journal.close();
        connection.close();
      }
    },
  };
}
