import { Column, getTableColumns, is, Param, Placeholder, sql, type Query } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { SQLQueryBindings } from "bun:sqlite";
import type { Drizzle } from "./connection.ts";

type Run = (values: object) => void;

/**
 * A write that runs often, built by Drizzle and run without it: the text and the order of its placeholders are read once,
 * at the first run, then each run binds values by position. Values go in as Drizzle would send them, undefined as NULL.
 */
export function compile(db: Drizzle, query: { toSQL(): Query }): Run {
  let run: Run | undefined;
  return (values) => (run ??= compiled(db, query))(values);
}

function compiled(db: Drizzle, query: { toSQL(): Query }): Run {
  const { sql: text, params } = query.toSQL();
  const statement = db.$client.prepare(text);
  const bindings = params as SQLQueryBindings[];
  const slots = params.flatMap((param, at) => slotOf(param, at));
  return (values) => {
    for (const { at, name, encode } of slots) {
      const value = (values as Record<string, SQLQueryBindings | undefined>)[name] ?? null;
      bindings[at] = encode && value !== null ? encode(value) : value;
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
