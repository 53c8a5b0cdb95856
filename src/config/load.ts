import { resolve } from "node:path";
import { type EnvFile, parseEnvFile } from "./env-file.ts";
import { ALL_SETTINGS, isSettingName, type SettingName } from "./settings.ts";

/** Where a value was given. What nobody gave has its default. */
export type Origin = "flag" | "environment" | "file" | "console";

/** A setting as somebody wrote it. `key` is the name used, which may be an alias or a flag. */
export interface Given {
  readonly text: string;
  readonly origin: Origin;
  readonly key: string;
}

export type GivenSettings = Readonly<Partial<Record<SettingName, Given>>>;

/** All that settings are read from. */
export interface Inputs {
  /** Flags by name without dashes, such as `port`; `env-file` names the environment file. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths count from here. */
  readonly cwd: string;
  /** The text of a file, or undefined when there is none. Throws for a file that cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

/** Settings that cannot be used. The message has a line for each: key, value unless it is secret, what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** What was given, before anything is judged. */
export interface Gathered {
  readonly given: GivenSettings;
  /** Names that were given with nothing behind the `=`; they count as unset. */
  readonly blank: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Collects the texts of all settings: flags, then the environment, then the environment file. A setting's own name
 * counts before its aliases wherever it stands.
 * @throws ConfigError for an environment file that cannot be read
 */
export function gather(inputs: Inputs): Gathered {
  const file = readEnvFile(inputs);
  const layers: readonly (readonly [Origin, (key: string) => string | undefined])[] = [
    ["environment", (key) => inputs.env[key]],
    ["file", (key) => file.values.get(key)],
  ];
  const given: Partial<Record<SettingName, Given>> = {};
  const blank = new Set<string>();
  for (const [name, setting] of ALL_SETTINGS) {
    const flag = setting.flag === undefined ? undefined : inputs.flags[setting.flag];
    if (typeof flag === "string") given[name] = { text: flag.trim(), origin: "flag", key: `--${setting.flag}` };
    for (const key of [name, ...(setting.aliases ?? [])]) {
      for (const [origin, read] of layers) {
        const text = unquoted(read(key));
        if (text === "") blank.add(key);
        else if (text !== undefined) given[name] ??= { text, origin, key };
      }
    }
  }
  const unknown = [...new Set([...Object.keys(inputs.env), ...file.values.keys()])].filter(
    (key) => key.startsWith("SLUICE_") && !isSettingName(key),
  );
  return { given, blank: [...blank], warnings: [...file.warnings, ...unknown.map(unknownVariable)] };
}

function unknownVariable(key: string): string {
  const plain = key.slice("SLUICE_".length);
  return `${key} is not a setting and was ignored${isSettingName(plain) ? `; the name is ${plain}` : ""}`;
}

/** `docker --env-file` hands quotes on as part of the value; nobody means them. */
function unquoted(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed?.replace(/^(["'])([^"']*)\1$/, "$2").trim();
}

function readEnvFile({ flags, cwd, readFile }: Inputs): EnvFile {
  const asked = flags["env-file"];
  const path = resolve(cwd, typeof asked === "string" ? asked : ".env");
  let text: string | undefined;
  try {
    text = readFile(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new ConfigError(`the environment file ${path} cannot be read${code}`, { cause: error });
  }
  if (text === undefined && typeof asked === "string") throw new ConfigError(`there is no environment file ${path}`);
  // What Windows calls Unicode. Read as if it were UTF-8 no line of it would count.
  if (text?.includes("\0"))
    throw new ConfigError(`the environment file ${path} is not UTF-8: save it in that encoding`);
  return parseEnvFile(text ?? "");
}
