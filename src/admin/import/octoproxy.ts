import { isObject, parseJson } from "../../lib/json.ts";
import { type Meaning, readConfigKeys } from "./config-keys.ts";
import { type Fields, isOn, textAt } from "./documents.ts";
import { readLogins } from "./logins.ts";
import { type ImportFile, type ImportItem, type Reading, type Refusal, type Tables, together } from "./reading.ts";

const STRATEGY: Meaning = { setting: "ROTATION_STRATEGY", provider: "kiro", value: (given) => given };
const ATTEMPTS: Meaning = {
  setting: "MAX_ATTEMPTS",
  value: (given) => (/^\d+$/.test(given) ? String(Math.min(Number(given), 10)) : given),
};

/** Every key of `configs/config.json` and of its settings page. */
const KEYS: Readonly<Record<string, Meaning>> = {
  port: { environment: "PORT" },
  host: { environment: "HOST" },
  dbPath: { without: "import the database itself; this gateway keeps its own in DATA_DIR" },
  adminPassword: { without: "OctoProxy did not read it either; set a console password with `sluice password`" },
  sessionExpireHours: { without: "sessions of the console end by its own rule" },
  maxErrorCount: { setting: "ROTATION_MAX_FAILURES" },
  errorResetMinutes: { without: "an account that failed rests for as long as its failure asks" },
  healthCheckEnabled: { without: "accounts that rest are always probed" },
  healthCheckIntervalMinutes: { setting: "HEALTH_CHECK_MINUTES" },
  healthCheckModel: { without: "a probe asks for the account's limits and uses no model" },
  requestMaxRetries: ATTEMPTS,
  retries: ATTEMPTS,
  requestBaseDelay: { without: "the next account is tried at once" },
  cronRefreshTokenMinutes: { without: "each login is renewed before it lapses" },
  providerStrategy: STRATEGY,
  selectionStrategy: STRATEGY,
  usageSyncIntervalMinutes: { setting: "USAGE_SYNC_MINUTES" },
  debug: { without: "set LOG_LEVEL to debug instead" },
  systemPrompt: { without: "this gateway adds no text to what a client sends" },
};

const MARKS = [
  "maxErrorCount",
  "requestMaxRetries",
  "providerStrategy",
  "selectionStrategy",
  "cronRefreshTokenMinutes",
  "usageSyncIntervalMinutes",
];

/** OctoProxy's `configs/config.json`; undefined for any other document. */
export function readOctoProxyConfig(path: string, document: unknown): Reading | undefined {
  if (!isObject(document)) return undefined;
  const config = isObject(document["config"]) ? document["config"] : document;
  const names = Object.keys(config);
  const isPlain = names.length > 2 && names.every((key) => Object.hasOwn(KEYS, key));
  if (!isPlain && !MARKS.some((key) => key in config)) return undefined;
  // The settings page wrote `selectionStrategy`, and the pool read `providerStrategy`: what was read counts.
  const { selectionStrategy, ...rest } = config;
  const isShadowed = "providerStrategy" in rest || selectionStrategy === undefined;
  return readConfigKeys(path, isShadowed ? rest : config, KEYS, "OctoProxy");
}

/** OctoProxy's database: accounts, client keys by their hashes, settings where it holds any, and who its users are. */
export function readOctoProxyTables(file: ImportFile, tables: Tables, others: readonly ImportFile[]): Reading {
  const { path } = file;
  const accounts = (tables["providers"] ?? []).map((row, index): Reading => {
    const from = `${path}, account ${textAt(row, "name") ?? index + 1}`;
    const reading = readLogins({ ...file, path: from }, [row], []);
    return reading ?? refusal(from, credentialsProblem(row));
  });
  const settings = [...(tables["settings"] ?? []), ...(tables["config"] ?? [])].flatMap((row) => {
    const key = textAt(row, "key", "name");
    return key === undefined ? [] : [[key, row["value"]] as const];
  });
  const keys = (tables["api_keys"] ?? []).map((row, index) => readKey(path, row, index, tables));
  const users = (tables["users"] ?? []).flatMap((row) => textAt(row, "username") ?? []);
  const hasConfig = settings.length > 0 || others.some(({ text = "" }) => text.includes('"providerStrategy"'));
  const notes = [
    ...(users.length > 0
      ? [
          `${path}: its users (${users.join(", ")}) are not taken over; they come with the users of the console. Their keys work.`,
        ]
      : []),
    ...(!hasConfig ? [`${path}: strategy and settings stand in OctoProxy's configs/config.json; import it too.`] : []),
  ];
  return together([
    ...accounts,
    ...keys,
    ...(settings.length === 0 ? [] : [readConfigKeys(path, Object.fromEntries(settings), KEYS, "OctoProxy")]),
    { items: [], refused: [], notes, predecessors: ["OctoProxy"] },
  ]);
}

function credentialsProblem(row: Fields): string {
  const text = textAt(row, "credentials");
  if (text === undefined) return "Its credentials are empty.";
  return parseJson(text).ok ? "Its credentials hold no refreshToken." : "Its credentials are broken: they are no JSON.";
}

function readKey(path: string, row: Fields, index: number, tables: Tables): Reading {
  const user = (tables["users"] ?? []).find((one) => one["id"] !== undefined && one["id"] === row["user_id"]);
  const name = textAt(row, "name") ?? textAt(user ?? {}, "username") ?? `OctoProxy key ${index + 1}`;
  const from = `${path}, key ${name}`;
  const hash = textAt(row, "key_hash")?.toLowerCase() ?? "";
  const items: ImportItem[] = [];
  const refused: Refusal[] = [];
  const notes: string[] = [];
  if (!/^[0-9a-f]{64}$/.test(hash))
    refused.push({ from, reason: "Its hash is no SHA-256: make a new key for its user." });
  else if (!isOn(row["is_active"] ?? 1)) refused.push({ from, reason: "It was switched off in OctoProxy." });
  else {
    const prefix = (textAt(row, "key_prefix") ?? "kp_").replace(/\.*$/, "").slice(0, 12);
    items.push({ kind: "key", from, name: name.slice(0, 80), hash, prefix: `${prefix}…` });
    const limit = Number(row["daily_limit"] ?? -1);
    if (limit > 0) notes.push(`${from}: its limit of ${limit} requests a day is without effect here.`);
  }
  return { items, refused, notes, predecessors: ["OctoProxy"] };
}

function refusal(from: string, reason: string): Reading {
  return { items: [], refused: [{ from, reason }], notes: [], predecessors: ["OctoProxy"] };
}
