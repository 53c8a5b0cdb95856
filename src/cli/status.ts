import type { Overview, ProviderView, Verdict } from "../admin/admin.ts";
import { withoutAccounts } from "../admin/without-accounts.ts";
import { type Command, EXIT } from "./command.ts";
import { dataText } from "./data-text.ts";
import { moment } from "./table.ts";

const VERDICTS: Readonly<Record<Exclude<Verdict["state"], "empty">, string>> = {
  fine: "fine",
  limited: "limited: a part does not answer",
  down: "down: nothing answers",
  degraded: "degraded: chat goes on, but nothing can be saved",
  starting: "starting",
};

export const STATUS_COMMAND: Command = {
  name: "status",
  summary: "whether it runs and how its accounts are",
  json:
    "{ running, url, pid, at, version, dataDir, database, verdict: { state, usable, total, … }, providers, accounts, hour, notices };\n" +
    "url and pid are left out when nothing serves",
  async run(call) {
    const { overview, serving } = await call.operate(async (operator, server) => ({
      overview: await operator.overview(),
      serving: server,
    }));
    const where = serving ? { running: true, url: serving.url, pid: serving.pid } : { running: false };
    const head = serving ? `running at ${serving.url} (pid ${serving.pid})` : "not running";
    call.answer({ ...where, ...overview }, [`${head}, version ${overview.version}`, ...linesOf(overview)]);
    return EXIT.done;
  },
};

function linesOf({ verdict, providers, hour, database, notices }: Overview): string[] {
  const back = verdict.nextBackAt === undefined ? "" : `, next back ${moment(verdict.nextBackAt)}`;
  const trouble = verdict.trouble === undefined ? "" : ` (${verdict.trouble})`;
  return [
    `${verdict.state === "empty" ? emptyText(providers) : VERDICTS[verdict.state]}${trouble}; ${verdict.usable} of ${verdict.total} accounts usable${back}`,
    ...providers
      .filter(({ needsAccounts }) => needsAccounts)
      .map(({ name, states, breaker }) => {
        const counts = Object.entries(states).flatMap(([state, count]) => (count > 0 ? `${count} ${state}` : []));
        return `${name}: ${counts.join(", ") || "no accounts"}${breaker === "closed" ? "" : `; service ${breaker}`}`;
      }),
    `last hour: ${hour.requests} requests, ${hour.answered} answered`,
    `data folder: ${dataText(database)}`,
    ...notices,
  ];
}

function emptyText(providers: readonly ProviderView[]): string {
  const { guests, demo } = withoutAccounts(providers);
  if (guests.length > 0) return `no account yet: ${guests.join(", ")} answers with guest sessions`;
  return demo ? "no account yet: only the demo answers" : "no account yet: nothing can answer";
}
