import { GatewayError } from "../../chat/error.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { isObject } from "../../lib/json.ts";
import type { AccountContext, ProbeResult } from "../provider.ts";
import { isLapsing, type KiroCredential } from "./credential.ts";
import { callHeaders, type Caller } from "./headers.ts";
import { addressOf, apiRegion, kindOf, listsProfiles, profileOf, type KiroUrls } from "./hosts.ts";
import { allowanceOf, nextMonth, resetAfter } from "./limits.ts";
import { readMemory, type KiroMemory } from "./memory.ts";
import { modelsOfPage, type KiroModel } from "./models.ts";
import { refusalOf, toError, type Refusal } from "./refusal.ts";
import { send, type Call } from "./reply.ts";

export interface ControlSettings {
  readonly urls: KiroUrls;
  /** The agent of the account. */
  userAgentOf(context: AccountContext<KiroCredential>): string;
}

type Context = AccountContext<KiroCredential>;
/** The management host by path and by target, and the host of before May 2026. */
type Plane = "management" | "target" | "legacy";

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
const OPERATIONS = {
  usage: "GetUsageLimits",
  models: "ListAvailableModels",
  profiles: "ListAvailableProfiles",
} as const;
/** No path: the host takes this question by target only. */
const PATHS = {
  usage: { management: "/Get-Usage-Limits", target: undefined, legacy: "/getUsageLimits" },
  models: { management: "/List-Available-Models", target: undefined, legacy: "/ListAvailableModels" },
  profiles: { management: "/List-Available-Profiles", target: undefined, legacy: undefined },
} as const satisfies Record<Question["name"], Record<Plane, string | undefined>>;
const TARGETS = {
  management: "KiroControlPlaneBearerService",
  target: "KiroControlPlaneBearerService",
  legacy: "AmazonCodeWhispererService",
} as const satisfies Record<Plane, string>;
const USAGE = {
  management: { origin: "KIRO_CLI", resourceType: "CREDIT", isEmailRequired: false },
  target: { origin: "KIRO_CLI", resourceType: "CREDIT", isEmailRequired: false },
  legacy: { origin: "AI_EDITOR", resourceType: "AGENTIC_REQUEST" },
} as const satisfies Record<Plane, Record<string, string | boolean>>;

/** A credential that lives long enough to begin with. @throws what renewing throws */
export async function usable(context: Context): Promise<KiroCredential> {
  const { credential } = context.account;
  return isLapsing(credential, context.clock.now()) ? context.renew(credential) : credential;
}

/** The free call that tells what is left. @throws GatewayError when the account does not work */
export async function probeAccount(settings: ControlSettings, context: Context): Promise<ProbeResult> {
  const allowance = allowanceOf(await new ControlPlane(settings, context).ask({ name: "usage" }));
  if (!allowance) {
    throw new GatewayError("upstream-changed", "Kiro's usage answer has no `usageBreakdownList`.", {
      field: "usageBreakdownList",
    });
  }
  const { quota, exhausted } = allowance;
  if (!exhausted) return { quota };
  return { quota, exhaustedUntil: resetAfter(context.clock.now(), quota.resetsAt) };
}

/**
 * When a used-up allowance comes back, epoch ms: what the free call says, else the first of the next month. The client
 * waits for it, so it gets little time.
 */
export async function resetTime(settings: ControlSettings, context: Context): Promise<number> {
  const { clock, signal: outer } = context;
  const late = new GatewayError("upstream-timeout", "Kiro did not tell its allowance in time.");
  const now = clock.now();
  try {
    const answer = await withDeadline({ clock, ms: RESET_DEADLINE_MS, late, outer }, (signal) =>
      new ControlPlane(settings, { ...context, signal }).ask({ name: "usage" }),
    );
    const allowance = allowanceOf(answer);
    return resetAfter(now, allowance?.quota.resetsAt);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug("reset-unknown", { reason: error instanceof GatewayError ? error.kind : "aborted" });
    return nextMonth(now);
  }
}

