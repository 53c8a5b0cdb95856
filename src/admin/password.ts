import { GatewayError } from "../chat/error.ts";
import { MIN_PASSWORD_LENGTH } from "../lib/password-length.ts";
import type { Store } from "../store/store.ts";

const SETTING = "console.password";
/** About 50 ms and 19 MiB: bearable on a Raspberry Pi, dear for a guesser. */
const ARGON2 = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/** The stored hash; undefined while no password was ever set. */
export async function passwordHash(store: Store): Promise<string | undefined> {
  const value = await store.settings.get(SETTING);
  return typeof value === "string" ? value : undefined;
}

/**
 * Replaces the password and ends every session.
 *
 * @param minChars fewer than usual for a password that the owner put into the environment
 * @throws GatewayError invalid-request when it is too short
 */
export async function setPassword(store: Store, password: string, minChars = MIN_PASSWORD_LENGTH): Promise<void> {
  if (password.length < minChars) {
    throw new GatewayError("invalid-request", `A password has ${minChars} or more characters.`, {
      field: "password",
    });
  }
  await store.settings.set(SETTING, await Bun.password.hash(password, ARGON2));
  await store.sessions.removeAll();
}
