/** The proxies that the environment names for calls to the outside, as curl and most programs read it. */
export interface ProxyRules {
  /** For addresses that begin with `http:` or `ws:`. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** Hosts without a proxy: names with all below them, addresses, `*` for every host. */
  readonly except: readonly string[];
}

/** Reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case. Anything but an http(s) proxy is passed over. */
export function proxyRules(env: Readonly<Record<string, string | undefined>>): ProxyRules {
  const given = (name: string) => env[name] || env[name.toLowerCase()] || "";
  const proxy = (name: string) => [given(name), given("ALL_PROXY")].find((text) => readProxy(text) !== undefined);
  const except = given("NO_PROXY")
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter(Boolean);
  return { http: readProxy(proxy("HTTP_PROXY")), https: readProxy(proxy("HTTPS_PROXY")), except };
}

/** The proxy for an address; undefined for a direct connection. */
export function proxyFor(address: URL, { http, https, except }: ProxyRules): string | undefined {
  // Every call asks, and hardly any gateway has a proxy.
  if (http === undefined && https === undefined) return undefined;
  const { protocol, hostname, port } = address;
  const proxy = protocol === "http:" || protocol === "ws:" ? http : https;
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const isExcept = except.some((entry) => {
    const bare = entry.replace(/^\*?\./, "");
    return entry === "*" || host === bare || `${host}:${port}` === bare || host.endsWith(`.${bare}`);
  });
  return isExcept ? undefined : proxy;
}

/** A proxy's address as `fetch` and sockets take it; `host:port` is an http proxy. Undefined when it is none. */
export function readProxy(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  const isProxy =
    url && /^https?:$/.test(url.protocol) && url.hostname !== "" && /^\/?$/.test(url.pathname + url.search);
  return isProxy ? url.href.replace(/\/$/, "") : undefined;
}
