/** Sessions of the Supabase project: sign in, guest, refresh, and the question who is signed in (protocol.md, "Sessions"). */
import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import { claimsOf } from "../../lib/jwt.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import type { AccountContext, ServiceContext } from "../provider.ts";
import { send, type Reply, type Service } from "./calls.ts";
import { isLapsing, type LangfastCredential } from "./credential.ts";
import { browserCheck, keyRefusal, quoted, redirected, saidIn, toError } from "./failure.ts";
import { field } from "./fields.ts";

type Context = AccountContext<LangfastCredential>;

const DEFAULT_LIFETIME_S = 3600;

/** A new guest, as the page gives one to any visitor. @returns the answer, which may be a refusal */
export function signUpGuest(service: Service, context: ServiceContext): Promise<Reply> {
  const body = JSON.stringify({ data: {}, gotrue_meta_security: {} });
  return send(service, context, { path: "/auth/v1/signup", body });
}

/** The guest of a sign-up's answer. @throws GatewayError upstream-changed */
export function guestOf({ json }: Reply, now: number): LangfastCredential {
  const session = renewed(undefined, json, now);
  return { ...session, kind: "guest", origin: `user:${session.userId}` };
}

/**
 * One renewal: by the refresh token, and when that is dead by the password. The old refresh token may be dead as soon as
 * this resolves: commit the result before using it.
 */
export async function renewSession(service: Service, context: Context): Promise<LangfastCredential> {
  const { credential, userAgent } = context.account;
  const ask = (grant: string, fields: object): Promise<Reply> =>
    send(service, context, { path: `/auth/v1/token?grant_type=${grant}`, body: JSON.stringify(fields), userAgent });
  const { refreshToken, email, password } = credential;
  if (refreshToken !== undefined) {
    const reply = await ask("refresh_token", { refresh_token: refreshToken });
    if (reply.ok) return renewed(credential, reply.json, context.clock.now());
    const failure = renewalFailure(reply, credential, context.clock.now());
    if (!failure.needsLogin || failure.kind !== "auth-rejected" || !email || !password) throw failure;
  }
  if (!email || !password) throw dead("This LangFast session cannot be renewed: sign in again and paste the new one.");
  const reply = await ask("password", { email, password });
  if (reply.ok) return renewed(credential, reply.json, context.clock.now());
  throw renewalFailure(reply, credential, context.clock.now());
}

/** Asks who is signed in, which is free. @throws GatewayError when the session does not work */
export async function checkSession(service: Service, context: Context): Promise<void> {
  let current = context.account.credential;
  let fresh = false;
  if (isLapsing(current, context.clock.now())) {
    current = await context.renew(current);
    fresh = true;
  }
  for (;;) {
    const { accessToken } = current;
    const { userAgent } = context.account;
    const reply = await send(service, context, { path: "/auth/v1/user", accessToken, userAgent });
    // A project that does not answer this question does not say anything against the session either.
    if (reply.ok || reply.status === 404 || reply.status === 405) return;
    const failure = renewalFailure(reply, current, context.clock.now());
    if (fresh || failure.kind !== "auth-rejected") throw failure;
    current = await context.renew(current);
    fresh = true;
  }
}

/** The credential with what a session answer says. @throws GatewayError upstream-changed */
export function renewed(previous: LangfastCredential | undefined, json: unknown, now: number): LangfastCredential {
  const fields = isObject(json) && isObject(json["session"]) ? json["session"] : json;
  const accessToken = field(fields, "access_token");
  if (accessToken === undefined) throw changed("access_token");
  const claims = claimsOf(accessToken);
  const user = isObject(fields) && isObject(fields["user"]) ? fields["user"] : undefined;
  const userId = field(user, "id") ?? field(claims, "sub") ?? previous?.userId;
  if (!userId) throw changed("user.id");
  const refreshToken = field(fields, "refresh_token") ?? previous?.refreshToken;
  return {
    kind: "own",
    origin: `user:${userId}`,
    ...previous,
    userId,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    expiresAt: expiryOf(fields, claims, now),
  };
}

/** By the lifetime first: the service's clock and ours may differ. */
function expiryOf(fields: unknown, claims: Record<string, unknown> | undefined, now: number): number {
  const session = isObject(fields) ? fields : {};
  const lifetime = Number(session["expires_in"]);
  if (lifetime > 0) return now + lifetime * 1000;
  const at = Number(session["expires_at"] ?? claims?.["exp"]);
  return at > 0 ? at * 1000 : now + DEFAULT_LIFETIME_S * 1000;
}

/** What a refused renewal or sign-in means. Any other 4xx is final, however odd its body: asking again changes nothing. */
export function renewalFailure(reply: Reply, credential: LangfastCredential, now: number): GatewayError {
  const { status } = reply;
  const { code, message, html } = saidIn(reply);
  const words = `${code} ${message}`;
  const key = keyRefusal(words);
  if (key) return toError(key);
  if (status >= 300 && status < 400) return toError(redirected());
  if (html && status === 403) return toError(browserCheck());
  if (/captcha/i.test(words)) {
    const text = "LangFast asks for a captcha to sign in: sign in with a browser and paste the session.";
    return new GatewayError("challenge", text, { needsLogin: true });
  }
  if (/user_banned|\bbanned\b/i.test(words)) {
    return new GatewayError("suspended", "LangFast has banned this account.", { needsLogin: true });
  }
  if (status === 429 || /over_(?:request|email_send)_rate_limit/.test(code)) {
    const retryAt = retryAtOf(reply.retryAfter, now);
    return new GatewayError("rate-limited", "LangFast limits how often sessions are renewed.", {
      ...(retryAt === undefined ? {} : { retryAt }),
    });
  }
  if (status === 408 || status >= 500) {
    return new GatewayError("upstream-broken", `LangFast's sign-in service answered with status ${status}.`);
  }
  if (/invalid_credentials|invalid login|email_not_confirmed/i.test(words)) {
    return dead(`LangFast does not accept this e-mail and password${quoted(message)}.`);
  }
  if (status < 400 || status === 404 || status === 405) {
    return new GatewayError("upstream-changed", "LangFast's sign-in service has moved.", { field: "path" });
  }
  return dead(
    credential.kind === "guest"
      ? "This guest session has ended, and guests cannot be signed in again."
      : "This LangFast session has ended: sign in at langfa.st again and paste the new one.",
  );
}

function dead(message: string): GatewayError {
  return new GatewayError("auth-rejected", message, { needsLogin: true });
}

function changed(name: string): GatewayError {
  return new GatewayError("upstream-changed", `LangFast's session has no \`${name}\`.`, { field: name });
}
