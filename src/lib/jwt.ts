import { isObject, parseJson } from "./json.ts";

/** The claims of a JWT, unchecked; undefined when the text is none. */
export function claimsOf(token: string): Record<string, unknown> | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const json = parseJson(Buffer.from(parts[1] ?? "", "base64url").toString("utf8"));
  return json.ok && isObject(json.value) ? json.value : undefined;
}
