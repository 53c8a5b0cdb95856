import { GatewayError } from "../chat/error.ts";
import type { KeyRing } from "../admin/keys.ts";
import type { Caller } from "./caller.ts";

export interface AuthRules {
  readonly keys: KeyRing;
  /** False opens the API to all who can reach it. */
  readonly requireKey: boolean;
  /** Providers whose accounts a caller may bring in `Authorization`; empty switches that off. */
  readonly callerAccounts: readonly Extract<Caller, { kind: "own-accounts" }>["provider"][];
}

const BEARER = /^\s*(?:Bearer(?:\s+|$))+/i;
/** What longchat's users put in the key field to mean "use the server's own accounts". */
const NO_KEY_WORDS = new Set(["", "false", "null", "none", "undefined"]);

const HOW_TO_GET_A_KEY =
  "Use the key that the first start printed, make one with `sluice key add NAME`, or set API_MASTER_KEY.";

/**
 * Tells who is asking. A known key wins; then a value of the shape of an upstream's account, which serves this request
 * alone; anything else is refused, never taken for an account in silence.
 *
 * @throws GatewayError unauthorized
 */
export function callerOf(request: Request, rules: AuthRules): Caller {
  const presented = presentedKey(request);
  if (presented !== undefined) {
    const known = rules.keys.find(presented);
    if (known) return { kind: "key", id: known.id, name: known.name, admin: known.admin };
    for (const provider of rules.callerAccounts) {
      const credentials = provider.credential?.fromBearer?.(presented);
      if (credentials && credentials.length > 0) return { kind: "own-accounts", provider, credentials };
    }
  }
  if (!rules.requireKey) return { kind: "open" };
  throw new GatewayError(
    "unauthorized",
    presented === undefined
      ? `No API key was sent. Send it as "Authorization: Bearer KEY". ${HOW_TO_GET_A_KEY}`
      : `This API key is not known here. ${HOW_TO_GET_A_KEY}`,
  );
}

/**
 * The key as the client sent it: in a header or, by clients that can set none, as `?key=`. "Bearer" is forgiven wherever it
 * stands, and as often: some instructions tell people to write it into the field for the key. Undefined when there is none.
 */
export function presentedKey({ headers, url }: Request): string | undefined {
  return (
    keyOf(headers.get("authorization")) ??
    keyOf(headers.get("x-api-key")) ??
    keyOf(headers.get("api-key")) ??
    queryKey(url)
  );
}

function queryKey(url: string): string | undefined {
  const at = url.indexOf("?");
  if (at < 0) return undefined;
  const query = new URLSearchParams(url.slice(at));
  return keyOf(query.get("key")) ?? keyOf(query.get("api_key"));
}

function keyOf(sent: string | null | undefined): string | undefined {
  const key = sent?.replace(BEARER, "").trim();
  return key === undefined || NO_KEY_WORDS.has(key.toLowerCase()) ? undefined : key;
}
