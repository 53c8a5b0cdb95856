import type { AccountChanges, AccountView } from "../admin/admin.ts";
import { ACCOUNT_FIELDS } from "./account.ts";
import { type Call, type Command, EXIT, UsageError } from "./command.ts";
import { readSecrets } from "./input.ts";
import { moment } from "./table.ts";

/** Goes back to the default. */
const DEFAULT = "default";

const configure: Command = {
  name: "account configure",
  operands: ["ID"],
  summary: "label, priority, pace, proxy and models of one account",
  details:
    "What is left out stays as it is; the word default goes back to the default. It takes effect with the next request.\n\n" +
    "  sluice account configure ID --priority 1 --models 'claude-*,gpt-5'\n" +
    "  sluice account configure ID --proxy < proxy.txt",
  flags: ["label", "priority", "concurrency", "requests-per-hour", "proxy", "models"],
  json: `the account: ${ACCOUNT_FIELDS}`,
  async run(call) {
    const [id = ""] = call.operands;
    const changes = await changesOf(call);
    const account = await call.operate(({ accounts }) => accounts.configure(id, changes));
    call.answer(account, [settingsLine(account)]);
    return EXIT.done;
  },
};

/** @throws UsageError when nothing is to be changed, or a number is none */
async function changesOf(call: Call): Promise<AccountChanges> {
  const { label, models, proxy } = call.flags;
  const priority = numberIn(call, "priority");
  const concurrency = numberIn(call, "concurrency");
  const requestsPerHour = numberIn(call, "requests-per-hour");
  const changes: AccountChanges = {
    ...(typeof label === "string" ? { label: label.trim() === DEFAULT ? null : label } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(requestsPerHour === undefined ? {} : { requestsPerHour }),
    ...(typeof models === "string" ? { models: modelsIn(models) } : {}),
    ...(proxy === true ? { proxy: await readProxy(call) } : {}),
  };
  if (Object.keys(changes).length > 0) return changes;
  throw new UsageError("say what to change\nMore: sluice help account configure");
}

function numberIn({ flags }: Call, name: string): number | null | undefined {
  const text = flags[name];
  if (typeof text !== "string") return undefined;
  if (text.trim() === DEFAULT) return null;
  if (/^[+-]?\d{1,9}$/.test(text.trim())) return Number(text);
  throw new UsageError(`--${name} is a whole number, or the word ${DEFAULT}`);
}

function modelsIn(text: string): string[] | null {
  if (text.trim() === DEFAULT) return null;
  const names = text.split(",").flatMap((name) => name.trim() || []);
  if (names.length > 0) return names;
  throw new UsageError(`--models is a list with commas, or the word ${DEFAULT}`);
}

async function readProxy({ io }: Call): Promise<string | null> {
  const [text = ""] = await readSecrets(io, [`Proxy, as http://name:password@host:port, or ${DEFAULT} (not shown): `]);
  return text.trim() === DEFAULT ? null : text;
}

function settingsLine({ id, label, concurrency, settings }: AccountView): string {
  const { priority, requestsPerHour, proxy, models } = settings;
  return [
    id,
    label,
    `priority ${priority}`,
    `${concurrency} at once`,
    requestsPerHour === undefined ? "any number an hour" : `${requestsPerHour} an hour`,
    proxy === undefined ? "no proxy of its own" : `proxy ${proxy}`,
    models === undefined ? "all models" : `models ${models.join(",")}`,
  ].join("  ");
}

const sync: Command = {
  name: "account sync",
  operands: ["ID"],
  summary: "ask the service now what is left, and which models it serves",
  json: `the account: ${ACCOUNT_FIELDS}`,
  async run(call) {
    const [id = ""] = call.operands;
    const account = await call.operate(({ accounts }) => accounts.sync(id));
    call.answer(account, [`${account.id}  ${account.state}  ${quotaText(account)}`]);
    return EXIT.done;
  },
};

function quotaText({ quota }: AccountView): string {
  if (!quota) return "the service names no allowance";
  const { used, limit, unit, plan, resetsAt } = quota;
  const reset = resetsAt === undefined ? "" : `, resets ${moment(resetsAt)}`;
  return `${used}${limit === undefined ? "" : ` of ${limit}`} ${unit} used${reset}${plan === undefined ? "" : `, ${plan}`}`;
}

export const ACCOUNT_SETTING_COMMANDS: readonly Command[] = [configure, sync];
