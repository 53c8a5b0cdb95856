import type { Command } from "./command.ts";
import { COMMON_FLAGS, FLAGS } from "./flags.ts";
import { table } from "./table.ts";

const EXITS = "Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 trouble with the data folder";

/**
 * The whole help, that of the one command which `words` begin with, or that of the commands whose names begin with
 * `words`; undefined when there is none.
 */
export function helpText(commands: readonly Command[], words: readonly string[]): string | undefined {
  const group = commands.filter(({ name }) => words.length === 0 || name.startsWith(`${words.join(" ")} `));
  const meant = commandOf(commands, words);
  if (meant) return commandHelp(meant, group);
  if (group.length === 0) return undefined;
  return lines(
    "Usage: sluice [command] [flags]",
    "",
    ...table(group.map((command) => [`  ${usageOf(command)}`, command.summary])),
    "",
    "Flags of every command:",
    ...flagLines(COMMON_FLAGS),
    "",
    "Credentials and passwords are read from standard input, never from the command line.",
    EXITS,
    "More: sluice help COMMAND",
  );
}

/** The command that a line begins with. The longest name is meant: `login list` is not the provider `list`. */
export function commandOf(commands: readonly Command[], words: readonly string[]): Command | undefined {
  return commands
    .filter(({ name }) => name === words.slice(0, name.split(" ").length).join(" "))
    .toSorted((one, other) => other.name.length - one.name.length)[0];
}

/** `account add PROVIDER` */
export function usageOf({ name, operands = [] }: Command): string {
  return [name, ...operands].join(" ");
}

/** `others` begin with the same words. */
function commandHelp(command: Command, others: readonly Command[]): string {
  const { summary, details, json, flags = [] } = command;
  return lines(
    `Usage: sluice ${usageOf(command)} [flags]`,
    "",
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    ...(details === undefined ? [] : ["", details]),
    "",
    "Flags:",
    ...flagLines([...flags, ...(json === undefined ? [] : ["json"]), ...COMMON_FLAGS]),
    ...(json === undefined ? [] : ["", `--json prints ${json}`]),
    ...(others.length === 0
      ? []
      : ["", "Also:", ...table(others.map((other) => [`  ${usageOf(other)}`, other.summary]))]),
    "",
    EXITS,
  );
}

function flagLines(names: readonly string[]): string[] {
  return table(
    names.flatMap((name) => {
      const flag = FLAGS[name];
      if (!flag) return [];
      const short = flag.short === undefined ? "" : `-${flag.short}, `;
      const value = flag.value === undefined ? "" : ` ${flag.value}`;
      return [[`  ${short}--${name}${value}`, flag.help]];
    }),
  );
}

function lines(...all: string[]): string {
  return `${all.join("\n")}\n`;
}
