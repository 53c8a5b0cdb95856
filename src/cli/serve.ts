import type { Command } from "./command.ts";

export const SERVE_COMMAND: Command = {
  name: "serve",
  summary: "serve until it is stopped; the default without a command",
  flags: ["open"],
  async run({ config, deps, io }) {
    const settings = config();
    for (const warning of settings.warnings) io.stderr.write(`warning: ${warning}\n`);
    return deps.serve(settings);
  },
};
