import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { GatewayError } from "../chat/error.ts";
import { type Config, ConfigError, loadConfig } from "../config.ts";
import { redact } from "../lib/redact.ts";
import { ACCOUNT_COMMANDS } from "./account.ts";
import { ACCOUNT_SETTING_COMMANDS } from "./account-settings.ts";
import { type Call, type CliDeps, type CliIo, type Command, EXIT, UsageError } from "./command.ts";
import { type LocalOperator, operate } from "./connect.ts";
import { COMMON_FLAGS, FLAGS } from "./flags.ts";
import { EXPORT_COMMAND } from "./export.ts";
import { HEALTH_COMMAND } from "./health.ts";
import { commandOf, helpText, usageOf } from "./help.ts";
import { IMPORT_COMMAND } from "./import.ts";
import { KEY_COMMANDS } from "./key.ts";
import { LOGIN_COMMANDS } from "./login.ts";
import { PASSWORD_COMMAND } from "./password.ts";
import { SERVE_COMMAND } from "./serve.ts";
import { SETTING_COMMANDS } from "./setting.ts";
import { STATUS_COMMAND } from "./status.ts";
import { VERSION_COMMAND } from "./version.ts";

export type { CliDeps, CliIo } from "./command.ts";

const COMMANDS: readonly Command[] = [
  SERVE_COMMAND,
  STATUS_COMMAND,
  HEALTH_COMMAND,
  ...ACCOUNT_COMMANDS,
  ...ACCOUNT_SETTING_COMMANDS,
  ...LOGIN_COMMANDS,
  ...KEY_COMMANDS,
  ...SETTING_COMMANDS,
  IMPORT_COMMAND,
  EXPORT_COMMAND,
  PASSWORD_COMMAND,
  VERSION_COMMAND,
];

type Flags = Call["flags"];

/** Runs one command line, without the program's own name. Resolves to the exit code and never rejects. */
export async function runCli(argv: readonly string[], io: CliIo, deps: CliDeps): Promise<number> {
  let asJson = argv.includes("--json");
  try {
    const { flags, words: given } = readLine(argv);
    const words = flags["version"] === true ? [VERSION_COMMAND.name] : given;
    asJson = flags["json"] === true;
    if (flags["help"] === true || words[0] === "help") {
      const help = helpText(COMMANDS, words[0] === "help" ? words.slice(1) : words);
      if (help === undefined) throw noSuchCommand();
      io.stdout.write(help);
      return EXIT.done;
    }
    const command = find(words);
    const operands = words.slice(command.name.split(" ").length);
    return await command.run(callOf(command, operands, flags, io, deps));
  } catch (error) {
    const { message, kind, code } = describe(error);
    io.stderr.write(asJson ? `${JSON.stringify({ error: { kind, message } })}\n` : `sluice: ${message}\n`);
    return code;
  }
}

function readLine(argv: readonly string[]): { flags: Flags; words: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: { ...FLAGS }, allowPositionals: true });
    return { flags: values, words: positionals };
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : "").split(/\. |\.?\n/);
    throw new UsageError(`${reason}\nMore: sluice --help`, { cause: error });
  }
}

function find(words: readonly string[]): Command {
  if (words.length === 0) return SERVE_COMMAND;
  const command = commandOf(COMMANDS, words);
  if (command) return command;
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${words[0]} `)).map(({ name }) => name);
  throw group.length > 0 ? new UsageError(`say which: ${group.join(", ")}`) : noSuchCommand();
}

function noSuchCommand(): UsageError {
  return new UsageError("there is no such command\nMore: sluice --help");
}

function callOf(command: Command, operands: readonly string[], flags: Flags, io: CliIo, deps: CliDeps): Call {
  const { operands: wanted = [], json, flags: own = [] } = command;
  const allowed = new Set([...COMMON_FLAGS, ...own, ...(json === undefined ? [] : ["json"]), "version"]);
  const stray = Object.keys(flags).find((flag) => !allowed.has(flag));
  if (stray !== undefined)
    throw new UsageError(`${command.name} takes no --${stray}\nMore: sluice help ${command.name}`);
  const needed = wanted.filter((name) => !name.startsWith("[")).length;
  const isTooMany = operands.length > wanted.length && wanted.at(-1)?.endsWith("...") !== true;
  if (operands.length < needed || isTooMany) {
    const what = isTooMany ? "there is a word too much" : `${wanted[operands.length]} is missing`;
    const hint = operands.length > wanted.length ? "; credentials and passwords are read from standard input" : "";
    throw new UsageError(`${what}${hint}\nUsage: sluice ${usageOf(command)}`);
  }
  let config: Config | undefined;
  const settings = () =>
    (config ??= loadConfig({ flags: single(flags), env: io.env, cwd: io.cwd, readFile: readIfThere }));
  return {
    io,
    deps,
    operands,
    flags,
    config: settings,
    operate: (work) => operate(settings(), openerOf(deps, false), work),
    look: (work) => operate(settings(), openerOf(deps, true), work),
    answer(value, lines) {
      if (flags["json"] === true) io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
      else if (lines.length > 0) io.stdout.write(`${lines.join("\n")}\n`);
    },
  };
}

/** The flags that are given once: no setting is given several times. */
function single(flags: Flags): Record<string, string | boolean | undefined> {
  return Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) => (typeof value === "object" ? [] : [[name, value]])),
  );
}

/** The data folder cannot be opened: the one failure with an exit code of its own. */
class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

function openerOf(deps: CliDeps, onlyLooks: boolean): (config: Config) => Promise<LocalOperator> {
  return async (config) => {
    try {
      return await deps.openLocal(config, onlyLooks);
    } catch (error) {
      if (exitCodeIn(error) !== undefined || !(error instanceof Error)) throw error;
      throw new DataFolderError(error.message, { cause: error });
    }
  };
}

function describe(error: unknown): { message: string; kind: string; code: number } {
  const message = redact(error instanceof Error ? error.message : String(error));
  const chosen = exitCodeIn(error);
  if (error instanceof UsageError) return { message, kind: "usage", code: EXIT.usage };
  if (error instanceof ConfigError) return { message, kind: "settings", code: EXIT.usage };
  if (error instanceof DataFolderError) return { message, kind: "data-folder", code: EXIT.dataFolder };
  if (error instanceof GatewayError) return { message, kind: error.kind, code: chosen ?? EXIT.failed };
  return { message, kind: "internal", code: chosen ?? EXIT.failed };
}

/** The exit code that an error asks for. */
function exitCodeIn(error: unknown): number | undefined {
  return error instanceof Error && "exitCode" in error && typeof error.exitCode === "number"
    ? error.exitCode
    : undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
}
