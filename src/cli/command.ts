import type { Operator } from "../admin/routes.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import type { LocalOperator } from "./connect.ts";
import type { Serving } from "./remote.ts";

export const EXIT = { done: 0, failed: 1, usage: 2, dataFolder: 3 } as const;

/** The streams and surroundings of a command; a test passes its own. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array | string> & { setRawMode?(raw: boolean): unknown };
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Whether a person sits at standard input. */
  readonly isTty: boolean;
  readonly clock: Clock;
  /** Calls `run` once, instead of ending the process, when the user presses Ctrl-C; returns what undoes it. */
  onInterrupt(run: () => void): () => void;
}

export interface CliDeps {
  /** Serves until it is told to stop; resolves to the exit code. Throws like `openLocal`. */
  serve(config: Config): Promise<number>;
  /**
   * Opens the data folder for this process alone. Where there is no database yet it makes one, unless the caller only
   * looks in: then nothing is made, and an empty gateway answers. An error's `exitCode`, if it has one, becomes the program's.
   */
  openLocal(config: Config, onlyLooks: boolean): Promise<LocalOperator>;
  readonly version: string;
}

/** A command line that cannot be understood. The message never repeats an operand: it may be a secret. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Operate = <T>(work: (operator: Operator, serving: Serving | undefined) => Promise<T>) => Promise<T>;

/** What a command may use. */
export interface Call {
  readonly io: CliIo;
  readonly deps: CliDeps;
  /** As many as the command's `operands` name, without those in brackets that were left out. */
  readonly operands: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  /** Reads the settings at the first call. @throws ConfigError */
  readonly config: () => Config;
  /** Runs `work` on the serving gateway, or on the data folder when none serves. */
  readonly operate: Operate;
  /** The same for work that changes nothing: it makes no data folder where there is none. */
  readonly look: Operate;
  /** Writes the result: `value` with `--json`, else `lines`. */
  readonly answer: (value: unknown, lines: readonly string[]) => void;
}

export interface Command {
  /** What selects it: `account add`. */
  readonly name: string;
  /** Names of the words behind it: `["ID"]`. `PATH...` is one or more; `[METHOD]` may be left out. */
  readonly operands?: readonly string[];
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly details?: string;
  /** Flags of its own, by name. */
  readonly flags?: readonly string[];
  /** What `--json` prints, for the help; undefined where there is no `--json`. */
  readonly json?: string;
  /** Resolves to the exit code. */
  run(call: Call): Promise<number>;
}
