import { Database, type Statement } from "bun:sqlite";
import { drizzle, type BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";

export type Drizzle = BunSQLiteDatabase & { $client: Connection };

/**
 * A connection that prepares each SQL text once and really closes: Drizzle never finalizes a statement, and SQLite keeps
 * the file of a connection open as long as one statement lives.
 */
export class Connection extends Database {
  readonly #statements = new Map<string, Statement>();

  // oxlint-disable-next-line typescript/no-explicit-any -- the signature of the class above
  override prepare(...[sql, ...rest]: Parameters<Database["prepare"]>): Statement<any, any> {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = super.prepare(sql, ...rest);
    this.#statements.set(sql, statement);
    return statement;
  }

  override close(throwOnError = true): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    super.close(throwOnError);
  }

  /** The only value of the only row of a pragma. */
  pragma(text: string): unknown {
    return this.prepare(`PRAGMA ${text}`).values()[0]?.[0];
  }
}

/** Opens an existing database for serving. It never waits for a lock: see Writer. */
export function connect(path: string): Connection {
  const connection = new Connection(path, { create: false, readwrite: true });
  connection.run("PRAGMA busy_timeout = 100"); // for the switch to WAL alone
  connection.run("PRAGMA journal_mode = WAL");
  connection.run("PRAGMA synchronous = NORMAL");
  connection.run("PRAGMA foreign_keys = ON");
  connection.run("PRAGMA busy_timeout = 0");
  return connection;
}

/** Runs a piece of work in one transaction that holds the right to write from its beginning. */
export function inTransaction<T>(connection: Connection, work: () => T): T {
  connection.prepare("BEGIN IMMEDIATE").run();
  try {
    const result = work();
    connection.prepare("COMMIT").run();
    return result;
  } catch (error) {
    // SQLite itself has rolled back after some errors, such as a full disk.
    if (connection.inTransaction) connection.run("ROLLBACK");
    throw error;
  }
}

export function drizzleOf(connection: Connection): Drizzle {
  return drizzle({ client: connection as Database }) as Drizzle;
}
