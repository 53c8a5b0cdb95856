import type { KiroCredential, LoginKind } from "./credential.ts";
import type { KiroMemory } from "./memory.ts";
import type { KiroDialect } from "./wire.ts";

/** Where the service lives; `{region}` stands for a region in each. */
export interface KiroUrls {
  readonly runtimeUrl: string;
  readonly managementUrl: string;
  readonly legacyUrl: string;
  readonly codewhispererUrl: string;
  readonly authUrl: string;
  readonly oidcUrl: string;
  readonly portalUrl: string;
}

export const KIRO_URLS: KiroUrls = {
  runtimeUrl: "https://runtime.{region}.kiro.dev",
  managementUrl: "https://management.{region}.kiro.dev",
  legacyUrl: "https://q.{region}.amazonaws.com",
  codewhispererUrl: "https://codewhisperer.{region}.amazonaws.com",
  authUrl: "https://prod.{region}.auth.desktop.kiro.dev",
  oidcUrl: "https://oidc.{region}.amazonaws.com",
  portalUrl: "https://app.kiro.dev",
};

/** Who answers chats: the new host by target, the same by path, and the two hosts of before May 2026. */
export const HOST_NAMES = ["runtime", "runtime-rest", "legacy", "codewhisperer"] as const;
export type HostName = (typeof HOST_NAMES)[number];

export interface Host {
  readonly name: HostName;
  readonly dialect: KiroDialect;
  /** Whether the operation is named by a header; else the path names it. */
  readonly byTarget: boolean;
  /** Where it is: two ways to call one host share it. */
  readonly base: string;
  /** The whole address of the chat call. */
  readonly url: string;
}

/** Which host to try first; what worked for an account goes before it. */
const HOST_ORDER: Readonly<Record<LoginKind, readonly HostName[]>> = {
  social: ["runtime", "runtime-rest", "legacy", "codewhisperer"],
  "builder-id": ["runtime", "runtime-rest", "legacy", "codewhisperer"],
  idc: ["runtime", "runtime-rest", "legacy"],
  "external-idp": ["runtime", "runtime-rest", "legacy"],
  "api-key": ["codewhisperer", "legacy"],
};

/** The ARNs that the service's own clients send for everybody who signed in that way. */
const SOCIAL_ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";
const BUILDER_ID_ARN = "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX";

type Known = Pick<KiroCredential, "kind" | "region" | "apiRegion" | "profileArn">;

/** The address with its region, without a slash at the end. */
export function addressOf(template: string, region: string): string {
  return template.replaceAll("{region}", region).replace(/\/+$/, "");
}

/** The kind of a login: what the service showed it to be counts before what was pasted. */
export function kindOf(credential: Pick<KiroCredential, "kind">, memory: KiroMemory): LoginKind {
  return memory.kind ?? credential.kind;
}

/** The region of an account's calls. The service has two: Europe is served from Frankfurt, all others from Virginia. */
export function apiRegion(credential: Known, memory: KiroMemory): string {
  const arn = memory.profileArn ?? credential.profileArn;
  return servedFrom(credential.apiRegion ?? (arn === undefined ? undefined : arn.split(":")[3]) ?? credential.region);
}

function servedFrom(region: string): string {
  return region.startsWith("eu-") ? "eu-central-1" : "us-east-1";
}

/** The hosts to try for an account, in order; never empty. */
export function hostsOf(credential: Known, memory: KiroMemory, urls: KiroUrls): Host[] {
  const region = apiRegion(credential, memory);
  const order = HOST_ORDER[kindOf(credential, memory)];
  const names = order.filter((name) => name !== "codewhisperer" || region === "us-east-1");
  const { host } = memory;
  const sorted = host !== undefined && names.includes(host) ? [host, ...names.filter((name) => name !== host)] : names;
  return sorted.map((name) => hostOf(name, region, urls));
}

function hostOf(name: HostName, region: string, urls: KiroUrls): Host {
  const isRuntime = name === "runtime" || name === "runtime-rest";
  const template = isRuntime ? urls.runtimeUrl : name === "legacy" ? urls.legacyUrl : urls.codewhispererUrl;
  const base = addressOf(template, region);
  const byTarget = name === "runtime";
  const url = byTarget ? `${base}/` : `${base}/generateAssistantResponse`;
  return { name, dialect: isRuntime ? "runtime" : "legacy", byTarget, base, url };
}

/**
 * The profile that goes with a call. A Builder ID sends none to legacy hosts, which answer 403 to it, and a fixed one to
 * the others; an API key has none at all. Undefined also while it has to be looked up.
 */
export function profileOf(credential: Known, memory: KiroMemory, dialect: KiroDialect): string | undefined {
  const own = memory.profileArn ?? credential.profileArn;
  const kind = kindOf(credential, memory);
  if (kind === "api-key" || (kind === "builder-id" && dialect === "legacy")) return undefined;
  if (own !== undefined) return own;
  if (kind === "social") return SOCIAL_ARN;
  return kind === "builder-id" ? BUILDER_ID_ARN : undefined;
}

/** Whether the kind of login has profiles of its own that can be listed; a Builder ID is refused there. */
export function listsProfiles(kind: LoginKind): boolean {
  return kind === "idc" || kind === "external-idp" || kind === "social";
}
