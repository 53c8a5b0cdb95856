import { Database } from "bun:sqlite";
import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tables } from "../admin/import/reading.ts";

const MAGIC = "SQLite format 3\0";
const COPIES = 5;

/** What is read of the databases that are known: the tables that tell them, and columns that never leave the file. */
const KNOWN: readonly {
  readonly marks: readonly string[];
  readonly tables: readonly string[];
  readonly without: readonly string[];
}[] = [
  { marks: ["auth_kv"], tables: ["auth_kv"], without: [] },
  {
    marks: ["providers", "api_keys", "users"],
    tables: ["providers", "api_keys", "users", "settings", "config"],
    without: ["password_hash", "cached_usage_data", "last_error_message"],
  },
];

/** Whether a file is an SQLite database, by its first bytes. */
export function isDatabase(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MAGIC.length);
    return readSync(file, bytes, 0, bytes.length, 0) === bytes.length && bytes.toString("latin1") === MAGIC;
  } finally {
    closeSync(file);
  }
}

/**
 * The tables of a known database that matter here. It is read from a private copy, together with what its program has not
 * merged yet (`-wal`, `-journal`), so that nothing is ever written beside it and a running program is not disturbed.
 * @throws Error in words when it is not known, or broken
 */
export function readTables(path: string): Tables {
  const folder = mkdtempSync(join(tmpdir(), "sluice-import-"));
  try {
    const copy = join(folder, "copy.db");
    copyWhole(path, copy);
    return tablesOf(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PARTS = ["", "-wal", "-journal"];

/** Copies until nothing changed meanwhile: a copy across a checkpoint would mix two states. */
function copyWhole(path: string, copy: string): void {
  for (let tries = 1; tries <= COPIES; tries++) {
    const before = stateOf(path);
    for (const part of PARTS) {
      rmSync(copy + part, { force: true });
      if (existsSync(path + part)) copyFileSync(path + part, copy + part);
    }
    if (stateOf(path) === before) return;
  }
  throw new Error("The database is being written all the time: stop its program and import it again.");
}

function stateOf(path: string): string {
  return PARTS.map((part) => {
    const stat = statSync(path + part, { throwIfNoEntry: false, bigint: true });
    return stat ? `${stat.size}:${stat.mtimeNs}` : "-";
  }).join(" ");
}

function tablesOf(copy: string): Tables {
  let names: Set<string>;
  const tables: Tables = {};
  const broken = "The database is broken: it cannot be read.";
  try {
    using database = new Database(copy, { readwrite: true, create: false });
    const rows = database.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    names = new Set(rows.map(({ name }) => name));
    const known = KNOWN.find(({ marks }) => marks.every((mark) => names.has(mark)));
    for (const name of known?.tables.filter((table) => names.has(table)) ?? []) {
      const found = database.query<Record<string, unknown>, []>(`SELECT * FROM "${name}"`).all();
      tables[name] = found.map((row) => cleaned(row, known?.without ?? []));
    }
  } catch (cause) {
    throw new Error(broken, { cause });
  }
  if (Object.keys(tables).length > 0) return tables;
  const isOurs = ["accounts", "api_keys", "conversations"].every((name) => names.has(name));
  throw new Error(
    isOurs
      ? "This is Sluice's own database: serve it with --data, or move its accounts with `sluice export`."
      : "This database belongs to none of the programs whose data can be taken over (OctoProxy, kiro-cli).",
  );
}

/** Rows as JSON can carry them. */
function cleaned(row: Record<string, unknown>, without: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(row).filter(([name]) => !without.includes(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Uint8Array ? new TextDecoder().decode(value) : value]),
  );
}
