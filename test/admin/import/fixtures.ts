import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";

/** Invented secrets in the shapes of real ones. `name` tells them apart. */
export const refreshToken = (name: string) => `aorInvented${name}`.padEnd(140, "Q7");
export const longcatToken = (name: string) => `Inv3nted${name}`.padEnd(88, "z9");
export const clerkCookie = (name: string) =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ id: `client_${name}`, rotating_token: "r" })).toString("base64url")}.sig`;

export const DEVICE = { clientId: "invented-client", clientSecret: "invented-secret" };

/** A social login as OctoProxy and the IDE write it. */
export function social(name: string): Record<string, unknown> {
  return {
    accessToken: `access-${name}`,
    refreshToken: refreshToken(name),
    authMethod: "social",
    expiresAt: "2030-01-01T00:00:00.000Z",
    profileArn: "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEF",
    region: "us-east-1",
  };
}

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export interface OctoRow {
  readonly name: string;
  readonly credentials: string;
  readonly disabled?: number;
  readonly models?: string;
}

/** A database with OctoProxy's tables, left open in WAL mode with its rows not yet merged when `live`. */
export function octoDatabase(
  path: string,
  rows: readonly OctoRow[],
  keys: readonly { key: string; name: string; active?: number; limit?: number }[],
): Database {
  const database = new Database(path, { create: true, readwrite: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA wal_autocheckpoint = 0");
  database.run(`CREATE TABLE providers (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT UNIQUE NOT NULL, name TEXT,
    region TEXT DEFAULT 'us-east-1', credentials TEXT NOT NULL, is_healthy INTEGER DEFAULT 1, is_disabled INTEGER DEFAULT 0,
    check_health INTEGER DEFAULT 0, check_model_name TEXT, account_email TEXT, allowed_models TEXT,
    account_type TEXT DEFAULT 'UNKNOWN', provider_type TEXT DEFAULT 'kiro', created_at TEXT DEFAULT (datetime('now')))`);
  database.run(`CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, password_hash TEXT, role TEXT)`);
  database.run(`CREATE TABLE api_keys (id INTEGER PRIMARY KEY, key_hash TEXT UNIQUE NOT NULL, key_prefix TEXT NOT NULL,
    name TEXT, user_id INTEGER, daily_limit INTEGER DEFAULT -1, is_active INTEGER DEFAULT 1)`);
  database.run("INSERT INTO users VALUES (1, 'admin', ?, 'admin')", [sha256("invented")]);
  for (const [index, { name, credentials, disabled = 0, models = null }] of rows.entries()) {
    database.run(
      "INSERT INTO providers (uuid, name, credentials, is_disabled, allowed_models) VALUES (?, ?, ?, ?, ?)",
      [`uuid-${index}`, name, credentials, disabled, models],
    );
  }
  for (const { key, name, active = 1, limit = -1 } of keys) {
    database.run(
      "INSERT INTO api_keys (key_hash, key_prefix, name, user_id, is_active, daily_limit) VALUES (?, ?, ?, 1, ?, ?)",
      [sha256(key), `${key.slice(0, 12)}...`, name, active, limit],
    );
  }
  return database;
}
