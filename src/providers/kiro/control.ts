import { GatewayError } from "../../chat/error.ts";
import { sleep } from "../../lib/clock.ts";
import { isObject } from "../../lib/json.ts";
import type { AccountContext, ProbeResult } from "../provider.ts";
import { isLapsing, type KiroCredential } from "./credential.ts";
import { callHeaders, type Caller } from "./headers.ts";
import { addressOf, apiRegion, kindOf, profileOf, type KiroUrls } from "./hosts.ts";
import { allowanceOf, nextMonth, resetAfter } from "./limits.ts";
import { readMemory, type KiroMemory } from "./memory.ts";
import { modelsOfPage, type KiroModel } from "./models.ts";
import { refusalOf, toError } from "./refusal.ts";
import { send, type Call } from "./reply.ts";

export interface ControlSettings {
  readonly urls: KiroUrls;
  /** The agent of the account. */
  userAgentOf(context: AccountContext<KiroCredential>): string;
}

type Context = AccountContext<KiroCredential>;
type Plane = "management" | "legacy";

interface Question {
  readonly name: "usage" | "models" | "profiles";
  /** The next page. */
  readonly nextToken?: string;
  /** Another region than the account's. */
  readonly region?: string;
}

const MOST_PAGES = 10;
const RESET_DEADLINE_MS = 5_000;
/** The service's answer to a Builder ID that asks for its profiles. */
const NO_PROFILES = /Builder ID is not supported/i;
const PATHS = {
  usage: { management: "/Get-Usage-Limits", legacy: "/getUsageLimits" },
  models: { management: "/List-Available-Models", legacy: "/ListAvailableModels" },
  profiles: { management: "/List-Available-Profiles", legacy: "/" },
} as const satisfies Record<Question["name"], Record<Plane, string>>;

const PROFILE_HEADERS = {
  management: { "content-type": "application/json" },
  legacy: {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AmazonCodeWhispererService.ListAvailableProfiles",
  },
} as const satisfies Record<Plane, Record<string, string>>;
const USAGE = {
  management: { origin: "KIRO_CLI", resourceType: "CREDIT", isEmailRequired: "false" },
  legacy: { origin: "AI_EDITOR", resourceType: "AGENTIC_REQUEST" },
} as const satisfies Record<Plane, Record<string, string>>;

/** A credential that lives long enough to begin with. @throws what renewing throws */
export async function usable(context: Context): Promise<KiroCredential> {
  const { credential } = context.account;
  return isLapsing(credential, context.clock.now()) ? context.renew(credential) : credential;
}

/** The free call that tells what is left. @throws GatewayError quota-exhausted when nothing is, until the reset */
export async function probeAccount(settings: ControlSettings, context: Context): Promise<ProbeResult> {
  const allowance = allowanceOf(await ask(settings, context, { name: "usage" }));
  if (!allowance) {
    throw new GatewayError("upstream-changed", "Kiro's usage answer has no `usageBreakdownList`.", {
      field: "usageBreakdownList",
    });
  }
  const { quota, exhausted } = allowance;
  if (!exhausted) return { quota };
  const retryAt = resetAfter(context.clock.now(), quota.resetsAt);
  const text = `The allowance of this Kiro account is used up: ${quota.used} of ${quota.limit} ${quota.unit}.`;
  throw new GatewayError("quota-exhausted", text, { retryAt });
}

/**
 * When a used-up allowance comes back, epoch ms: what the free call says, else the first of the next month. The client
 * waits for it, so it gets little time.
 */
export async function resetTime(settings: ControlSettings, context: Context): Promise<number> {
  const deadline = new AbortController();
  const signal = AbortSignal.any([context.signal, deadline.signal]);
  const late = sleep(context.clock, RESET_DEADLINE_MS, signal).then(
    () => deadline.abort(),
    () => undefined,
  );
  const now = context.clock.now();
  try {
    const allowance = allowanceOf(await ask(settings, { ...context, signal }, { name: "usage" }));
    return resetAfter(now, allowance?.quota.resetsAt);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug("reset-unknown", { reason: error instanceof GatewayError ? error.kind : "aborted" });
    return nextMonth(now);
  } finally {
    deadline.abort();
    await late;
  }
}

/** The account's own list of models, all its pages. @throws GatewayError */
export async function listModels(settings: ControlSettings, context: Context): Promise<KiroModel[]> {
  const models: KiroModel[] = [];
  let token: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = modelsOfPage(
      await ask(settings, context, { name: "models", ...(token === undefined ? {} : { nextToken: token }) }),
    );
    if (!page) throw new GatewayError("upstream-changed", "Kiro's model answer has no `models`.", { field: "models" });
    models.push(...page.models);
    token = page.nextToken;
    if (token === undefined) break;
  }
  return models;
}

