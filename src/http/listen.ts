import { GatewayError } from "../chat/error.ts";

export interface ListenOptions {
  readonly host: string;
  /** One server each; 0 takes any free port. */
  readonly ports: readonly number[];
  /** Where a reverse proxy mounts the gateway: "/" or "/sluice". */
  readonly basePath: string;
}

export interface Listening {
  readonly ports: readonly number[];
  /** Takes no new connections; resolves when the open ones are done. */
  stop(): Promise<void>;
  /** Closes what is still open. */
  kill(): Promise<void>;
}

/** The network address at the other end of a request's connection. */
export type Peers = WeakMap<Request, string>;

/** A connection that sends nothing for so long is closed; chats and live pages are exempt. */
const IDLE_S = 30;
/**
 * A connection whose client takes nothing of its answer for so long is closed: else it keeps its place and its buffer
 * for ever. Comments keep silent streams below it; streams end themselves somewhat earlier, and tell their upstream.
 */
const STALLED_S = 150;

/**
 * Serves `fetch` on every port. Bodies of any announced size reach the handler, which refuses them in words before
 * reading; requests that stream in or out have no idle limit until they are answered because their own deadlines count.
 *
 * @throws GatewayError invalid-request that names the port or host that cannot be had
 */
export function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  peers: Peers,
  options: ListenOptions,
): Listening {
  const base = options.basePath.replace(/\/+$/, "");
  const servers: Bun.Server<undefined>[] = [];

  const front = (request: Request, server: Bun.Server<undefined>) => {
    const streams = request.method === "POST" || request.headers.get("accept")?.includes("text/event-stream");
    if (streams) server.timeout(request, 0);
    const inner = base === "" ? request : withoutBase(request, base);
    const peer = server.requestIP(request);
    if (peer) peers.set(inner, peer.address.replace(/^::ffff:/, ""));
    if (!streams) return fetch(inner);
    return answered(fetch(inner), () => server.timeout(request, STALLED_S));
  };

  for (const port of options.ports) {
    try {
      servers.push(
        Bun.serve({
          port,
          hostname: options.host,
          fetch: front,
          idleTimeout: IDLE_S,
          maxRequestBodySize: Number.MAX_SAFE_INTEGER,
          reusePort: false,
          development: false,
          error: () => new Response("The gateway made a mistake with this request.", { status: 500 }),
        }),
      );
    } catch (cause) {
      for (const server of servers) void server.stop(true);
      throw new GatewayError("invalid-request", portTrouble(cause, options.host, port), { field: "PORT", cause });
    }
  }

  return {
    ports: servers.map((server) => server.port ?? 0),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop(false)))),
    kill: async () => void (await Promise.all(servers.map((server) => server.stop(true)))),
  };
}

/** Calls `then` as soon as the answer's head is there, and hands the answer on. */
function answered(response: Response | Promise<Response>, then: () => void): Response | Promise<Response> {
  if (response instanceof Response) {
    then();
    return response;
  }
  return response.finally(then);
}

function withoutBase(request: Request, base: string): Request {
  const url = new URL(request.url);
  if (url.pathname !== base && !url.pathname.startsWith(`${base}/`)) return request;
  url.pathname = url.pathname.slice(base.length) || "/";
  return new Request(url, request);
}

function portTrouble(cause: unknown, host: string, port: number): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "EADDRINUSE") {
    return `Port ${port} is taken by another program. Stop it, or choose another port: --port ${port + 1} or PORT=${port + 1}.`;
  }
  if (code === "EACCES") return `Port ${port} may not be used by this user. Choose one above 1023: --port 8000.`;
  return `Cannot listen on ${host}:${port}. Check HOST and PORT.`;
}