/** The account's own list of models, all its pages, with what else is to be remembered. @throws GatewayError */
export async function listModels(settings: ControlSettings, context: Context): Promise<KiroMemory> {
  const plane = new ControlPlane(settings, context);
  const models: KiroModel[] = [];
  let token: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = modelsOfPage(
      await plane.ask({ name: "models", ...(token === undefined ? {} : { nextToken: token }) }),
    );
    if (!page) throw new GatewayError("upstream-changed", "Kiro's model answer has no `models`.", { field: "models" });
    models.push(...page.models);
    token = page.nextToken;
    if (token === undefined) break;
  }
  return { ...plane.memory, models };
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
  const plane = new ControlPlane(settings, context);
  let down: GatewayError | undefined;
  for (const region of [here, here === "us-east-1" ? "eu-central-1" : "us-east-1"]) {
    try {
      const answer = await plane.ask({ name: "profiles", region });
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

/** The questions of one errand: what one of them learns about the account, the next one knows. */
class ControlPlane {
  readonly #settings: ControlSettings;
  readonly #context: Context;
  #credential: KiroCredential;
  #memory: KiroMemory;
  #renewed = false;
  #lookedUp = false;

  constructor(settings: ControlSettings, context: Context) {
    this.#settings = settings;
    this.#context = context;
    this.#credential = context.account.credential;
    this.#memory = readMemory(context.account.memory);
  }

  get memory(): KiroMemory {
    return this.#memory;
  }

  /** One question: the host that fits the account first, the next when it is refused or down. */
  async ask(question: Question): Promise<unknown> {
    await this.#prepare(question);
    const planes = planesOf(this.#credential, this.#memory);
    let failure: GatewayError | undefined;
    for (let index = 0; index < planes.length; index++) {
      const plane = planes[index] ?? "legacy";
      try {
        const caller = { credential: this.#credential, userAgent: this.#settings.userAgentOf(this.#context) };
        const reply = await send(this.#context, callOf(this.#settings.urls, caller, this.#memory, plane, question));
        if (reply.ok && isObject(reply.json)) return reply.json;
        const refusal = refusalOf(reply.answer, this.#context.clock.now());
        failure = reply.ok
          ? new GatewayError("upstream-changed", "Kiro's answer is no JSON object.")
          : toError(refusal);
        if (await this.#mend(refusal, question)) {
          index--;
          continue;
        }
        if (!refusal.remedies.includes("host") || NO_PROFILES.test(failure.message)) throw failure;
      } catch (error) {
        this.#context.signal.throwIfAborted();
        if (!(error instanceof GatewayError) || error === failure || !isConnection(error)) throw error;
        failure = error;
      }
      // The same host by target only helps where the path was not known.
      if (failure.kind !== "upstream-changed" && planes[index + 1] === "target") index++;
    }
    throw failure ?? new GatewayError("upstream-broken", "Kiro could not be asked.");
  }

  /** A token that lasts, and the profile without which the management host refuses everything. */
  async #prepare({ name }: Question): Promise<void> {
    const { clock } = this.#context;
    if (isLapsing(this.#credential, clock.now())) await this.#renew();
    const isUnknown = profileOf(this.#credential, this.#memory, "runtime") === undefined;
    if (name !== "profiles" && isUnknown && !this.#lookedUp) await this.#lookUp();
  }

  /** True when something was learnt that makes the same question worth asking again. */
  async #mend({ remedies }: Refusal, { name }: Question): Promise<boolean> {
    if (remedies.includes("renew") && !this.#renewed && this.#credential.kind !== "api-key") {
      await this.#renew();
      return true;
    }
    return remedies.includes("profile") && name !== "profiles" && !this.#lookedUp && this.#lookUp();
  }

  async #renew(): Promise<void> {
    this.#renewed = true;
    this.#credential = await this.#context.renew(this.#credential);
  }

  /** @returns whether something new was learnt, which is remembered then */
  async #lookUp(): Promise<boolean> {
    this.#lookedUp = true;
    if (!listsProfiles(kindOf(this.#credential, this.#memory))) return false;
    const account = { ...this.#context.account, credential: this.#credential, memory: this.#memory };
    const found = await findProfile(this.#settings, { ...this.#context, account });
    if (!found || Bun.deepEquals(found, this.#memory)) return false;
    this.#memory = found;
    this.#context.remember(found);
    return true;
  }
}

/** The connection itself failed: another host may be there. */
export function isConnection(error: unknown): error is GatewayError {
  return error instanceof GatewayError && (error.kind === "upstream-broken" || error.kind === "upstream-timeout");
}

function planesOf(credential: KiroCredential, memory: KiroMemory): Plane[] {
  if (kindOf(credential, memory) === "api-key") return ["legacy"];
  const isLegacy = memory.host === "legacy" || memory.host === "codewhisperer";
  return isLegacy ? ["legacy", "management", "target"] : ["management", "target", "legacy"];
}

function callOf(urls: KiroUrls, caller: Caller, memory: KiroMemory, plane: Plane, question: Question): Call {
  const { credential } = caller;
  const { name, nextToken, region = apiRegion(credential, memory) } = question;
  const base = addressOf(plane === "legacy" ? urls.legacyUrl : urls.managementUrl, region);
  const path = PATHS[name][plane];
  const headers = {
    ...callHeaders(caller),
    accept: "application/json",
    "amz-sdk-invocation-id": crypto.randomUUID(),
    "amz-sdk-request": "attempt=1; max=1",
  };
  const profileArn = profileOf(credential, memory, plane === "legacy" ? "legacy" : "runtime");
  const fields = {
    ...(name === "usage" ? USAGE[plane] : { origin: "AI_EDITOR" }),
    ...(profileArn === undefined ? {} : { profileArn }),
    ...(nextToken === undefined ? {} : { nextToken }),
  };
  const input = name === "profiles" ? {} : fields;
  if (path === undefined) {
    const target = `${TARGETS[plane]}.${OPERATIONS[name]}`;
    const typed = { ...headers, "content-type": "application/x-amz-json-1.0", "x-amz-target": target };
    return { method: "POST", url: `${base}/`, headers: typed, body: JSON.stringify(input) };
  }
  if (name === "profiles") {
    const typed = { ...headers, "content-type": "application/json" };
    return { method: "POST", url: `${base}${path}`, headers: typed, body: "{}" };
  }
  const query = new URLSearchParams(Object.entries(input).map(([field, value]) => [field, String(value)]));
  return { method: "GET", url: `${base}${path}?${query}`, headers };
}
