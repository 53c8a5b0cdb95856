export interface UpstreamInit {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * `fetch` for upstreams: never follows a redirect (the 3xx comes back as it is) and waits at most the connect deadline
 * for the connection.
 * @throws GatewayError upstream-broken when the connection fails, upstream-timeout when it does not come about,
 *   cancelled with the signal's own GatewayError when `signal` aborts with one
 */
export type UpstreamFetch = (url: string, init: UpstreamInit) => Promise<Response>;
