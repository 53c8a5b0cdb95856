import { basename, dirname } from "node:path";

/** Where the data lie: the folder, and in it the database when it has a name of its own. `database` is absolute. */
export function dataText(database: string): string {
  const name = basename(database);
  return name === "sluice.db" ? dirname(database) : `${dirname(database)} (${name})`;
}
