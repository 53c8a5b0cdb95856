import { type AnyElysia, Elysia } from "elysia";
import type { Admin } from "../admin/admin.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ConsoleAuth } from "./login.ts";
import type { Client } from "./visit.ts";

export { createAuth, type ConsoleAuth } from "./login.ts";
export type { Client } from "./visit.ts";

export interface ConsoleOptions {
  readonly admin: Admin;
  readonly auth: ConsoleAuth;
  /** The folder with `public/` and `vendor/htmx/`. */
  readonly assetRoot: string;
  /**
   * Where a browser finds the gateway: `/`, or `/sluice/` behind a proxy. Links and cookies carry it; the routes stand
   * at `/console/`, so whoever receives requests takes it off their paths first.
   */
  readonly basePath: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly version: string;
  /** Who asks: needs the socket and the trusted proxies. */
  readonly client: (request: Request) => Client;
  /** Aborts when the program begins to stop, so that open pages do not hold it up. */
  readonly stopping: AbortSignal;
}

/** The console under `/console/`. Its pages are loaded when somebody opens the first: a start does not wait for them. */
export function createConsole(options: ConsoleOptions) {
  let pages: Promise<AnyElysia> | undefined;
  const load = async (): Promise<AnyElysia> => {
    const { createPages } = await import("./pages-app.ts");
    return createPages(options);
  };
  const answer = async ({ request }: { request: Request }): Promise<Response> => {
    const app = await (pages ??= load());
    if (request.method !== "HEAD") return app.handle(request);
    const { status, headers, body } = await app.handle(new Request(request, { method: "GET" }));
    await body?.cancel();
    return new Response(null, { status, headers });
  };
  return new Elysia({ name: "console" })
    .all("/console/", answer, { parse: "none" })
    .all("/console/*", answer, { parse: "none" });
}
