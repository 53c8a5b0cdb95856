import { Database } from "bun:sqlite";
import { GatewayError } from "../../chat/error.ts";
import type { KiroCredential } from "./credential.ts";
import { credentialsOfRows, type KiroCliRow } from "./import.ts";

/**
 * The logins in kiro-cli's `data.sqlite3`, which is only read.
 * @throws GatewayError invalid-request when the file is no such database or holds no login
 */
export function readKiroCliDatabase(path: string): KiroCredential[] {
  return credentialsOfRows(rowsOf(path));
}

function rowsOf(path: string): KiroCliRow[] {
  try {
    using database = new Database(path, { readonly: true });
    return database.query<KiroCliRow, []>("SELECT key, value FROM auth_kv WHERE key LIKE 'kirocli:%'").all();
  } catch (error) {
    throw new GatewayError("invalid-request", "This file is no database of kiro-cli (data.sqlite3).", { cause: error });
  }
}
