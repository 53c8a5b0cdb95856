import type { SignInMethodView, SignInView } from "../admin/admin.ts";
import type { Operator } from "../admin/routes.ts";
import { GatewayError } from "../chat/error.ts";
import { type Call, type Command, EXIT, UsageError } from "./command.ts";
import { plain } from "./login-text.ts";
import { waitForEnd } from "./login-wait.ts";
import { moment, table } from "./table.ts";

const METHOD_FIELDS = "provider, providerTitle, id, title { en, zh }, fields [{ name, label, required, initial }]";
const SIGN_IN_FIELDS =
  "id, provider, providerTitle, method, methodTitle, label, accountId, createdAt, expiresAt, status (open, done, failed),\n" +
  "reason, reasonKind, prompt, accounts [account]; times are epoch ms, unknown ones are left out";

const login: Command = {
  name: "login",
  operands: ["PROVIDER", "[METHOD]"],
  summary: "sign in by code or in the browser; without METHOD list the ways",
  details:
    "Tells on standard error what to do, waits until it is done and prints the id of the account on standard output.\n" +
    "A browser on another machine ends on an address that it cannot open: paste that address here. Ctrl-C gives up.\n\n" +
    "  sluice login kiro\n" +
    "  sluice login kiro idc --field startUrl=https://example.awsapps.com/start --label work",
  flags: ["label", "field", "account"],
  json: `the sign-in: ${SIGN_IN_FIELDS}\nwithout METHOD [{ ${METHOD_FIELDS} }]`,
  async run(call) {
    const [provider = "", method] = call.operands;
    const typed = typedFields(call);
    const { label, account } = call.flags;
    const options = {
      ...(typeof label === "string" ? { label } : {}),
      ...(typeof account === "string" ? { accountId: account } : {}),
    };
    const operate = method === undefined ? call.look : call.operate;
    return operate(async (operator) => {
      const methods = await methodsOf(operator, provider);
      if (method === undefined) return sayMethods(call, methods);
      const input = checked(typed, methods, method);
      const begun = await operator.signIn.begin(provider, method, input, options);
      return sayEnd(call, await waitForEnd(call.io, operator, begun));
    });
  },
};

async function methodsOf({ signIn }: Operator, provider: string): Promise<readonly SignInMethodView[]> {
  const all = await signIn.methods();
  const methods = all.filter((method) => method.provider === provider);
  if (methods.length > 0) return methods;
  const names = [...new Set(all.map((method) => method.provider))].join(", ");
  const others = names === "" ? "No provider has one" : `It works for ${names}`;
  const message = `That provider has no sign-in. ${others}; for any other: sluice account add PROVIDER`;
  throw new GatewayError("invalid-request", message, { field: "provider" });
}

function sayMethods({ answer }: Call, methods: readonly SignInMethodView[]): number {
  const rows = methods.map(({ id, title, fields }) => [id, title.en, fields.map(fieldText).join("; ")]);
  answer(methods, table([["METHOD", "", "FIELDS"], ...rows]));
  return EXIT.done;
}

function fieldText({ name, label, required, initial }: SignInMethodView["fields"][number]): string {
  const need = required ? "" : initial === undefined ? ", may be left out" : `, else ${initial}`;
  return `${name} (${label.en}${need})`;
}

/** @throws UsageError for a field that is not NAME=VALUE */
function typedFields({ flags: { field = [] } }: Call): Record<string, string> {
  const pairs = (typeof field === "object" ? field : [field]).map((text) => /^([^=]+)=(.*)$/s.exec(String(text)));
  return Object.fromEntries(
    pairs.map((match) => {
      if (match) return [match[1], match[2]];
      throw new UsageError("--field is written NAME=VALUE");
    }),
  );
}

/** @throws UsageError for an unknown way, an unknown field and a missing one */
function checked(
  typed: Readonly<Record<string, string>>,
  methods: readonly SignInMethodView[],
  id: string,
): Readonly<Record<string, string>> {
  const method = methods.find((known) => known.id === id);
  if (!method)
    throw new UsageError(`there is no such way to sign in; there are: ${methods.map((m) => m.id).join(", ")}`);
  const names = method.fields.map(({ name }) => name);
  if (Object.keys(typed).some((name) => !names.includes(name))) {
    throw new UsageError(names.length === 0 ? `${id} takes no --field` : `${id} takes --field ${names.join(", ")}`);
  }
  const missing = method.fields.find(({ name, required, initial }) => required && !initial && !typed[name]?.trim());
  if (missing) throw new UsageError(`the ${missing.label.en} is missing: --field ${missing.name}=VALUE`);
  return typed;
}

function sayEnd({ answer }: Call, ended: SignInView): number {
  if (ended.status !== "done") throw new GatewayError("auth-rejected", plain(ended.reason ?? "The sign-in failed."));
  answer(
    ended,
    ended.accounts.map(({ id }) => id),
  );
  return EXIT.done;
}

const list: Command = {
  name: "login list",
  summary: "sign-ins that are open, and those of the last hour",
  json: `[sign-in]; a sign-in has ${SIGN_IN_FIELDS}`,
  async run(call) {
    const signIns = await call.look(({ signIn }) => signIn.list());
    const rows = signIns.map(({ id, provider, method, status, label, expiresAt, reason, accounts }) => [
      id,
      provider,
      method,
      status,
      label ?? "",
      status === "open" ? moment(expiresAt) : "-",
      plain(reason ?? accounts.map((account) => account.id).join(" ")),
    ]);
    const head = ["ID", "PROVIDER", "METHOD", "STATUS", "LABEL", "OPEN UNTIL", "OUTCOME"];
    call.answer(signIns, signIns.length === 0 ? ["no sign-ins"] : table([head, ...rows]));
    return EXIT.done;
  },
};

const cancel: Command = {
  name: "login cancel",
  operands: ["ID"],
  summary: "give a sign-in up",
  json: "{ cancelled: ID }",
  async run(call) {
    const [id = ""] = call.operands;
    await call.operate(({ signIn }) => signIn.cancel(id));
    call.answer({ cancelled: id }, [`${id}  cancelled`]);
    return EXIT.done;
  },
};

export const LOGIN_COMMANDS: readonly Command[] = [login, list, cancel];
