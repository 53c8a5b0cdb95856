import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callRoute, errorBody, type Operator, ROUTES } from "../../src/admin/routes.ts";
import { GatewayError } from "../../src/chat/error.ts";
import { type CliDeps, runCli } from "../../src/cli/run.ts";
import type { Config } from "../../src/config.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { fakeOperator, type Script } from "./fake-operator.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the operations were asked. */
  readonly calls: unknown[][];
  /** Settings that `serve` got. */
  readonly served: Config[];
  /** Data folders that were opened, and closed. */
  readonly opened: string[];
  readonly closed: string[];
  /** How long it wanted to wait each time, ms. */
  readonly pauses: number[];
}

export interface Given {
  readonly stdin?: string | readonly string[] | AsyncIterable<string>;
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly deps?: Partial<CliDeps>;
  readonly script?: Script;
  /** Else every wait is over as soon as the event loop has turned. */
  readonly clock?: Clock;
  /** Presses Ctrl-C when so many waits have begun. */
  readonly interruptAt?: number;
}

/** Runs one command line with the fake operations behind the data folder. */
export async function run(argv: readonly string[], given: Given = {}): Promise<Ran> {
  const { operator, calls } = fakeOperator(given.script);
  const interrupts = new Set<() => void>();
  const ran = { calls, served: [] as Config[], opened: [] as string[], closed: [] as string[], pauses: [] as number[] };
  const hasty: Clock = {
    ...systemClock,
    after(ms, wake) {
      if (ran.pauses.push(ms) === given.interruptAt) {
        for (const press of interrupts) press();
        return () => {};
      }
      const waiting = setImmediate(wake);
      return () => clearImmediate(waiting);
    },
  };
  let stdout = "";
  let stderr = "";
  const pieces = typeof given.stdin === "string" ? [given.stdin] : (given.stdin ?? []);
  const code = await runCli(
    argv,
    {
      stdin: {
        async *[Symbol.asyncIterator]() {
          for await (const piece of pieces) yield new TextEncoder().encode(piece);
        },
      },
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: given.env ?? {},
      cwd: given.cwd ?? "/nowhere",
      isTty: given.tty ?? false,
      clock: given.clock ?? hasty,
      onInterrupt(press) {
        interrupts.add(press);
        return () => interrupts.delete(press);
      },
    },
    {
      serve: async (config) => {
        ran.served.push(config);
        return 0;
      },
      openLocal: async ({ data }) => {
        ran.opened.push(data.dataDir);
        return { admin: operator, close: async () => void ran.closed.push(data.dataDir) };
      },
      version: "1.2.3",
      ...given.deps,
    },
  );
  return { code, stdout, stderr, ...ran };
}

export const TOKEN = "invented-token";

/** The JSON API over a real socket, as a gateway mounts it. */
export function serveOperator(operator: Operator) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      try {
        if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) {
          throw new GatewayError("unauthorized", "Wrong token.");
        }
        const url = new URL(request.url);
        for (const route of Object.values(ROUTES)) {
          const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? "");
          const found = new RegExp(`^${route.path.replace(/:\w+/g, "([^/]+)")}$`).exec(url.pathname);
          if (!found || request.method !== route.method) continue;
          const rest = route.method === "GET" ? Object.fromEntries(url.searchParams) : await request.json();
          const path = Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? "")]));
          return Response.json(await callRoute(route, operator, { ...rest, ...path }));
        }
        throw new GatewayError("unknown-path", "There is no such operation.");
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        return Response.json(errorBody(error), { status: error.status });
      }
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

/** A working folder with a data folder whose token file names `url`. */
export function folderOf(url: string, token = TOKEN): { cwd: string; remove: () => void } {
  const cwd = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  mkdirSync(join(cwd, "data"));
  writeFileSync(join(cwd, "data", "sluice.token"), JSON.stringify({ url, token, pid: 42 }));
  return { cwd, remove: () => rmSync(cwd, { recursive: true }) };
}
