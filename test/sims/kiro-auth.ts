/** The sign-in half of the Kiro sim: rotating refresh tokens, the device flow, and the browser flow's exchange. */
import { isObject } from "../../src/lib/json.ts";
import { json } from "./kiro-script.ts";
import { rotate, type Seen, type SimAccount } from "./kiro-state.ts";
import type { Exchange } from "./raw-http.ts";

type Fields = Readonly<Record<string, unknown>>;

/** How the polls of a device sign-in go before it is granted. */
export type PollAnswer = "authorization_pending" | "slow_down" | "expired_token" | "access_denied" | "down";

export interface AuthWorld {
  readonly accounts: ReadonlyMap<string, SimAccount>;
  readonly violations: string[];
  /** What the next polls meet. */
  readonly polls: PollAnswer[];
  /** Whom a finished sign-in gives; undefined refuses it. */
  signsIn: SimAccount | undefined;
  /** Seconds that access tokens live. */
  expiresIn: number;
  /** The challenge and redirect of the browser sign-in that `authorize` answered. */
  asked: { readonly challenge: string; readonly redirectUri: string; readonly code: string } | undefined;
}

const refusal = (status: number, error: string, description = error) =>
  json(status, { error, error_description: description }, { "x-amzn-errortype": error });

const tokensOf = (world: AuthWorld, account: SimAccount, withArn: boolean): Fields => ({
  accessToken: account.accessToken,
  refreshToken: account.refreshToken,
  expiresIn: world.expiresIn,
  tokenType: "Bearer",
  ...(withArn ? { profileArn: account.profileArn } : {}),
});

/** Answers a call to the auth or OIDC host. */
export async function answerAuth(world: AuthWorld, exchange: Exchange, seen: Seen): Promise<void> {
  const respond = async (status: number, body: unknown) => json(status, body)({ exchange, seen, account: none });
  const refuse = async (status: number, error: string) => refusal(status, error)({ exchange, seen, account: none });
  if (seen.headers["authorization"] !== undefined) world.violations.push(`${seen.path}: an authorization header`);
  const { body } = seen;
  switch (`${seen.host} ${seen.path}`) {
    case "auth /refreshToken":
      return refresh(world, exchange, seen, "social");
    case "oidc /token":
      if (body["grantType"] === "refresh_token") return refresh(world, exchange, seen, "device");
      return poll();
    case "oidc /client/register": {
      const scopes = Array.isArray(body["scopes"]) ? body["scopes"] : [];
      if (body["clientType"] !== "public" || scopes.length === 0) return refuse(400, "invalid_request");
      const clientSecretExpiresAt = 4_000_000_000;
      return respond(200, { clientId: "client-new", clientSecret: "secret-new", clientSecretExpiresAt });
    }
    case "oidc /device_authorization": {
      if (body["clientId"] !== "client-new" || body["clientSecret"] !== "secret-new")
        return refuse(401, "invalid_client");
      if (!String(body["startUrl"]).startsWith("https://")) return refuse(400, "invalid_request");
      const verificationUri = "https://device.sso.example/";
      return respond(200, {
        deviceCode: "device-1",
        userCode: "ABCD-EFGH",
        verificationUri,
        verificationUriComplete: `${verificationUri}?user_code=ABCD-EFGH`,
        expiresIn: 600,
        interval: 5,
      });
    }
    case "auth /oauth/token":
      return exchangeCode();
    default:
      return respond(404, { message: "no such call" });
  }

  async function poll(): Promise<void> {
    const grant = "urn:ietf:params:oauth:grant-type:device_code";
    if (body["grantType"] !== grant || body["deviceCode"] !== "device-1") return refuse(400, "invalid_request");
    const next = world.polls.shift();
    if (next === "down") return respond(500, {});
    if (next !== undefined) return refuse(400, next);
    return world.signsIn ? respond(200, tokensOf(world, world.signsIn, false)) : refuse(400, "authorization_pending");
  }

  async function exchangeCode(): Promise<void> {
    const { asked, signsIn } = world;
    const digest = new Bun.CryptoHasher("sha256").update(String(body["code_verifier"])).digest();
    const challenge = digest.toBase64({ alphabet: "base64url", omitPadding: true });
    const good = asked && signsIn && challenge === asked.challenge && body["code"] === asked.code;
    if (!good || body["redirect_uri"] !== asked.redirectUri) return refuse(400, "invalid_grant");
    world.asked = undefined;
    return respond(200, tokensOf(world, signsIn, true));
  }
}

const none = undefined as unknown as SimAccount;

async function refresh(world: AuthWorld, exchange: Exchange, seen: Seen, form: "social" | "device"): Promise<void> {
  const token = String(seen.body["refreshToken"]);
  const account = [...world.accounts.values()].find((one) => one.refreshToken === token || one.spent.has(token));
  const call = { exchange, seen, account: account ?? none };
  if (account) {
    account.counts.refresh++;
    account.requests.push({ ...seen, kind: "refresh" });
    const scripted = account.take("refresh");
    if (scripted) return scripted(call);
  }
  // A spent token is a stolen one: the whole family dies.
  if (account?.spent.has(token)) account.dead = true;
  const isClient =
    form === "social" ||
    (seen.body["clientId"] === account?.clientId && seen.body["clientSecret"] === account?.clientSecret);
  if (!account || account.dead || !isClient || (form === "social") !== (account.login === "social")) {
    return form === "social"
      ? json(401, { message: "Bad credentials" })(call)
      : refusal(400, "invalid_grant", "Invalid refresh token provided")(call);
  }
  rotate(account);
  return json(200, tokensOf(world, account, form === "social"))(call);
}

/** Plays the user in the browser: checks the address and gives the one that the sign-in ends on. */
export function authorize(world: AuthWorld, address: string, option = "google"): string {
  const { pathname, searchParams: query } = new URL(address);
  const challenge = query.get("code_challenge") ?? "";
  const redirect = query.get("redirect_uri") ?? "";
  const isPortal = pathname.endsWith("/signin");
  if (query.get("code_challenge_method") !== "S256" || challenge.length !== 43) world.violations.push("code challenge");
  if (!isPortal && !["Google", "Github"].includes(query.get("idp") ?? "")) world.violations.push("idp");
  if (isPortal && query.get("redirect_from") === null) world.violations.push("redirect_from");
  const back = isPortal ? `${redirect}/oauth/callback?login_option=${option}` : redirect;
  world.asked = { challenge, redirectUri: back, code: "code-1" };
  const extra = new URLSearchParams({ code: "code-1", state: query.get("state") ?? "" });
  return `${back}${back.includes("?") ? "&" : "?"}${extra}`;
}

/** A JSON body; an empty object for any other. */
export function bodyOf(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const parsed: unknown = JSON.parse(bytes.toString("utf8"));
  return isObject(parsed) ? parsed : {};
}
