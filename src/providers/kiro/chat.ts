import { GatewayError } from "../../chat/error.ts";
import { isFirstEvent, type UpstreamEvent, type UpstreamStream } from "../../chat/event.ts";
import type { ChatRequest } from "../../chat/request.ts";
import type { Abortable } from "../../lib/abort.ts";
import { sleep } from "../../lib/clock.ts";
import { EventStreamError, readEventStream } from "../../lib/event-stream.ts";
import type { UpstreamResponse } from "../../lib/fetch.ts";
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { TurnContext } from "../provider.ts";
import { Answer } from "./answer.ts";
import { bodyOf, type Body } from "./body.ts";
import { findProfile, isConnection, resetTime, usable, type ControlSettings } from "./control.ts";
import type { KiroCredential } from "./credential.ts";
import { chatHeaders } from "./headers.ts";
import { hostsOf, kindOf, listsProfiles, profileOf, type Host } from "./hosts.ts";
import { readMemory, type KiroMemory } from "./memory.ts";
import { modelOf, type KiroModel } from "./models.ts";
import { KiroRefusal, refusalOf, toError, tooLong, type Refusal, type Remedy } from "./refusal.ts";
import { brokenOff, readReply } from "./reply.ts";
import { promptTokens } from "./tokens.ts";

const MOST_RETRIES = 3;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 2_000;

/** Which remedies an attempt has used up. */
export interface Tried {
  readonly remedies: ReadonlySet<Remedy>;
  readonly retries: number;
  /** The host in use, and how many there are. */
  readonly host: number;
  readonly hosts: number;
}

/** The first remedy of a refusal that is still open; undefined when the attempt has to give up. */
export function nextRemedy(refusal: Pick<Refusal, "remedies">, tried: Tried): Remedy | undefined {
  return refusal.remedies.find((remedy) => {
    if (remedy === "retry") return tried.retries < MOST_RETRIES;
    if (remedy === "host") return tried.host + 1 < tried.hosts;
    return !tried.remedies.has(remedy);
  });
}

/** The wait before the n-th retry, from 1: 200 ms, doubled each time, at most 2 s. */
export function retryWaitMs(retry: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (retry - 1), LONGEST_WAIT_MS);
}

/** One turn. All remedies end with the first event: what broke after it stays broken. */
export async function* chat(
  settings: ControlSettings,
  request: ChatRequest,
  context: TurnContext<KiroCredential>,
): UpstreamStream {
  const turn = new Turn(settings, request, context);
  await turn.begin();
  for (;;) {
    let began = false;
    try {
      for await (const events of turn.events()) {
        began ||= events.some((event) => isFirstEvent(event) || event.type === "end");
        yield events;
      }
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      const failure = turn.failureOf(error);
      if (began || !(await turn.remedy(failure))) throw await turn.verdict(failure);
    }
  }
}

/** What an attempt knows: how often it tried, with which token, host and profile. */
class Turn {
  readonly #settings: ControlSettings;
  readonly #request: ChatRequest;
  readonly #context: TurnContext<KiroCredential>;
  readonly #invocationId = crypto.randomUUID();
  readonly #model: KiroModel;
  readonly #remedies = new Set<Remedy>();
  #credential: KiroCredential;
  #memory: KiroMemory;
  #hosts: readonly Host[] = [];
  #host = 0;
  #retries = 0;
  #attempts = 0;
  #wasEmpty = false;
  /** A host that could not be reached: what the others refuse then says little about the account. */
  #unreached: GatewayError | undefined;
  #body: Body | undefined;

