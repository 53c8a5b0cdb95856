import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { moveDurably } from "../files.ts";
import type { Connection } from "./connection.ts";

/** A consistent copy as one 0600 file that is whole, on the disk, or not there at all. Replaces a file of that name. */
export function copyTo(connection: Connection, path: string): void {
  const part = `${path}.part`;
  const file = openSync(part, "w", 0o600); // SQLite takes an empty file, and by itself would make it readable for all
  try {
    connection.run("VACUUM INTO ?", [part]);
    fsyncSync(file);
    moveDurably(part, path);
  } finally {
    closeSync(file);
    rmSync(part, { force: true });
  }
}
