import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import type { ServiceContext, SignInState } from "../provider.ts";
import { DEFAULT_REGION, originOf, type KiroCredential } from "./credential.ts";
import { addressOf, type KiroUrls } from "./hosts.ts";
import { renewed } from "./refresh.ts";
import { send } from "./reply.ts";

/**
 * Google and GitHub through Kiro's own sign-in with PKCE, in two forms: the page of 2026 that comes back to a port of
 * this machine, and the older address that ends on the IDE's own scheme, whose address the user pastes.
 */
export type BrowserMethod = "google" | "github" | "google-ide" | "github-ide";

const CALLBACK_PORT = 3128;
const CALLBACK_PATH = "/oauth/callback";
const IDE_REDIRECT = "kiro://kiro.kiroAgent/authenticate-success";
const LIFE_MS = 600_000;

interface BrowserData {
  readonly verifier: string;
  readonly state: string;
  readonly redirectUri: string;
  readonly region: string;
}

/** Makes the address to open. */
export async function beginBrowser(
  method: BrowserMethod,
  urls: KiroUrls,
  context: ServiceContext,
): Promise<SignInState> {
  const verifier = randomWord();
  const state = randomWord();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const challenge = new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true });
  const pkce = { state, code_challenge: challenge, code_challenge_method: "S256" };
  const isIde = method.endsWith("-ide");
  const region = DEFAULT_REGION;
  const redirectUri = isIde ? IDE_REDIRECT : `http://localhost:${CALLBACK_PORT}`;
  const idp = method.startsWith("google") ? "Google" : "Github";
  const url = isIde
    ? `${addressOf(urls.authUrl, region)}/login?${new URLSearchParams({ idp, redirect_uri: redirectUri, ...pkce, prompt: "select_account" })}`
    : `${addressOf(urls.portalUrl, region)}/signin?${new URLSearchParams({ ...pkce, redirect_uri: redirectUri, redirect_from: "KiroIDE" })}`;
  const data: BrowserData = { verifier, state, redirectUri, region };
  const callback = isIde ? {} : { callback: { port: CALLBACK_PORT, path: CALLBACK_PATH } };
  return { method, data, expiresAt: context.clock.now() + LIFE_MS, prompt: { kind: "browser", url, ...callback } };
}

/** Takes the address that the browser ended on and exchanges its code. */
export async function completeBrowser(
  signIn: SignInState,
  address: string,
  urls: KiroUrls,
  context: ServiceContext,
): Promise<KiroCredential> {
  if (context.clock.now() >= signIn.expiresAt) {
    throw new GatewayError("auth-rejected", "The sign-in ran out: begin again.");
  }
  const data = signIn.data as BrowserData;
  const { code, loginOption } = codeOf(address, data.state);
  // The page of 2026 wants the address back with the choice that was made on it.
  const redirectUri =
    data.redirectUri === IDE_REDIRECT
      ? IDE_REDIRECT
      : `${data.redirectUri}${CALLBACK_PATH}${loginOption === undefined ? "" : `?${new URLSearchParams({ login_option: loginOption })}`}`;
  const reply = await send(context, {
    method: "POST",
    url: `${addressOf(urls.authUrl, data.region)}/oauth/token`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, code_verifier: data.verifier, redirect_uri: redirectUri }),
  });
  if (reply.status >= 500 || reply.status === 429) {
    throw new GatewayError("upstream-broken", `Kiro's sign-in service answered with status ${reply.status}.`);
  }
  if (!reply.ok) throw new GatewayError("auth-rejected", "Kiro did not accept this sign-in: begin again.");
  const refreshToken = isObject(reply.json) ? reply.json["refreshToken"] : undefined;
  if (typeof refreshToken !== "string" || refreshToken === "") {
    throw new GatewayError("upstream-changed", "Kiro's token answer has no `refreshToken`.", { field: "refreshToken" });
  }
  const login = { kind: "social", region: data.region, origin: originOf(refreshToken), accessToken: "" } as const;
  return renewed(login, reply.json, context.clock.now());
}

/** The code in a pasted address. @throws GatewayError invalid-request when it is not the end of this sign-in */
export function codeOf(address: string, state: string): { code: string; loginOption: string | undefined } {
  const query = URL.parse(address.trim())?.searchParams ?? new URLSearchParams(address.trim().replace(/^[^?]*\?/, ""));
  const refused = query.get("error");
  if (refused !== null) throw new GatewayError("auth-rejected", "The sign-in was refused in the browser.");
  if (query.get("state") !== state) {
    throw wrongAddress(
      query.has("state")
        ? "This address belongs to another sign-in: paste the one that this sign-in ended on."
        : "This is not the address that the sign-in ended on: it holds `code=` and `state=`.",
    );
  }
  const loginOption = query.get("login_option") ?? undefined;
  if (query.has("issuer_url") || query.has("idc_region") || /builder|idc|awsidc|iam/i.test(loginOption ?? "")) {
    throw wrongAddress("AWS was chosen on that page: begin again with Builder ID or IAM Identity Center instead.");
  }
  const code = query.get("code");
  if (!code) throw wrongAddress("The address holds no `code=`: copy all of it.");
  return { code, loginOption };
}

function wrongAddress(message: string): GatewayError {
  return new GatewayError("invalid-request", message, { field: "address" });
}

function randomWord(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}
