import type { Command } from "./command.ts";
import { COMMON_FLAGS, FLAGS } from "./flags.ts";
import { table } from "./table.ts";

const EXITS = "Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 trouble with the data folder";

/** The whole help, or that of the commands whose name begins with `words`: one command with all it takes. */
export function helpText(commands: readonly Command[], words: readonly string[]): string {
  const prefix = words.join(" ");
  const chosen = commands.filter(({ name }) => name === prefix || name.startsWith(`${prefix} `));
  const meant = chosen.length === 1 ? chosen[0] : chosen.find(({ name }) => name === prefix);
  if (meant)
    return commandHelp(
      meant,
      chosen.filter((command) => command !== meant),
    );
  const shown = chosen.length > 0 ? chosen : commands;
  return lines(
    "Usage: sluice [command] [flags]",
    "",
    ...table(shown.map((command) => [`  ${usageOf(command)}`, command.summary])),
    "",
    "Flags of every command:",
    ...flagLines(COMMON_FLAGS),
    "",
    "Credentials and passwords are read from standard input, never from the command line.",
    EXITS,
    "More: sluice help COMMAND",
  );
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
