import type { Visit } from "./visit.ts";

/** What the browser says of where a request began; a browser lets no page write this header. */
const OWN_SITES: readonly string[] = ["same-origin", "none"];

/**
 * Whether another site made the browser send this request. Reading is harmless: the session cookie is SameSite=Strict.
 * A client that names no origin at all is no browser and carries no cookie it did not put there itself.
 * Hosts alone are compared: a proxy that we do not trust may speak TLS to the browser without our knowing.
 */
export function isForeign({ request, client }: Visit): boolean {
  if (request.method === "GET" || request.method === "HEAD") return false;
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && !OWN_SITES.includes(site)) return true;
  const origin = request.headers.get("origin");
  return origin !== null && (!URL.canParse(origin) || new URL(origin).host !== new URL(client.origin).host);
}
