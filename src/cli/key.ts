import { type Command, EXIT } from "./command.ts";
import { moment, table } from "./table.ts";

const KEY_FIELDS =
  "id, name, prefix, admin, createdAt, lastUsedAt, revokedAt; times are epoch ms, unknown ones are left out";

const add: Command = {
  name: "key add",
  operands: ["NAME"],
  summary: "make a client key and print it, this once",
  details: "Prints the key alone, so that a script can take it: KEY=$(sluice key add laptop)",
  flags: ["admin"],
  json: `{ key, view: { ${KEY_FIELDS} } }`,
  async run(call) {
    const [name = ""] = call.operands;
    const made = await call.operate(({ keys }) => keys.create(name, { admin: call.flags["admin"] === true }));
    call.answer(made, [made.key]);
    return EXIT.done;
  },
};

const list: Command = {
  name: "key list",
  summary: "all client keys, without the keys themselves",
  json: `[{ ${KEY_FIELDS} }]`,
  async run(call) {
    const keys = await call.look((operator) => operator.keys.list());
    const rows = keys.map((key) => [
      key.id,
      key.name,
      key.prefix,
      key.admin ? "admin" : "client",
      moment(key.createdAt),
      moment(key.lastUsedAt),
      key.revokedAt === undefined ? "" : "revoked",
    ]);
    const head = ["ID", "NAME", "KEY", "MAY", "MADE", "LAST USED", ""];
    call.answer(keys, keys.length === 0 ? ["no keys"] : table([head, ...rows]));
    return EXIT.done;
  },
};

const revoke: Command = {
  name: "key revoke",
  operands: ["ID"],
  summary: "end a client key at once",
  json: "{ revoked: ID }",
  async run(call) {
    const [id = ""] = call.operands;
    await call.operate(({ keys }) => keys.revoke(id));
    call.answer({ revoked: id }, [`${id}  revoked`]);
    return EXIT.done;
  },
};

export const KEY_COMMANDS: readonly Command[] = [add, list, revoke];
