const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
/** Names that no public name server answers for, so that no foreign page can point them at this machine. */
const LOCAL_SUFFIX = /\.(?:local|localhost|lan|internal|home\.arpa)$/;

/**
 * Whether a request's Host header names this machine. A foreign page that makes its own name resolve here (DNS
 * rebinding) sends that name, and is refused.
 *
 * @param host the header as sent, with or without port; null when missing
 * @param allowed further names from ALLOWED_HOSTS, lower case; "*" allows all
 */
export function hostAllowed(host: string | null, allowed: readonly string[]): boolean {
  if (host === null || allowed.includes("*")) return true;
  const lower = host.toLowerCase();
  if (lower.startsWith("[")) return true;
  const name = lower.replace(/:\d+$/, "").replace(/\.$/, "");
  if (IPV4.test(name) || !name.includes(".") || LOCAL_SUFFIX.test(name)) return true;
  return allowed.includes(name);
}

/** Paths that no key protects, from a path's beginning on. */
const OPEN_PATH = /\/(?:(?:console|docs)(?:\/|$|\?)|api\/(?!v1(?:\/|$)))/y;

/**
 * Refuses requests that name a foreign host where no key protects: the console, the operator's API, and everything while
 * the API is open. Undefined lets the request pass.
 */
export function hostGuard(allowed: readonly string[], requireKey: boolean): (request: Request) => Response | undefined {
  return (request) => {
    if (requireKey && !isOpenPath(request.url)) return undefined;
    const host = request.headers.get("host");
    if (hostAllowed(host, allowed)) return undefined;
    const name = host?.replace(/:\d+$/, "") ?? "";
    const words = `This gateway does not know itself by the name in this address. If it is yours, start it with ALLOWED_HOSTS=${/^[\w.-]{1,100}$/.test(name) ? name : "name"}.`;
    return new Response(`${words}\n`, { status: 403, headers: { "content-type": "text/plain; charset=utf-8" } });
  };
}

function isOpenPath(url: string): boolean {
  OPEN_PATH.lastIndex = url.indexOf("/", url.indexOf("//") + 2);
  return OPEN_PATH.test(url);
}
