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

/** Tells who is at the other end of a request's connection: asked only by those few who want to know. */
export class Peers {
  #server: Bun.Server<undefined> | undefined;
  readonly #received = new WeakMap<Request, Request>();

  /** The network address, while the request is not answered; undefined for a call inside the process. */
  addressOf(request: Request): string | undefined {
    const peer = this.#server?.requestIP(this.#received.get(request) ?? request);
    return peer?.address.replace(/^::ffff:/, "");
  }

  /** Whoever listens says so. Any one server knows the requests of all. */
  serve(server: Bun.Server<undefined>): void {
    this.#server = server;
  }

  /** `inner` goes on in the place of `received`. */
  replace(received: Request, inner: Request): void {
    this.#received.set(inner, received);
  }
}

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

  const front = (request: Request, server: Bun.Server<undefined>): Response | Promise<Response> => {
    const inner = innerOf(request, base);
    if (inner !== request) peers.replace(request, inner);
    const streams = request.method === "POST" || request.headers.get("accept")?.includes("text/event-stream");
    if (!streams) return fetch(inner);
    server.timeout(request, 0);
    const begun = (response: Response): Response => {
      server.timeout(request, STALLED_S);
      return response;
    };
    const response = fetch(inner);
    return response instanceof Response ? begun(response) : response.then(begun);
  };

  for (const port of options.ports) {
    try {
      const server = Bun.serve({
        port,
        hostname: options.host,
        fetch: front,
        idleTimeout: IDLE_S,
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        reusePort: false,
        development: false,
        error: () => new Response("The gateway made a mistake with this request.", { status: 500 }),
      });
      servers.push(server);
      peers.serve(server);
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

/**
 * The request as the gateway knows it: at an address that can be read, without doubled slashes before its path and
 * without the path at which a proxy mounts it.
 */
function innerOf(request: Request, base: string): Request {
  const { url: asked } = request;
  const isReadable = URL.canParse(asked);
  const path = asked.slice(asked.indexOf("/", asked.startsWith("/") ? 0 : "https://".length));
  if (isReadable && base === "" && !path.startsWith("//")) return request;
  // HTTP/1.0 needs no Host header, and anybody can send one that is no host.
  const url = new URL(isReadable ? asked : `http://localhost${path}`);
  const { pathname } = url;
  url.pathname = pathname.replace(/^\/{2,}/, "/");
  if (base !== "" && (url.pathname === base || url.pathname.startsWith(`${base}/`))) {
    url.pathname = url.pathname.slice(base.length).replace(/^\/*/, "/");
  }
  return isReadable && url.pathname === pathname ? request : new Request(url, request);
}

function portTrouble(cause: unknown, host: string, port: number): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "EADDRINUSE") {
    return `Port ${port} is taken by another program. Stop it, or choose another port: --port ${port + 1} or PORT=${port + 1}.`;
  }
  if (code === "EACCES") return `Port ${port} may not be used by this user. Choose one above 1023: --port 8000.`;
  return `Cannot listen on ${host}:${port}. Check HOST and PORT.`;
}
