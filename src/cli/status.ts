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
    "url, pid and verdict are left out when nothing serves",
  async run(call) {
    const { overview, serving } = await call.look(async (operator, server) => ({
      overview: await operator.overview(),
      serving: server,
    }));
    const { verdict: _verdict, ...rest } = overview;
    if (serving) {
      const { url, pid } = serving;
      const head = `running at ${url} (pid ${pid}), version ${rest.version}`;
      call.answer({ running: true, url, pid, ...overview }, [head, verdictLine(overview), ...linesOf(rest)]);
    } else call.answer({ running: false, ...rest }, [`not running, version ${rest.version}`, ...linesOf(rest)]);
    return EXIT.done;
  },
};

function verdictLine({ verdict, providers }: Overview): string {
  const back = verdict.nextBackAt === undefined ? "" : `, next back ${moment(verdict.nextBackAt)}`;
  const trouble = verdict.trouble === undefined ? "" : ` (${verdict.trouble})`;
  const state = verdict.state === "empty" ? emptyText(providers) : VERDICTS[verdict.state];
  return `${state}${trouble}; ${verdict.usable} of ${verdict.total} accounts usable${back}`;
}

/** What is true whether it runs or not. */
function linesOf({ providers, hour, database, notices }: Omit<Overview, "verdict">): string[] {
  return [
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
