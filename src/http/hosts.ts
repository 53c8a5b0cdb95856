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
