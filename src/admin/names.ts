import { GatewayError } from "../chat/error.ts";

const LONGEST = 80;

/**
 * A name that a person gave to an account or a key, without the white space around it. It stands in tables and logs, so it
 * is one short line, and none that a terminal would obey.
 *
 * @param what it is the name of: `account`
 * @throws GatewayError invalid-request that names `field`
 */
export function nameOf(what: "account" | "key", field: "label" | "name", text: string): string {
  const trimmed = text.trim();
  if (!trimmed || trimmed.length > LONGEST) {
    throw new GatewayError("invalid-request", `Give the ${what} a name of 1 to ${LONGEST} characters.`, { field });
  }
  if (/\p{Cc}/u.test(trimmed)) {
    throw new GatewayError("invalid-request", `The name of the ${what} must be one line of plain text.`, { field });
  }
  return trimmed;
}

/** The same where a name may be left out: one of nothing but white space is none. */
export function optionalLabel(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : nameOf("account", "label", text);
}
