import { Column, getTableColumns, is, Param, Placeholder, sql, type Query } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { SQLQueryBindings } from "bun:sqlite";
import type { Drizzle } from "./connection.ts";

/** Rows that one statement inserts where there are so many: they share what a run costs by itself. */
const ROWS_AT_ONCE = 24;

/**
 * A write that runs often, built by Drizzle and run without it: the text and the order of its placeholders are read once,
 * at the first run, then each run binds values by position. Values go in as Drizzle would send them, undefined as NULL.
 */
export function compile(db: Drizzle, query: { toSQL(): Query }): (values: object) => void {
  let run: Run | undefined;
  return (values) => (run ??= compiled(db, query.toSQL(), 1))([values], 0);
}

/** The same for an insert of many rows, in their order, with a value for each column. */
export function compileInsert(db: Drizzle, table: SQLiteTable): (rows: readonly object[]) => void {
  const runOf = (rows: number) => compiled(db, db.insert(table).values(placeholders(table)).toSQL(), rows);
  let one: Run | undefined;
  let many: Run | undefined;
  return (rows) => {
    let from = 0;
    for (; from + ROWS_AT_ONCE <= rows.length; from += ROWS_AT_ONCE) (many ??= runOf(ROWS_AT_ONCE))(rows, from);
    for (; from < rows.length; from++) (one ??= runOf(1))(rows, from);
  };
}

/** Runs a write with the values that stand at `from`, and of an insert of several rows with those behind it. */
type Run = (values: readonly object[], from: number) => void;

function compiled(db: Drizzle, { sql: text, params }: Query, rows: number): Run {
  // An insert ends with the placeholders of its row.
  const more = `, ${text.slice(text.lastIndexOf("("))}`.repeat(rows - 1);
  const statement = db.$client.prepare(text + more);
  const slots = params.flatMap((param, at) => slotOf(param, at));
  const bindings = Array.from({ length: rows }, () => params as SQLQueryBindings[]).flat();
  return (values, from) => {
    for (let row = 0; row < rows; row++) {
      const of = values[from + row] as Record<string, SQLQueryBindings | undefined>;
      for (const { at, name, encode } of slots) {
        const value = of[name] ?? null;
        bindings[row * params.length + at] = encode && value !== null ? encode(value) : value;
      }
    }
    statement.run(bindings);
  };
}

/** A placeholder for each column, under the column's name in the schema. */
export function placeholders<Table extends SQLiteTable>(table: Table): Table["$inferInsert"] {
  return Object.fromEntries(Object.keys(getTableColumns(table)).map((name) => [name, sql.placeholder(name)]));
}

interface Slot {
  readonly at: number;
  readonly name: string;
  /** Undefined where the column takes values as they are. */
  readonly encode: ((value: unknown) => SQLQueryBindings) | undefined;
}

function slotOf(param: unknown, at: number): Slot[] {
  if (is(param, Placeholder)) return [{ at, name: param.name, encode: undefined }];
  if (!is(param, Param) || !is(param.value, Placeholder)) return [];
  const { encoder } = param;
  const isPlain = encoder.mapToDriverValue === Column.prototype.mapToDriverValue;
  const encode = isPlain ? undefined : (value: unknown) => encoder.mapToDriverValue(value) as SQLQueryBindings;
  return [{ at, name: param.value.name, encode }];
}
