import { redact } from "../lib/redact.ts";
import { ConfigError, type Given, type GivenSettings } from "./load.ts";
import { ALL_SETTINGS, isSettingName, type Setting, SETTINGS, type SettingName, type Values } from "./settings.ts";

/** The longest part of a wrong value that an error repeats. */
const SHOWN_CHARS = 80;

/**
 * Turns texts into values. A wrong value saved by the console (by a newer version, say) must not keep the gateway, and
 * with it the console, from starting: it gives way to the default with a warning. Any other wrong value is an error.
 * @throws ConfigError that lists every wrong value
 */
export function valuesOf(given: GivenSettings): { values: Values; warnings: readonly string[] } {
  const values: Partial<Record<SettingName, unknown>> = {};
  const wrong: string[] = [];
  const warnings: string[] = [];
  for (const [name, setting] of ALL_SETTINGS) {
    const from = given[name];
    const value = from && parse(setting, from.text);
    if (from && value === undefined)
      (from.origin === "console" ? warnings : wrong).push(complaint(name, setting, from));
    values[name] = value ?? (setting.standard === undefined ? undefined : parse(setting, setting.standard));
  }
  if (wrong.length > 0) throw new ConfigError(wrong.join("\n"));
  return { values: values as Values, warnings };
}

/** The texts of `given` with what the console saved below them; only settings that the console may change count. */
export function withConsole(given: GivenSettings, saved: Readonly<Record<string, unknown>>): GivenSettings {
  const merged: Partial<Record<SettingName, Given>> = {};
  for (const [name, from] of Object.entries(given) as [SettingName, Given][]) {
    if (from.origin !== "console") merged[name] = from;
  }
  for (const [name, text] of Object.entries(saved)) {
    if (!isSettingName(name) || typeof text !== "string") continue;
    const setting: Setting<unknown> = SETTINGS[name];
    if (setting.live && text !== "") merged[name] ??= { text, origin: "console", key: name };
  }
  return merged;
}

/** Why the console may not set `name` to `text`, in words; undefined when it may. */
export function validateSetting(name: string, text: string): string | undefined {
  if (!isSettingName(name)) return `there is no setting ${name}`;
  const setting: Setting<unknown> = SETTINGS[name];
  if (!setting.live) return `${name} is read only at the start: set it in the environment or the .env file`;
  return parse(setting, text) === undefined ? `${name}: allowed is ${allowedOf(setting)}` : undefined;
}

/** What may be typed for a setting, with its unit: `a whole number from 1 to 10 (ms)`. */
function allowedOf(setting: Setting<unknown>): string {
  return setting.unit === undefined ? setting.kind.allowed : `${setting.kind.allowed} (${setting.unit})`;
}

function parse(setting: Setting<unknown>, text: string): unknown {
  const trimmed = text.trim();
  return trimmed === "" ? undefined : setting.kind.parse(trimmed);
}

const ORIGINS = { flag: "flag", environment: "environment", file: "environment file", console: "console" } as const;

function complaint(name: SettingName, setting: Setting<unknown>, from: Given): string {
  const shown = setting.secret ? "" : ` ${JSON.stringify(redact(from.text.slice(0, SHOWN_CHARS)))}`;
  const called = from.key === name ? name : `${from.key} (${name})`;
  const fallback = setting.standard === undefined ? "" : `; default: ${setting.standard}`;
  return `${called}:${shown} from the ${ORIGINS[from.origin]} is not valid; allowed: ${allowedOf(setting)}${fallback}`;
}
