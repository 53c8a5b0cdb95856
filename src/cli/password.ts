import { type Command, EXIT, UsageError } from "./command.ts";
import { readSecrets } from "./input.ts";

/** The first line of a pipe, or what a person typed twice without showing it. */
export const PASSWORD_COMMAND: Command = {
  name: "password",
  summary: "set a new console password, from standard input; ends every session",
  details: "Asks twice at a terminal; else the first line of standard input is the password.",
  json: "{ changed: true }",
  async run(call) {
    const [first = "", second] = await readSecrets(call.io, ["New password: ", "Again: "]);
    if (second !== undefined && first !== second) throw new UsageError("the two are not the same");
    const [password = ""] = first.split(/\r?\n/);
    await call.operate((operator) => operator.setPassword(password));
    call.answer({ changed: true }, ["The password is changed and every session has ended."]);
    return EXIT.done;
  },
};
