import type { Abortable } from "./abort.ts";
import type { StandingHeaders } from "./http-client/header-lines.ts";

export interface UpstreamInit {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent with many calls: made lines once, ahead of `headers`. */
  readonly standing?: StandingHeaders;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: Abortable;
}

/** Names in lower case. */
export interface UpstreamHeaders {
  /** Several fields of one name joined by commas; null when there is none. */
  get(name: string): string | null;
  getSetCookie(): string[];
}

/** Each `readBy` is answered by one call of these, at once or later. */
export interface BytesReader {
  /** All that has arrived since the last read; undefined at the end. */
  came(bytes: Uint8Array | undefined): void;
  /** The connection failed before the end. */
  failed(error: unknown): void;
}

/** Bytes that arrive: read them to the end, or cancel. One read at a time. */
export interface UpstreamBody {
  /** All that has arrived since the last read; undefined at the end. Rejects when the connection fails before it. */
  read(): Promise<Uint8Array | undefined>;
  /** The same for who reads each token and would pay for a promise each time. */
  readBy(reader: BytesReader): void;
  /** What is left of the body, when all of it has arrived: then there is nothing to wait for. Undefined when it has not. */
  rest(): Uint8Array | undefined;
  /** Gives the rest up; after the end it does nothing. */
  cancel(): void;
}

/** The head of an answer. The body must be read to its end or cancelled. */
export interface UpstreamResponse {
  readonly status: number;
  /** 200 to 299. */
  readonly ok: boolean;
  readonly headers: UpstreamHeaders;
  readonly body: UpstreamBody;
}

/**
 * `fetch` for upstreams: never follows a redirect (the 3xx comes back as it is) and waits at most the connect deadline
 * for the connection.
 * @throws GatewayError upstream-broken when the connection fails, upstream-timeout when it does not come about,
 *   cancelled with the signal's own GatewayError when `signal` aborts with one
 */
export type UpstreamFetch = (url: string, init: UpstreamInit) => Promise<UpstreamResponse>;
