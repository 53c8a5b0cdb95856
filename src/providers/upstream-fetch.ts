/** The `fetch` that providers get: no redirects, a connect deadline, one replay, and errors in the house's words. */
import { abortReason, GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { UpstreamFetch, UpstreamResponse } from "../lib/fetch.ts";
import { HttpAgent } from "../lib/http-client/agent.ts";
import type { Connection, Route } from "../lib/http-client/connection.ts";
import type { Exchange } from "../lib/http-client/exchange.ts";
import { requestTo, type UpstreamRequest } from "../lib/http-client/request.ts";
import { ConnectionError } from "../lib/http-client/wire.ts";
import { isOutOfFiles } from "../lib/open-files.ts";

export interface UpstreamFetchOptions {
  readonly clock: Clock;
  /** The longest wait for a connection, ms: name, proxy and TLS included. */
  readonly connectMs: number;
  /** Keeps connections for all who share it. */
  readonly agent?: HttpAgent;
  /** The http(s) proxy for an address, with its user name and password if it wants them; undefined for none. */
  readonly proxy?: ((target: URL) => string | undefined) | undefined;
}

/**
 * A `fetch` for upstreams. It waits as long as `signal` allows for the answer's head, but only `connectMs` for a
 * connection. A call that dies on a kept connection before any byte of an answer is repeated once, on a new connection:
 * the upstream had closed the old one while it lay unused.
 */
export function createUpstreamFetch(options: UpstreamFetchOptions): UpstreamFetch {
  const { agent = new HttpAgent(), proxy } = options;

  return (url, init) => {
    const { signal } = init;
    let exchange: Exchange | undefined;
    let request: UpstreamRequest | undefined;
    const failed = (error: unknown): Promise<UpstreamResponse> => {
      // Only a kept connection can have been closed before the request.
      if (!request || !exchange || exchange.isAnswered || signal.aborted) throw failureOf(error, url, signal);
      exchange = undefined;
      return overNew(request);
    };
    const overNew = ({ route, bytes }: UpstreamRequest): Promise<UpstreamResponse> =>
      connected(agent, route, signal, options).then((connection) => {
        if (!signal.aborted) return connection.send(bytes, signal, failed).answered;
        // It aborted when the connection stood already, so nobody has closed that.
        connection.close();
        throw failureOf(signal.reason, url, signal);
      }, failed);
    try {
      if (signal.aborted) throw signal.reason;
      request = requestTo(url, init, proxy);
      exchange = agent.kept(request.route)?.send(request.bytes, signal, failed);
      return exchange ? exchange.answered : overNew(request);
    } catch (error) {
      return Promise.reject(failureOf(error, url, signal));
    }
  };
}

/** A new connection that stands. @throws GatewayError upstream-timeout, and the signal's reason */
async function connected(
  agent: HttpAgent,
  route: Route,
  signal: Abortable,
  { clock, connectMs }: UpstreamFetchOptions,
): Promise<Connection> {
  const connection = agent.connect(route);
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  const late = () => reject(new GatewayError("upstream-timeout", `${hostOf(route)} takes no connections.`));
  const cancelDeadline = clock.after(connectMs, late);
  signal.addEventListener("abort", abort);
  try {
    await Promise.race([connection.opened, promise]);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    cancelDeadline();
    signal.removeEventListener("abort", abort);
  }
}

function hostOf({ place: { hostname, port, secure } }: Route): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === (secure ? 443 : 80) ? host : `${host}:${port}`;
}

function failureOf(error: unknown, url: string, signal: Abortable): GatewayError {
  if (signal.aborted) return abortReason(signal);
  if (error instanceof GatewayError) return error;
  // Bun names a connection that this system had no file for ECONNREFUSED, too: that is no fault of the upstream.
  if (error instanceof ConnectionError && /^E(CONNREFUSED|[MN]FILE)$/.test(error.code) && isOutOfFiles()) {
    return new GatewayError("gateway-full", "The gateway may open no more connections.", { cause: error });
  }
  return new GatewayError("upstream-broken", wordsFor(error, URL.parse(url)?.host ?? "the upstream"), { cause: error });
}

/** Names the host, never the path or query: those may carry secrets. */
function wordsFor(error: unknown, host: string): string {
  const code = error instanceof ConnectionError ? error.code : "";
  switch (code) {
    case "ECONNREFUSED":
      return `${host} refuses connections.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} cannot be resolved.`;
    case "ECONNRESET":
      return `${host} closed the connection without an answer.`;
    case "EPROXY":
      return `The proxy did not lead to ${host}. ${(error as ConnectionError).message}`;
    case "EHTTP":
      return `${host} did not answer as a web server does. ${(error as ConnectionError).message}`;
    default:
      return `The call to ${host} failed${/^[A-Z][A-Z0-9_]+$/.test(code) ? ` (${code})` : ""}.`;
  }
}