/**
 * Looks the account's profile up: the first that is listed, in the account's region and then in the other. A Builder ID
 * that was taken for an organisation's account shows here, and is remembered as what it is.
 * @returns what is to be remembered; undefined when no profile was found
 * @throws GatewayError when the look-up itself failed
 */
export async function findProfile(settings: ControlSettings, context: Context): Promise<KiroMemory | undefined> {
  const memory = readMemory(context.account.memory);
  const here = apiRegion(context.account.credential, memory);
  let down: GatewayError | undefined;
  for (const region of [here, here === "us-east-1" ? "eu-central-1" : "us-east-1"]) {
    try {
      const answer = await ask(settings, context, { name: "profiles", region });
      const profiles = isObject(answer) && Array.isArray(answer["profiles"]) ? answer["profiles"] : [];
      const arn = profiles.map((profile) => (isObject(profile) ? profile["arn"] : undefined))[0];
      if (typeof arn === "string" && arn !== "") return { ...memory, profileArn: arn };
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (NO_PROFILES.test(error.message)) return { ...memory, kind: "builder-id" };
      context.signal.throwIfAborted();
      if (error.needsLogin || error.kind === "suspended") throw error;
      if (isConnection(error)) down = error;
      context.log.debug("profile-not-found", { region, kind: error.kind });
    }
  }
  // Nobody could be asked: that the profile is missing then is not the account's fault.
  if (down) throw down;
  return undefined;
}

/** One question to the control plane: the host that fits the account first, the other when it is refused or down. */
async function ask(settings: ControlSettings, context: Context, question: Question): Promise<unknown> {
  const memory = readMemory(context.account.memory);
  let credential = await usable(context);
  let renewed = credential !== context.account.credential || credential.kind === "api-key";
  const planes = planesOf(credential, memory);
  let failure: GatewayError | undefined;
  for (let index = 0; index < planes.length; index++) {
    const plane = planes[index] ?? "legacy";
    try {
      const caller = { credential, userAgent: settings.userAgentOf(context) };
      const reply = await send(context, callOf(settings.urls, caller, memory, plane, question));
      if (reply.ok && isObject(reply.json)) return reply.json;
      const refusal = refusalOf(reply.answer, context.clock.now());
      failure = reply.ok ? new GatewayError("upstream-changed", "Kiro's answer is no JSON object.") : toError(refusal);
      if (refusal.remedies.includes("renew") && !renewed) {
        renewed = true;
        credential = await context.renew(credential);
        index--;
        continue;
      }
      if (!refusal.remedies.includes("host") || NO_PROFILES.test(failure.message)) throw failure;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof GatewayError) || error === failure || !isConnection(error)) throw error;
      failure = error;
    }
  }
  throw failure ?? new GatewayError("upstream-broken", "Kiro could not be asked.");
}

/** The connection itself failed: another host may be there. */
export function isConnection(error: unknown): error is GatewayError {
  return error instanceof GatewayError && (error.kind === "upstream-broken" || error.kind === "upstream-timeout");
}

function planesOf(credential: KiroCredential, memory: KiroMemory): Plane[] {
  if (kindOf(credential, memory) === "api-key") return ["legacy"];
  return memory.host === undefined || memory.host === "runtime" ? ["management", "legacy"] : ["legacy", "management"];
}

function callOf(urls: KiroUrls, caller: Caller, memory: KiroMemory, plane: Plane, question: Question): Call {
  const { credential } = caller;
  const { name, nextToken, region = apiRegion(credential, memory) } = question;
  const url = `${addressOf(plane === "management" ? urls.managementUrl : urls.legacyUrl, region)}${PATHS[name][plane]}`;
  const headers = {
    ...callHeaders(caller),
    accept: "application/json",
    "amz-sdk-invocation-id": crypto.randomUUID(),
    "amz-sdk-request": "attempt=1; max=1",
  };
  if (name === "profiles")
    return { method: "POST", url, headers: { ...headers, ...PROFILE_HEADERS[plane] }, body: "{}" };
  const profileArn = profileOf(credential, memory, plane === "management" ? "runtime" : "legacy");
  const query = new URLSearchParams({
    ...(name === "usage" ? USAGE[plane] : { origin: "AI_EDITOR" }),
    ...(profileArn === undefined ? {} : { profileArn }),
    ...(nextToken === undefined ? {} : { nextToken }),
  });
  return { method: "GET", url: `${url}?${query}`, headers };
}
