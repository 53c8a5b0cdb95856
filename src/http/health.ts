import { Elysia } from "elysia";
import type { AccountView, Verdict } from "../admin/admin.ts";
import type { Clock } from "../lib/clock.ts";
import { GatewayError } from "../chat/error.ts";
import { CORS_HEADERS } from "./cors.ts";
import { longchatHealth, longchatStats, type RotationPosition } from "./stats.ts";
import type { Turns } from "./turns.ts";

export interface HealthDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly verdict: () => Verdict;
  /** Requests that wait for an account. */
  readonly waiting: () => number;
  /** The LongCat pool, for longchat's formats. */
  readonly longcat: () => { accounts: readonly AccountView[]; position: RotationPosition };
  /** Epoch ms of the last change of the LongCat accounts from outside. */
  readonly reloadedAt: () => number;
  /** Why nothing can be saved, in words; undefined while it can. */
  readonly trouble: () => string | undefined;
  readonly isStatsOpen: () => boolean;
  /** Where a browser finds the gateway: `/`, or `/sluice` behind a proxy. */
  readonly basePath: string;
}

/** What probes, scripts and longchat's users ask. All of it is open and without secrets. */
export function mountHealth(deps: HealthDeps) {
  const { clock, turns } = deps;

  /** Alive, and whether work may be sent here. Trouble with the disk does not stop chat, so it keeps 200. */
  const state = () => (turns.stopping ? "stopping" : deps.trouble() === undefined ? "ok" : "degraded");
  const answer = (body: Record<string, unknown>) =>
    Response.json(body, {
      status: turns.stopping ? 503 : 200,
      headers: { ...CORS_HEADERS, "cache-control": "no-store" },
    });

  const healthz = () => {
    const trouble = deps.trouble();
    return answer({ status: state(), version: deps.version, ...(trouble === undefined ? {} : { trouble }) });
  };

  const health = () => {
    const verdict = deps.verdict();
    return answer({
      status: state(),
      version: deps.version,
      timestamp: new Date(clock.now()).toISOString(),
      verdict: verdict.state,
      accounts: { usable: verdict.usable, total: verdict.total },
      inFlight: turns.size,
      waiting: deps.waiting(),
      ...longchatHealth(deps.longcat().accounts, deps.reloadedAt()),
    });
  };

  // Relative where no base is set, so that a proxy may still mount the gateway anywhere.
  const consoleAt = `${deps.basePath.replace(/\/+$/, "") || "."}/console/`;
  const detail = (summary: string) => ({ detail: { tags: ["health"], summary, security: [] } });
  return new Elysia({ name: "health" })
    .get("/health", health, detail("How the gateway and its accounts are"))
    .get("/healthz", healthz, detail("Whether the gateway takes work"))
    .get("/livez", () => answer({ status: state() }), detail("Whether the process lives"))
    .get(
      "/api/health",
      () => answer({ status: state(), timestamp: new Date(clock.now()).toISOString() }),
      detail("Whether the gateway takes work"),
    )
    .get(
      "/stats",
      () => {
        if (!deps.isStatsOpen()) throw new GatewayError("unknown-path", "The statistics are closed here (STATS=off).");
        const { accounts, position } = deps.longcat();
        return Response.json(longchatStats(accounts, position), {
          headers: { ...CORS_HEADERS, "cache-control": "no-store" },
        });
      },
      detail("The LongCat accounts in longchat's format"),
    )
    .get(
      "/",
      ({ request }) =>
        request.headers.get("accept")?.includes("text/html")
          ? new Response(null, { status: 302, headers: { location: consoleAt } })
          : new Response("OK", { headers: { "content-type": "text/plain; charset=utf-8" } }),
      { detail: { hide: true } },
    );
}
