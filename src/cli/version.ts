import { type Command, EXIT } from "./command.ts";

export const VERSION_COMMAND: Command = {
  name: "version",
  summary: "show the version",
  json: "{ version, bun, platform, arch }",
  async run({ answer, deps: { version } }) {
    answer({ version, bun: Bun.version, platform: process.platform, arch: process.arch }, [version]);
    return EXIT.done;
  },
};
