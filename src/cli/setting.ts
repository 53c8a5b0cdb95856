import { type Command, EXIT, UsageError } from "./command.ts";
import { table } from "./table.ts";

const list: Command = {
  name: "setting list",
  summary: "the settings that may change while it runs",
  json: "[{ name, value, defaultValue, source, allowed, unit }]; source is default, console, environment or flag",
  async run(call) {
    const settings = await call.look((operator) => operator.settings.get());
    const rows = settings.map(({ name, value, unit, source, allowed }) => [
      name,
      value === "" ? "-" : value,
      unit ?? "",
      source,
      allowed,
    ]);
    call.answer(settings, table([["NAME", "VALUE", "UNIT", "FROM", "ALLOWED"], ...rows]));
    return EXIT.done;
  },
};

const set: Command = {
  name: "setting set",
  operands: ["NAME", "VALUE"],
  summary: "change a setting, without a restart",
  json: "{ name, value }",
  async run(call) {
    const [name = "", value = ""] = call.operands;
    if (value.trim() === "")
      throw new UsageError("the value is empty; to go back to the default: sluice setting reset NAME");
    await call.operate(({ settings }) => settings.set(name, value));
    call.answer({ name, value }, [`${name}=${value}`]);
    return EXIT.done;
  },
};

const reset: Command = {
  name: "setting reset",
  operands: ["NAME"],
  summary: "put a setting back to its default",
  json: "{ name }",
  async run(call) {
    const [name = ""] = call.operands;
    await call.operate(({ settings }) => settings.set(name, undefined));
    call.answer({ name }, [`${name} has its default`]);
    return EXIT.done;
  },
};

export const SETTING_COMMANDS: readonly Command[] = [list, set, reset];
