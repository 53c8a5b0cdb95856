import { systemClock } from "../lib/clock.ts";
import type { CliIo } from "./command.ts";

/** The streams and surroundings of this process. The caller sets `process.exitCode`: an exit at once would cut output off. */
export function processIo(): CliIo {
  return {
    // Each stream is made by the first look at it, and serving looks at few.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    env: process.env,
    cwd: process.cwd(),
    get isTty() {
      return process.stdin.isTTY;
    },
    clock: systemClock,
    onInterrupt(run) {
      process.once("SIGINT", run);
      return () => void process.off("SIGINT", run);
    },
  };
}
