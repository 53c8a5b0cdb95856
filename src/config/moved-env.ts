import { readClientKey } from "./client-keys.ts";
import { cookieEntries } from "./cookies.ts";
import { parseEnvFile } from "./env-file.ts";
import { ALL_SETTINGS, type Setting, type SettingName } from "./settings.ts";

/** What a `.env` of this gateway or of a predecessor holds, sorted by what can be taken into the store. */
export interface MovedEnv {
  /** How many of its variables are known. */
  readonly known: number;
  readonly accounts: readonly { readonly provider: string; readonly variable: string; readonly text: string }[];
  readonly keys: readonly { readonly variable: string; readonly key: string }[];
  /** Settings that the console may change. */
  readonly settings: readonly { readonly variable: string; readonly name: SettingName; readonly value: string }[];
  /** Sentences about the rest. They name variables and never show a value. */
  readonly notes: readonly string[];
  /** All variables. */
  readonly names: readonly string[];
}

const KEY_VARIABLES = ["API_MASTER_KEY", "USER_SET_KEY", "API_KEYS"];
/** Variables of other programs that do nothing here. */
const IDLE = /^(?:MAX_CREDENTIALS|APP_NAME|APP_VERSION|DESCRIPTION|NODE_ENV|ELECTRON_\w+|DENO_\w+|CONFIG_PATH)$/;
/** Variables that the system or the network reads. */
const SYSTEM = /^(?:HTTPS?_PROXY|NO_PROXY|ALL_PROXY|TZ)$/i;
const KIRO_LOGIN = "KIRO_OAUTH_CREDS_BASE64";
const KIRO_FILE = "KIRO_OAUTH_CREDS_FILE_PATH";

/** Sorts the variables of a `.env` text. Never throws: what cannot be taken is a note. */
export function readMovedEnv(text: string): MovedEnv {
  const { values, warnings } = parseEnvFile(text);
  const names = [...values.keys()];
  const accounts: { provider: string; variable: string; text: string }[] = [];
  const keys: { variable: string; key: string }[] = [];
  const settings: { variable: string; name: SettingName; value: string }[] = [];
  const atStart: string[] = [];
  const idle: string[] = [];
  const unknown: string[] = [];
  const notes: string[] = [...warnings];
  const addAccounts = (provider: string, variable: string, entries: readonly string[]) =>
    accounts.push(...entries.map((entry) => ({ provider, variable, text: entry })));
  for (const [variable, value] of values) {
    const [name, setting] = settingOf(variable) ?? [undefined, undefined];
    if (name === "AUTH_COOKIES") {
      const cookies = cookieEntries(value);
      addAccounts("longcat", variable, cookies.entries);
      notes.push(...cookies.warnings);
    } else if (name === "CLERK_COOKIE") {
      addAccounts(
        "cto",
        variable,
        value.split(/\r?\n|\|\|/).filter((entry) => entry.trim() !== ""),
      );
    } else if (variable === KIRO_LOGIN) {
      if (value.trim() !== "") addAccounts("kiro", variable, [value]);
    } else if (variable === KIRO_FILE) notes.push(`${variable} names a file with a Kiro login: import ${value}`);
    else if (name !== undefined && KEY_VARIABLES.includes(name)) {
      const several = name === "API_KEYS" ? value.split(",").filter((key) => key.trim() !== "") : [value];
      for (const { key, warning } of several.map((one) => readClientKey(variable, one))) {
        if (key !== undefined) keys.push({ variable, key });
        if (warning !== undefined) notes.push(warning);
      }
    } else if (IDLE.test(variable)) idle.push(variable);
    else if (setting?.live) {
      if (value.trim() !== "") settings.push({ variable, name, value: value.trim() });
    } else if (name !== undefined) atStart.push(name === variable ? name : `${variable} (here ${name})`);
    else if (SYSTEM.test(variable)) atStart.push(variable);
    else unknown.push(variable);
  }
  if (atStart.length > 0) notes.push(`keep it in the environment, it is read at the start: ${atStart.join(", ")}`);
  if (idle.length > 0) notes.push(`without effect here: ${idle.join(", ")}`);
  if (unknown.length > 0) notes.push(`not known here, without effect: ${unknown.join(", ")}`);
  return { known: names.length - unknown.length, accounts, keys, settings, notes, names };
}

/** The setting that a variable means by its name or by one of a predecessor. */
function settingOf(variable: string): [SettingName, Setting<unknown>] | undefined {
  return ALL_SETTINGS.find(([name, { aliases = [] }]) => name === variable || aliases.includes(variable));
}
