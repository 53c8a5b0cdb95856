import type { Command } from "./command.ts";

export const SERVE_COMMAND: Command = {
  name: "serve",
  summary: "serve until it is stopped; the default without a command",
  flags: ["open"],
  run: ({ config, deps }) => deps.serve(config()),
};
