import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import type { ServiceContext } from "../provider.ts";
import type { KiroCredential } from "./credential.ts";
import { shortAgent } from "./headers.ts";
import { addressOf, type KiroUrls } from "./hosts.ts";
import { send, type Call, type Reply } from "./reply.ts";

const DEFAULT_LIFETIME_S = 3600;

/** The call that renews a credential. @throws GatewayError auth-rejected that needs a sign-in when there is no way to */
export function renewalCall(credential: KiroCredential, urls: KiroUrls, userAgent: string, now: number): Call {
  const { kind, refreshToken, region, clientId, clientSecret, clientSecretExpiresAt, tokenEndpoint } = credential;
  if (kind === "api-key") throw dead("Kiro refused the API key: make a new one in its settings.");
  if (refreshToken === undefined) throw dead("This Kiro account has no refresh token: sign in again.");
  const headers = { "content-type": "application/json", "user-agent": shortAgent(userAgent) };
  if (kind === "social") {
    const url = `${addressOf(urls.authUrl, region)}/refreshToken`;
    return { method: "POST", url, headers, body: JSON.stringify({ refreshToken }) };
  }
  if (clientId === undefined) throw dead("The registration of this Kiro account is missing: sign in again.");
  if (kind === "external-idp") {
    if (tokenEndpoint === undefined)
      throw dead("The identity provider of this Kiro account is missing: sign in again.");
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken });
    const form = { ...headers, "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: tokenEndpoint, headers: form, body: body.toString() };
  }
  if (clientSecret === undefined) throw dead("The registration of this Kiro account is missing: sign in again.");
  if (clientSecretExpiresAt !== undefined && clientSecretExpiresAt <= now) {
    throw dead("The registration of this Kiro account has run out: sign in again.");
  }
  const body = JSON.stringify({ clientId, clientSecret, grantType: "refresh_token", refreshToken });
  return { method: "POST", url: `${addressOf(urls.oidcUrl, region)}/token`, headers, body };
}

/** One renewal. The old refresh token may be dead as soon as this resolves: commit the result before using it. */
export async function renewCredential(
  credential: KiroCredential,
  urls: KiroUrls,
  userAgent: string,
  context: ServiceContext,
): Promise<KiroCredential> {
  const reply = await send(context, renewalCall(credential, urls, userAgent, context.clock.now()));
  if (!reply.ok) throw renewalFailure(reply, context.clock.now());
  return renewed(credential, reply.json, context.clock.now());
}

/** The credential with what a token answer says, camelCase or snake_case. @throws GatewayError upstream-changed */
export function renewed(credential: KiroCredential, json: unknown, now: number): KiroCredential {
  const fields = isObject(json) ? json : {};
  const accessToken = fields["accessToken"] ?? fields["access_token"];
  if (typeof accessToken !== "string" || accessToken === "") {
    throw new GatewayError("upstream-changed", "Kiro's token answer has no `accessToken`.", { field: "accessToken" });
  }
  const refreshToken = fields["refreshToken"] ?? fields["refresh_token"];
  const seconds = Number(fields["expiresIn"] ?? fields["expires_in"] ?? DEFAULT_LIFETIME_S);
  const lifetimeMs = (seconds > 0 ? seconds : DEFAULT_LIFETIME_S) * 1000;
  const { profileArn } = fields;
  return {
    ...credential,
    accessToken,
    // An answer may leave the refresh token out: the old one stays good then.
    ...(typeof refreshToken === "string" && refreshToken !== "" ? { refreshToken } : {}),
    ...(typeof profileArn === "string" && profileArn !== "" ? { profileArn } : {}),
    expiresAt: now + lifetimeMs,
    lifetimeMs,
  };
}

/** What a refused renewal means. Any 400, 401 or 403 is final, however odd its body: asking again changes nothing. */
export function renewalFailure({ status, answer }: Reply, now: number): GatewayError {
  if (answer.html && status < 500) {
    return new GatewayError("challenge", "A page for browsers stands before Kiro's sign-in service.");
  }
  if (/suspended/i.test(answer.message) || /SUSPENDED/.test(answer.reason)) {
    return new GatewayError("suspended", "Kiro has suspended this account.", { needsLogin: true });
  }
  if (status === 400 || status === 401 || status === 403) {
    return dead("Kiro refused to renew this account: sign in again.");
  }
  if (status === 429) {
    const retryAt = retryAtOf(answer.retryAfter, now);
    const details = retryAt === undefined ? {} : { retryAt };
    return new GatewayError("rate-limited", "Kiro limits how often accounts are renewed.", details);
  }
  const kind = status >= 500 || status === 408 ? "upstream-broken" : "upstream-changed";
  return new GatewayError(kind, `Kiro's sign-in service answered with status ${status}.`);
}

function dead(message: string): GatewayError {
  return new GatewayError("auth-rejected", message, { needsLogin: true });
}