  constructor(settings: ControlSettings, request: ChatRequest, context: TurnContext<KiroCredential>) {
    this.#settings = settings;
    this.#request = request;
    this.#context = context;
    this.#credential = context.account.credential;
    this.#memory = readMemory(context.account.memory);
    this.#model = modelOf(context.model, this.#memory.models);
    // An API key cannot be renewed: its hosts are tried at once.
    if (this.#credential.kind === "api-key") this.#remedies.add("renew");
  }

  /** Makes sure of a token that lasts and of the profile that the first host asks for. */
  async begin(): Promise<void> {
    this.#credential = await usable(this.#context);
    const kind = kindOf(this.#credential, this.#memory);
    const unknown = profileOf(this.#credential, this.#memory, "runtime") === undefined;
    if (unknown && listsProfiles(kind)) await this.#findProfile();
    this.#sortHosts();
  }

  /** One try: the call and its answer. @throws KiroRefusal for what the service refused */
  async *events(): UpstreamStream {
    const host = this.#current();
    const { signal, clock } = this.#context;
    const response = await this.#post(host);
    if (!response.ok || !isEventStream(response)) throw await this.#refused(response);
    this.#remember({ host: host.name });
    const { names = new Map(), tagged = false } = this.#body ?? {};
    const contextTokens = this.#model.contextTokens;
    const answer = new Answer({ names, tagged, contextTokens, now: () => clock.now() });
    try {
      for await (const frames of readEventStream(response.body)) {
        const events: UpstreamEvent[] = [];
        let refusal: unknown;
        try {
          for (const frame of frames) events.push(...answer.take(frame));
        } catch (error) {
          refusal = error;
        }
        if (events.length > 0) yield events;
        if (refusal !== undefined) throw refusal;
      }
    } catch (error) {
      throw error instanceof KiroRefusal ? error : brokenStream(error, signal);
    }
    if (!answer.hasContent) throw new EmptyAnswer();
    yield answer.finish();
  }

  /** Anything thrown by a try, as a refusal. Our own mistakes pass through. */
  failureOf(error: unknown): Refusal | GatewayError {
    if (error instanceof KiroRefusal) return error.refusal;
    if (error instanceof EmptyAnswer) {
      const message = "Kiro gave an empty answer.";
      if (this.#wasEmpty) return { kind: "upstream-broken", message, remedies: [] };
      this.#wasEmpty = true;
      return { kind: "upstream-broken", message, remedies: ["retry"] };
    }
    if (error instanceof GatewayError) return error;
    throw error;
  }

  /** Puts the next remedy to work; false when there is none. */
  async remedy(failure: Refusal | GatewayError): Promise<boolean> {
    if (failure instanceof GatewayError) {
      if (!isConnection(failure)) return false;
      this.#unreached = failure;
      return this.#nextHost(false);
    }
    for (;;) {
      const remedy = nextRemedy(failure, {
        remedies: this.#remedies,
        retries: this.#retries,
        host: this.#host,
        hosts: this.#hosts.length,
      });
      if (remedy === undefined) return false;
      this.#context.log.debug("attempt-mended", { remedy, kind: failure.kind, host: this.#current().name });
      if (remedy === "host") return this.#nextHost(failure.kind === "upstream-changed");
      if (remedy === "retry") {
        this.#retries++;
        await sleep(this.#context.clock, retryWaitMs(this.#retries), this.#context.signal);
        return true;
      }
      this.#remedies.add(remedy);
      if (remedy === "reasoning") return true;
      if (remedy === "renew") {
        this.#credential = await this.#context.renew(this.#credential);
        return true;
      }
      if (await this.#findProfile()) return true;
    }
  }

  /** The failure that leaves this attempt, with what it means for the account. */
  async verdict(failure: Refusal | GatewayError): Promise<GatewayError> {
    if (failure instanceof GatewayError) return failure;
    const { contextTokens } = this.#model;
    const estimate = this.#body ? promptTokens(this.#body.json) : 0;
    if (failure.kind === "context-too-long") return tooLong(estimate, contextTokens);
    if (failure.malformed && estimate > contextTokens) return tooLong(estimate, contextTokens);
    if (failure.malformed) this.#context.log.error("request-malformed", { message: failure.message });
    if (failure.tells === "lacks-model") {
      this.#remember({ lacking: [...(this.#memory.lacking ?? []), this.#context.model] });
    }
    if (failure.tells?.startsWith("exhausted")) {
      const resetsAt = await resetTime(this.#settings, this.#own());
      const tomorrow = nextUtcDay(this.#context.clock.now());
      return toError({ ...failure, retryAt: failure.tells === "exhausted" ? resetsAt : Math.min(resetsAt, tomorrow) });
    }
    if (failure.kind !== "auth-rejected") return toError(failure);
    if (this.#unreached) return this.#unreached;
    const isToken = failure.remedies.includes("renew");
    const isKey = this.#credential.kind === "api-key";
    const what = isToken
      ? isKey
        ? " Make a new API key."
        : " Its renewed token was refused, too: sign in again."
      : "";
    return new GatewayError(failure.kind, `${failure.message}${what}`, { needsLogin: true });
  }

  async #post(host: Host): Promise<UpstreamResponse> {
    this.#attempts++;
    this.#body = bodyOf(this.#request, {
      dialect: host.dialect,
      model: this.#model,
      profileArn: profileOf(this.#credential, this.#memory, host.dialect),
      seed: this.#context.account.id,
      reasoning: !this.#remedies.has("reasoning"),
    });
    const caller = { credential: this.#credential, userAgent: this.#settings.userAgentOf(this.#context) };
    return this.#context.fetch(host.url, {
      method: "POST",
      headers: chatHeaders(caller, host, this.#invocationId, this.#attempts),
      body: JSON.stringify(this.#body.json),
      signal: this.#context.signal,
    });
  }

  async #refused(response: UpstreamResponse): Promise<KiroRefusal> {
    const { answer, status } = await readReply(response, this.#context.signal);
    if (status < 300) {
      const message = "Kiro answered with something that is no event stream.";
      return new KiroRefusal({ kind: "upstream-changed", message, remedies: [] });
    }
    return new KiroRefusal(refusalOf(answer, this.#context.clock.now()));
  }

  /** @param isUnknownCall the host is there and does not know the call: another way to call the same host may do */
  #nextHost(isUnknownCall: boolean): boolean {
    const { base } = this.#current();
    const next = this.#hosts.findIndex((host, at) => at > this.#host && (isUnknownCall || host.base !== base));
    if (next >= 0) this.#host = next;
    return next >= 0;
  }

  /** @returns whether something new was learnt */
  async #findProfile(): Promise<boolean> {
    const kind = kindOf(this.#credential, this.#memory);
    if (!listsProfiles(kind)) return false;
    this.#remedies.add("profile");
    const before = profileOf(this.#credential, this.#memory, "runtime");
    const found = await findProfile(this.#settings, this.#own());
    if (!found || (found.kind === undefined && found.profileArn === before)) return false;
    const host = this.#hosts[this.#host]?.name;
    this.#remember(found);
    this.#sortHosts();
    this.#host = Math.max(
      this.#hosts.findIndex(({ name }) => name === host),
      0,
    );
    return true;
  }

  #sortHosts(): void {
    this.#hosts = hostsOf(this.#credential, this.#memory, this.#settings.urls);
  }

  #current(): Host {
    const host = this.#hosts[this.#host];
    if (!host) throw new GatewayError("internal", "No Kiro host is set.");
    return host;
  }

  /** The context as this attempt knows the account now. */
  #own(): TurnContext<KiroCredential> {
    const account = { ...this.#context.account, credential: this.#credential, memory: this.#memory };
    return { ...this.#context, account };
  }

  #remember(news: KiroMemory): void {
    const memory = { ...this.#memory, ...news };
    if (Bun.deepEquals(memory, this.#memory)) return;
    this.#memory = memory;
    this.#context.remember(memory);
  }
}

/** 200 and no content at all: it happens, and a second try usually answers. */
class EmptyAnswer extends Error {
  override readonly name = "EmptyAnswer";
}

function isEventStream(response: UpstreamResponse): boolean {
  const type = response.headers.get("content-type") ?? "";
  return type === "" || type.includes("eventstream") || type.includes("octet-stream");
}

function brokenStream(error: unknown, signal: Abortable): unknown {
  if (!(error instanceof EventStreamError)) return brokenOff(error, signal);
  return new GatewayError("upstream-broken", "Kiro's answer is damaged.", { cause: error });
}
