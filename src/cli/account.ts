import type { AccountView, AddResult, AdmittedAccount } from "../admin/admin.ts";
import type { Operator } from "../admin/routes.ts";
import { type Call, type Command, EXIT } from "./command.ts";
import { readCredentials } from "./input.ts";
import { moment, table } from "./table.ts";

export const ACCOUNT_FIELDS =
  "id, provider, providerTitle, label, hint, source, state, until, reason, reasonKind, since, rotationFailures,\n" +
  "rotationMaxFailures, attempts, successes, failures, rotationFailuresTotal, successRate (0 to 1), inFlight, concurrency,\n" +
  "lastUsedAt, nextTryAt, credentialExpiresAt, quota, createdAt, current,\n" +
  "settings { priority, concurrency, requestsPerHour, proxy (without its password), models };\n" +
  "times are epoch ms, unknown ones are left out";

const add: Command = {
  name: "account add",
  operands: ["PROVIDER"],
  summary: "add accounts; credentials come from standard input",
  details:
    "Reads one credential a line, or JSON, in any form you copy it; prints the id of each new account. Each is checked\n" +
    "at the service first. An account that is there already is renewed.\n\n" +
    "  sluice account add longcat < cookies.txt",
  flags: ["label", "no-check"],
  json:
    "{ added: [account], known: [account], refused: [{ hint, line, reason }] }; `unchecked` of an account says why it could\n" +
    `not be checked; an account has ${ACCOUNT_FIELDS}`,
  async run(call) {
    const [provider = ""] = call.operands;
    const text = await readCredentials(call.io, `Paste a ${provider} credential (it is not shown), then Enter: `);
    const { label } = call.flags;
    const result = await call.operate(({ accounts }) =>
      accounts.add(provider, text, {
        ...(typeof label === "string" ? { label } : {}),
        ...(call.flags["no-check"] ? { check: false } : {}),
      }),
    );
    call.answer(
      result,
      result.added.map(({ id }) => id),
    );
    return sayWhatElse(call, result);
  },
};

/** Known and refused credentials go to standard error: a script reads ids alone. */
function sayWhatElse({ io }: Call, { known, refused, added }: AddResult): number {
  for (const account of known) io.stderr.write(`already there: ${account.id} (${account.hint})\n`);
  for (const { hint, line, reason } of refused) {
    const where = line === undefined || hint === `line ${line}` ? hint : `line ${line} (${hint})`;
    io.stderr.write(`refused: ${where}: ${reason}\n`);
  }
  sayUnchecked(io, [...added, ...known]);
  return refused.length > 0 || added.length + known.length === 0 ? EXIT.failed : EXIT.done;
}

function sayUnchecked(io: Call["io"], accounts: readonly AdmittedAccount[]): void {
  for (const { id, unchecked } of accounts)
    if (unchecked !== undefined) io.stderr.write(`not checked: ${id}: ${unchecked}\n`);
}

const list: Command = {
  name: "account list",
  summary: "all accounts and how they are",
  json: `[account]; an account has ${ACCOUNT_FIELDS}`,
  async run(call) {
    const accounts = await call.look((operator) => operator.accounts.list());
    const rows = accounts.map((account) => [
      account.id,
      account.provider,
      account.state,
      account.label,
      account.hint,
      account.successRate === undefined ? "-" : `${Math.round(account.successRate * 100)}%`,
      moment(account.lastUsedAt),
      account.reason ?? "",
    ]);
    const head = ["ID", "PROVIDER", "STATE", "LABEL", "CREDENTIAL", "SUCCESS", "LAST USED", "REASON"];
    call.answer(accounts, accounts.length === 0 ? ["no accounts"] : table([head, ...rows]));
    return EXIT.done;
  },
};

const test: Command = {
  name: "account test",
  operands: ["ID"],
  summary: "send one tiny real request over an account",
  json: "{ ok, model, durationMs, text, kind }; kind is the failure when ok is false",
  async run(call) {
    const result = await call.look(({ accounts }) => accounts.test(only(call)));
    const verdict = result.ok ? "ok" : `failed (${result.kind ?? "unknown"})`;
    call.answer(result, [`${verdict}  ${result.model}  ${result.durationMs} ms  ${result.text}`]);
    return result.ok ? EXIT.done : EXIT.failed;
  },
};

/** A command that changes one account and prints its new state. */
function changing(
  word: string,
  summary: string,
  change: (accounts: Operator["accounts"], id: string) => Promise<AccountView>,
): Command {
  return {
    name: `account ${word}`,
    operands: ["ID"],
    summary,
    json: `the account: ${ACCOUNT_FIELDS}`,
    async run(call) {
      const account = await call.operate(({ accounts }) => change(accounts, only(call)));
      call.answer(account, [`${account.id}  ${account.state}`]);
      return EXIT.done;
    },
  };
}

const renew: Command = {
  name: "account renew",
  operands: ["ID"],
  summary: "give an account a new credential, from standard input",
  json: `the account, with \`unchecked\` when it could not be checked: ${ACCOUNT_FIELDS}`,
  async run(call) {
    const text = await readCredentials(call.io, "Paste the new credential (it is not shown), then Enter: ");
    const account = await call.operate(({ accounts }) => accounts.renew(only(call), text));
    call.answer(account, [`${account.id}  ${account.state}`]);
    sayUnchecked(call.io, [account]);
    return EXIT.done;
  },
};

const remove: Command = {
  name: "account remove",
  operands: ["ID"],
  summary: "forget an account and its credential for good",
  json: "{ removed: ID }",
  async run(call) {
    const id = only(call);
    await call.operate(({ accounts }) => accounts.remove(id));
    call.answer({ removed: id }, [`${id}  removed`]);
    return EXIT.done;
  },
};

function only({ operands: [id = ""] }: Call): string {
  return id;
}

export const ACCOUNT_COMMANDS: readonly Command[] = [
  add,
  list,
  test,
  changing("enable", "take an account back into the rotation", (accounts, id) => accounts.enable(id)),
  changing("disable", "take an account out until you enable it", (accounts, id) => accounts.disable(id)),
  changing("reset", "make an account ready again, nothing held against it", (accounts, id) => accounts.reset(id)),
  renew,
  remove,
];
