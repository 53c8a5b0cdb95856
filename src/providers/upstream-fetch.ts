/** The `fetch` that providers get: no redirects, a connect deadline, one replay, and errors in the house's words. */
import { connect } from "node:net";
import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { UpstreamFetch } from "../lib/fetch.ts";

export interface UpstreamFetchOptions {
  readonly clock: Clock;
  /** The longest wait for a connection, ms. */
  readonly connectMs: number;
  /** The http(s) proxy for an address, with its user name and password if it wants them; undefined for none. */
  readonly proxy?: ((target: URL) => string | undefined) | undefined;
}

/** How long a connection may lie in Bun's pool after its last answer. */
const POOLED_MS = 300_000;

/**
 * A `fetch` for upstreams. It waits as long as `signal` allows for the answer's head, but only `connectMs` for a
 * connection: `fetch` does not tell when it has one, so a call without an answer after half of the deadline dials the
 * same host itself, and a host that takes no connection by the deadline is given up: the caller's abort ends the call.
 *
 * A call that dies on a kept connection before any byte of an answer is repeated once, on a new connection: the
 * upstream had closed the old one while it lay unused. Bun does that for GET alone.
 */
export function createUpstreamFetch({ clock, connectMs, proxy: proxyOf }: UpstreamFetchOptions): UpstreamFetch {
  /** When each origin last answered, monotonic ms: later calls may run on a kept connection. */
  const answered = new Map<string, number>();

  return async (url, { signal, method = "GET", headers = {}, body }) => {
    const origin = originOf(url);
    const proxy = proxyOf?.(new URL(url));
    const options: BunFetchRequestInit = {
      method,
      headers,
      redirect: "manual",
      timeout: false, // Bun's own would cut a stream that is silent for five minutes.
      signal,
      ...(body === undefined ? {} : { body: body as string | Uint8Array<ArrayBuffer> }),
      ...(proxy ? { proxy } : {}),
    };
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const stop = watchConnect(clock, connectMs, proxy ?? url, () =>
      reject(new GatewayError("upstream-timeout", `${hostOf(url)} takes no connections.`)),
    );
    fetch(url, options)
      .catch((error: unknown) => {
        const at = answered.get(origin);
        const pooled = at !== undefined && clock.monotonic() - at < POOLED_MS;
        if (!pooled || signal.aborted || codeOf(error) !== "ECONNRESET") throw error;
        answered.delete(origin);
        return fetch(url, { ...options, keepalive: false });
      })
      .then(
        (response) => {
          stop();
          answered.set(origin, clock.monotonic());
          resolve(response);
        },
        (error: unknown) => {
          stop();
          reject(failureOf(error, hostOf(url), signal));
        },
      );
    return promise;
  };
}

/** What stands before an address's path. */
function originOf(url: string): string {
  const end = url.indexOf("/", "https://".length);
  return end < 0 ? url : url.slice(0, end);
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** Calls `late` when the host takes no connection in time. @returns what ends the watch */
function watchConnect(clock: Clock, connectMs: number, url: string, late: () => void): () => void {
  let stop = clock.after(connectMs / 2, () => {
    const { hostname, port, protocol } = new URL(url);
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    });
    const cancel = clock.after(connectMs / 2, () => {
      socket.destroy();
      late();
    });
    stop = () => {
      cancel();
      socket.destroy();
    };
    socket.on("connect", () => stop());
    socket.on("error", () => stop()); // The call meets the same fault and reports it.
  });
  return () => stop();
}

function failureOf(error: unknown, host: string, signal: AbortSignal): GatewayError {
  if (signal.aborted) {
    if (signal.reason instanceof GatewayError) return signal.reason;
    return new GatewayError("cancelled", "The call was cancelled.", { cause: error });
  }
  return new GatewayError("upstream-broken", wordsFor(codeOf(error), host), { cause: error });
}

/** Names the host, never the path or query: those may carry secrets. */
function wordsFor(code: string, host: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return `${host} refuses connections.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name ${host} cannot be resolved.`;
    case "ECONNRESET":
      return `${host} closed the connection without an answer.`;
    default:
      return `The call to ${host} failed${/^[A-Z][A-Z0-9_]+$/.test(code) ? ` (${code})` : ""}.`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
