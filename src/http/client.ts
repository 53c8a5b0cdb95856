import { BlockList, isIPv6 } from "node:net";

/** Who is at the other end, seen through the proxies that the owner trusts. */
export interface Client {
  /** The client's network address. */
  readonly address: string;
  /** Whether the browser speaks TLS, to us or to a trusted proxy. */
  readonly secure: boolean;
  /** Scheme, host and port as the browser's address bar has them: `http://nas.local:8000`. */
  readonly origin: string;
}

/**
 * Tells who asks. Forwarding headers count only when the connection itself comes from a trusted proxy: anybody can send
 * them.
 *
 * @param trusted addresses and CIDR networks
 * @param peer the socket's address; undefined when there was none (a call inside the process)
 */
export function clientReader(trusted: readonly string[]) {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address = "", bits] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  const isProxy = (address: string) => proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");

  return (request: Request, peer: string | undefined): Client => {
    const { headers } = request;
    const url = new URL(request.url);
    const socket = peer ?? "127.0.0.1";
    if (!isProxy(socket)) {
      return { address: socket, secure: url.protocol === "https:", origin: `${url.protocol}//${hostOf(headers, url)}` };
    }
    const hops = (headers.get("x-forwarded-for") ?? "")
      .split(",")
      .map((hop) => hop.trim())
      .filter(Boolean);
    const address = hops.findLast((hop) => !isProxy(hop)) ?? hops[0] ?? socket;
    const scheme = first(headers.get("x-forwarded-proto")) ?? url.protocol.replace(":", "");
    const host = first(headers.get("x-forwarded-host")) ?? hostOf(headers, url);
    return { address, secure: scheme === "https", origin: `${scheme}://${host}` };
  };
}

function hostOf(headers: Headers, url: URL): string {
  return headers.get("host") ?? url.host;
}

function first(header: string | null): string | undefined {
  return header?.split(",")[0]?.trim() || undefined;
}
