import type { IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { isIP } from "node:net";

export interface PinnedGetOptions {
  /** The IP address to connect to, whatever the URL's name means to DNS by now. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
}

/** The answer's head, its body still to be read: iterate or destroy it. Redirects and content codings are the caller's. */
export type PinnedGet = (url: URL, options: PinnedGetOptions) => Promise<IncomingMessage>;

/**
 * GET from exactly one address, with the URL's name in Host, in the TLS greeting and in the check of the certificate.
 * `fetch` cannot promise that: it goes through whatever proxy the environment names, and that resolves names itself.
 * @throws what the socket, TLS or the parser throws; the error of an abort when the signal aborts
 */
export const pinnedGet: PinnedGet = async (url, { address, headers, signal, ca }) => {
  const { protocol, port, host, hostname, pathname, search } = url;
  const isSecure = protocol === "https:";
  const isName = isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
  const options: RequestOptions = {
    host: address,
    port: Number(port) || (isSecure ? 443 : 80),
    path: pathname + search,
    headers: { ...headers, host },
    agent: false, // A kept connection may lead to an address that was checked for another request.
    signal,
    ...(isSecure && isName ? { servername: hostname.replace(/\.$/, "") } : {}),
    ...(ca === undefined ? {} : { ca }),
  };
  // Loaded with the first image: most gateways never see one.
  const { request } = await (isSecure ? import("node:https") : import("node:http"));
  return new Promise((resolve, reject) => request(options, resolve).on("error", reject).end());
};
