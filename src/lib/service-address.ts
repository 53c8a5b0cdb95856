import { orAborted, type Abortable } from "./abort.ts";
import { AddressRefused, checkHost, type Lookup } from "./public-address.ts";
import type { ServiceLogin } from "./service-login.ts";

/** The service's name has no address here. */
export class NameUnresolved extends Error {
  override readonly name = "NameUnresolved";
}

export interface AddressMeans {
  readonly signal: Abortable;
  /** The system's resolver by default. */
  readonly lookup?: Lookup | undefined;
  /** An outbound proxy: names may resolve for it alone. */
  readonly proxy?: string | undefined;
}

/**
 * Asks before each call where the service's name leads now: what was public when the account was added may lead home
 * today.
 * @throws AddressRefused, NameUnresolved, and the signal's reason
 */
export async function checkServiceAddress(login: ServiceLogin, { signal, lookup, proxy }: AddressMeans): Promise<void> {
  const { hostname, protocol } = new URL(login.baseUrl);
  const rules = { allowPrivate: login.allowPrivate ?? false, ...(lookup ? { lookup } : {}) };
  let kind: "public" | "private";
  try {
    kind = await orAborted(checkHost(hostname, rules), signal);
  } catch (error) {
    if (error instanceof AddressRefused || signal.aborted) throw error;
    if (proxy !== undefined) return;
    throw new NameUnresolved(`The name ${hostname} cannot be resolved.`, { cause: error });
  }
  if (kind === "private" || protocol === "https:") return;
  const words = `${hostname} is a public address: without https:// the key would cross the network in clear.`;
  throw new AddressRefused("forbidden", words);
}
