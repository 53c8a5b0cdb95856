import { GatewayError } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import type { ServiceContext, SignInState } from "../provider.ts";
import { isConnection } from "./control.ts";
import { BUILDER_ID_START, DEFAULT_REGION, isRegion, originOf, type KiroCredential } from "./credential.ts";
import { addressOf, type KiroUrls } from "./hosts.ts";
import { renewed } from "./refresh.ts";
import { send, type Reply } from "./reply.ts";

/** AWS single sign-on by device code, for Builder ID and IAM Identity Center; protocol.md, "Sign-in". */

const SCOPES = ["completions", "analysis", "conversations", "transformations", "taskassist"];
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const DEFAULT_INTERVAL_S = 5;
const SLOWER_S = 5;
const DEFAULT_LIFE_S = 600;

interface DeviceData {
  readonly kind: "builder-id" | "idc";
  readonly region: string;
  readonly startUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientSecretExpiresAt?: number;
  readonly deviceCode: string;
  readonly intervalS: number;
}

/** Registers a client and asks for a code. @throws GatewayError invalid-request for a bad start address or region */
export async function beginDevice(
  method: "builder-id" | "idc",
  input: Readonly<Record<string, string>>,
  urls: KiroUrls,
  context: ServiceContext,
): Promise<SignInState> {
  const region = input["region"]?.trim() || DEFAULT_REGION;
  if (!isRegion(region)) {
    throw new GatewayError("invalid-request", "The region must look like us-east-1.", { field: "region" });
  }
  const startUrl = method === "builder-id" ? BUILDER_ID_START : startAddress(input["startUrl"] ?? "");
  const post = (path: string, body: unknown) => postJson(`${addressOf(urls.oidcUrl, region)}${path}`, body, context);

  const registration = await post("/client/register", {
    clientName: "Sluice",
    clientType: "public",
    scopes: SCOPES.map((scope) => `codewhisperer:${scope}`),
    grantTypes: [DEVICE_GRANT, "refresh_token"],
    issuerUrl: startUrl,
  });
  const clientId = required(registration, "clientId");
  const clientSecret = required(registration, "clientSecret");
  const secretEnds = isObject(registration.json) ? registration.json["clientSecretExpiresAt"] : undefined;

  const authorization = await post("/device_authorization", { clientId, clientSecret, startUrl });
  const fields = isObject(authorization.json) ? authorization.json : {};
  const intervalS = positive(fields["interval"]) ?? DEFAULT_INTERVAL_S;
  const data: DeviceData = {
    kind: method,
    region,
    startUrl,
    clientId,
    clientSecret,
    ...(typeof secretEnds === "number" && secretEnds > 0 ? { clientSecretExpiresAt: secretEnds * 1000 } : {}),
    deviceCode: required(authorization, "deviceCode"),
    intervalS,
  };
  const complete = fields["verificationUriComplete"];
  const url = typeof complete === "string" ? complete : required(authorization, "verificationUri");
  return {
    method,
    data,
    expiresAt: context.clock.now() + (positive(fields["expiresIn"]) ?? DEFAULT_LIFE_S) * 1000,
    prompt: { kind: "code", userCode: required(authorization, "userCode"), url, pollAfterMs: intervalS * 1000 },
  };
}

/**
 * Asks once. A server that fails or cannot be reached for the moment is asked again; `slow_down` lengthens the wait for
 * good.
 */
export async function pollDevice(
  state: SignInState,
  urls: KiroUrls,
  context: ServiceContext,
): Promise<{ credential: KiroCredential } | { state: SignInState }> {
  const now = context.clock.now();
  if (now >= state.expiresAt) throw ranOut();
  const data = state.data as DeviceData;
  const { clientId, clientSecret, deviceCode, region } = data;
  const call = {
    method: "POST",
    url: `${addressOf(urls.oidcUrl, region)}/token`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ clientId, clientSecret, deviceCode, grantType: DEVICE_GRANT }),
  } as const;
  const reply = await send(context, call).catch((error: unknown) => {
    if (isConnection(error)) return undefined;
    throw error;
  });
  if (!reply) return { state };
  if (reply.ok) return { credential: credentialOf(data, reply.json, now) };
  const error = isObject(reply.json) && typeof reply.json["error"] === "string" ? reply.json["error"] : "";
  switch (error) {
    case "authorization_pending":
      return { state };
    case "slow_down":
      return { state: slower(state, data) };
    case "expired_token":
      throw ranOut();
    case "access_denied":
      throw new GatewayError("auth-rejected", "The sign-in was refused in the browser.");
  }
  if (reply.status >= 500 || reply.status === 429) return { state };
  throw new GatewayError("auth-rejected", "AWS did not accept this sign-in: begin again.");
}

function slower(state: SignInState, data: DeviceData): SignInState {
  const intervalS = data.intervalS + SLOWER_S;
  const prompt = state.prompt.kind === "code" ? { ...state.prompt, pollAfterMs: intervalS * 1000 } : state.prompt;
  return { ...state, data: { ...data, intervalS }, prompt };
}

function credentialOf(data: DeviceData, json: unknown, now: number): KiroCredential {
  const { kind, region, startUrl, clientId, clientSecret, clientSecretExpiresAt } = data;
  const refreshToken = isObject(json) ? json["refreshToken"] : undefined;
  if (typeof refreshToken !== "string" || refreshToken === "") {
    throw new GatewayError("upstream-changed", "Kiro's token answer has no `refreshToken`.", { field: "refreshToken" });
  }
  const login = { kind, region, startUrl, clientId, clientSecret, origin: originOf(refreshToken), accessToken: "" };
  return renewed({ ...login, ...(clientSecretExpiresAt === undefined ? {} : { clientSecretExpiresAt }) }, json, now);
}

/** The organisation's start address, as it is registered: without what the browser adds behind `/start`. */
export function startAddress(text: string): string {
  const url = URL.parse(text.trim());
  if (url?.protocol !== "https:" || url.username !== "") {
    throw new GatewayError(
      "invalid-request",
      "The start URL must be the https address of your organisation, such as https://d-1234567890.awsapps.com/start.",
      { field: "startUrl" },
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

async function postJson(url: string, body: unknown, context: ServiceContext): Promise<Reply> {
  const headers = { "content-type": "application/json" };
  const reply = await send(context, { method: "POST", url, headers, body: JSON.stringify(body) });
  if (reply.ok) return reply;
  if (reply.status === 400 || reply.status === 401) {
    throw new GatewayError("invalid-request", "AWS does not accept this start URL in this region.", {
      field: "startUrl",
    });
  }
  throw new GatewayError("upstream-broken", `The sign-in service of AWS answered with status ${reply.status}.`);
}

function required({ json }: Reply, field: string): string {
  const value = isObject(json) ? json[field] : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new GatewayError("upstream-changed", `The sign-in answer of AWS has no \`${field}\`.`, { field });
}

const positive = (value: unknown): number | undefined => (typeof value === "number" && value > 0 ? value : undefined);

const ranOut = (): GatewayError => new GatewayError("auth-rejected", "The sign-in ran out: begin again.");
