/** A LangFast session: the user's own, or one that the site gives any visitor. */
import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import type { CredentialKind } from "../provider.ts";
import { HELP, readPaste } from "./paste.ts";

/** Times are epoch ms. */
export interface LangfastCredential {
  readonly kind: "own" | "guest";
  /** What stays the same while tokens rotate: `user:<id>`, `email:<address>`, or `token:<hash>` of the first token. */
  readonly origin: string;
  /** Empty until the first renewal tells it. */
  readonly userId: string;
  /** Empty when it has to be renewed before its first use. */
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** 0 when it is not known. */
  readonly expiresAt: number;
  readonly email?: string;
  /** Kept, sealed, for a session that died: there is no other way back without the user. */
  readonly password?: string;
}

export const credential: CredentialKind<LangfastCredential> = {
  parse(text) {
    const byOrigin = new Map(readPaste(text).map((one) => [one.origin, one]));
    return [...byOrigin.values()];
  },

  restore(stored) {
    const fields = isObject(stored) ? stored : {};
    const { kind, origin, userId, accessToken, refreshToken, expiresAt, email, password } = fields;
    const known = (kind === "own" || kind === "guest") && typeof origin === "string" && typeof userId === "string";
    if (!known || typeof accessToken !== "string" || typeof expiresAt !== "number") {
      throw new GatewayError("invalid-request", "The stored LangFast session cannot be read: sign in again.");
    }
    return {
      kind,
      origin,
      userId,
      accessToken,
      expiresAt,
      ...(typeof refreshToken === "string" ? { refreshToken } : {}),
      ...(typeof email === "string" ? { email } : {}),
      ...(typeof password === "string" ? { password } : {}),
    };
  },

  identity: ({ origin }) => origin,

  hint({ kind, email, userId, refreshToken = "" }) {
    if (email !== undefined) return email;
    const end = (userId || (refreshToken.length < 12 ? "" : refreshToken)).slice(-4);
    return kind === "guest" ? `guest …${end}` : `…${end}`;
  },

  expiresAt: ({ expiresAt }) => (expiresAt > 0 ? expiresAt : undefined),

  help: HELP,
};

const MINUTE_MS = 60_000;

/** Epoch ms of the renewal in the background. */
export function dueAt({ expiresAt, refreshToken, password }: LangfastCredential): number | undefined {
  return refreshToken === undefined && password === undefined ? undefined : expiresAt - 5 * MINUTE_MS;
}

/** True when the access token is not there or would lapse before a run has begun. */
export function isLapsing({ accessToken, userId, expiresAt }: LangfastCredential, now: number): boolean {
  return accessToken === "" || userId === "" || expiresAt - now < MINUTE_MS / 2;
}
