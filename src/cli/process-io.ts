import { systemClock } from "../lib/clock.ts";
import type { CliIo } from "./command.ts";

/** The streams and surroundings of this process. The caller sets `process.exitCode`: an exit at once would cut output off. */
export function processIo(): CliIo {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    isTty: stdin.isTTY,
    clock: systemClock,
    onInterrupt(run) {
      process.once("SIGINT", run);
      return () => void process.off("SIGINT", run);
    },
  };
}
