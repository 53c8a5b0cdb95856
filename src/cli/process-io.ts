import { systemClock } from "../lib/clock.ts";
import { type CliIo, EXIT } from "./command.ts";

/** The streams and surroundings of this process. The caller sets `process.exitCode`: an exit at once would cut output off. */
export function processIo(): CliIo {
  const heard = new Set<NodeJS.WriteStream>();
  const heeding = (stream: NodeJS.WriteStream, fails: (code: string) => void) => {
    if (!heard.has(stream)) stream.on("error", (error: NodeJS.ErrnoException) => fails(error.code ?? error.message));
    heard.add(stream);
    return stream;
  };
  return {
    // Each stream is made by the first look at it, and serving looks at few.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return heeding(process.stdout, (code) => {
        if (code === "EPIPE") return; // the reader has seen enough: `| head -1`
        process.stderr.write(`sluice: the output could not be written (${code})\n`);
        process.exit(EXIT.failed);
      });
    },
    get stderr() {
      return heeding(process.stderr, () => undefined); // there is nowhere left to say it
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
