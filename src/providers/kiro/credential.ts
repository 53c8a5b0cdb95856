import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";

/** How the account signed in, which decides its hosts, its profile and how its token is renewed. */
export const LOGIN_KINDS = ["social", "builder-id", "idc", "external-idp", "api-key"] as const;
export type LoginKind = (typeof LOGIN_KINDS)[number];

/** One Kiro login. Times are epoch ms. */
export interface KiroCredential {
  readonly kind: LoginKind;
  /** SHA-256 (hex) of the refresh token or key that it was handed in with: tokens rotate, this stays. */
  readonly origin: string;
  /** The bearer; an API key is its own. Empty when it has to be renewed first. */
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** 0 when it is not known, so that it is renewed before its first use; undefined for a key that never lapses. */
  readonly expiresAt?: number;
  /** How long its access tokens live, ms, once one was renewed here. */
  readonly lifetimeMs?: number;
  /** Where it signed in. */
  readonly region: string;
  /** Where its calls go, when that was said. */
  readonly apiRegion?: string;
  readonly profileArn?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientSecretExpiresAt?: number;
  readonly startUrl?: string;
  /** Of a tenant's own identity provider. */
  readonly tokenEndpoint?: string;
  readonly machineId?: string;
  readonly email?: string;
}

export const BUILDER_ID_START = "https://view.awsapps.com/start";
export const DEFAULT_REGION = "us-east-1";
const MINUTE_MS = 60_000;

/** What tells logins apart for good: the hash, in hex, of the secret with which a login came here first. */
export function originOf(secret: string): string {
  return new Bun.CryptoHasher("sha256").update(secret).digest("hex");
}

/** A region name, such as `eu-west-1`: it becomes part of host names. */
export function isRegion(region: string): boolean {
  return /^[a-z]{2}(?:-[a-z]+){1,2}-\d{1,2}$/.test(region);
}

const TEXTS = [
  "refreshToken",
  "apiRegion",
  "profileArn",
  "clientId",
  "clientSecret",
  "startUrl",
  "tokenEndpoint",
  "machineId",
  "email",
] as const;
const TIMES = ["expiresAt", "lifetimeMs", "clientSecretExpiresAt"] as const;

/** Narrows what the store gives back. @throws GatewayError invalid-request */
export function restoreCredential(stored: unknown): KiroCredential {
  const fields = isObject(stored) ? stored : {};
  const kind = LOGIN_KINDS.find((known) => known === fields["kind"]);
  const { origin, accessToken, region } = fields;
  if (!kind || typeof origin !== "string" || typeof accessToken !== "string" || typeof region !== "string") {
    throw new GatewayError("invalid-request", "The stored Kiro credential cannot be read: sign in again.");
  }
  const texts = TEXTS.filter((name) => typeof fields[name] === "string").map((name) => [name, fields[name]]);
  const times = TIMES.filter((name) => typeof fields[name] === "number").map((name) => [name, fields[name]]);
  return { kind, origin, accessToken, region, ...Object.fromEntries([...texts, ...times]) } as KiroCredential;
}

/** The address it belongs to, or the end of its secret. */
export function hintOf({ email, refreshToken, accessToken }: KiroCredential): string {
  return email ?? `…${(refreshToken ?? accessToken).slice(-4)}`;
}

/** Epoch ms of the early renewal in the background: 10 minutes before the end, or a fifth of a short life. */
export function dueAt({ expiresAt, lifetimeMs = 60 * MINUTE_MS }: KiroCredential): number | undefined {
  return expiresAt === undefined ? undefined : expiresAt - Math.min(10 * MINUTE_MS, lifetimeMs / 5);
}

/** True when so little is left that a turn should not begin with it. */
export function isLapsing({ expiresAt, lifetimeMs = 60 * MINUTE_MS }: KiroCredential, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt - Math.min(5 * MINUTE_MS, lifetimeMs / 10);
}
