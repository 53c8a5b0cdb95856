import { GatewayError } from "../../chat/error.ts";
import type { ChatRequest } from "../../chat/request.ts";
import { isObject } from "../../lib/json.ts";
import type { TurnContext } from "../provider.ts";
import { send, type Reply, type Service } from "./calls.ts";
import { isLapsing, type LangfastCredential } from "./credential.ts";
import { refusalOf, saidIn, toError, type Refusal, type Remedy } from "./failure.ts";
import type { GuestDesk } from "./guest-desk.ts";
import type { AccountDesk } from "./notes.ts";

export interface SpeakerDeps {
  readonly service: Service;
  readonly guests: GuestDesk;
  readonly desk: AccountDesk;
  readonly request: ChatRequest;
  /** The parameters that the run sends, by their names on the wire. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Speaks for an account during one turn: holds its token, knows what helps against a refusal, and what one means. */
export class Speaker {
  readonly #deps: SpeakerDeps;
  readonly #context: TurnContext<LangfastCredential>;
  readonly #tried = new Set<Remedy>();
  #credential: LangfastCredential;
  #renewed = false;

  constructor(deps: SpeakerDeps, context: TurnContext<LangfastCredential>) {
    this.#deps = deps;
    this.#context = context;
    this.#credential = context.account.credential;
  }

  get accessToken(): string {
    return this.#credential.accessToken;
  }

  get userId(): string {
    return this.#credential.userId;
  }

  /** Renews a token that would lapse before the run has begun. */
  async prepare(): Promise<void> {
    if (isLapsing(this.#credential, this.#context.clock.now())) await this.#renew();
  }

  /**
   * Calls until the service says yes or nothing helps any more.
   * @param body asked for each call, with the remedy that came before it
   * @param once the call must not be made again where it may have had its effect
   * @throws GatewayError
   */
  async call(
    path: string,
    body: (remedy: Remedy | undefined) => string | Promise<string>,
    once = false,
  ): Promise<Reply | "no-prompts"> {
    const { service } = this.#deps;
    const { account, clock } = this.#context;
    let remedy: Remedy | undefined;
    for (;;) {
      const text = await body(remedy);
      const { accessToken } = this.#credential;
      const call = { path, body: text, accessToken, userAgent: account.userAgent };
      const reply = await send(service, this.#context, call);
      if (reply.ok && !namesError(reply.json)) return reply;
      const said = saidIn(reply);
      const refusal = refusalOf(reply.ok ? { ...said, status: undefined } : said, clock.now());
      if (refusal.remedy === "no-prompts") return "no-prompts";
      if (once && reply.status === 504) throw this.errorOf(refusal);
      remedy = await this.remedy(refusal);
    }
  }

  /** Does what may help against a refusal, each remedy once a turn. @throws GatewayError when nothing does */
  async remedy(refusal: Refusal): Promise<Remedy> {
    const { remedy } = refusal;
    if (remedy === undefined || this.#tried.has(remedy)) throw this.errorOf(refusal);
    this.#tried.add(remedy);
    if (remedy === "renew") {
      const before = this.#credential.accessToken;
      await this.#renew();
      // A dead session would have been thrown: this one cannot be renewed for now, which says nothing against the account.
      if (this.#credential.accessToken === before) throw notRenewed();
    }
    return remedy;
  }

  /** What a refusal means for this account and this request. */
  errorOf(refusal: Refusal): GatewayError {
    const { desk, guests } = this.#deps;
    const { model } = this.#context;
    if (refusal.lacksModel && !desk.notes.lacking.includes(model)) {
      desk.note(this.#context, { lacking: [...desk.notes.lacking, model] });
    }
    const isGuest = this.#credential.kind === "guest";
    if (isGuest && (refusal.wantsLogin || (refusal.kind === "auth-rejected" && this.#renewed))) {
      const text =
        "LangFast no longer lets guests run prompts: sign in at langfa.st with a browser and paste your own session.";
      const error = new GatewayError("auth-rejected", text);
      guests.refuse(error);
      return error;
    }
    if (refusal.kind === "invalid-request" && refusal.field !== undefined && !this.#isAsked(refusal.field)) {
      const text = `${model} at LangFast no longer takes \`${refusal.field}\`: correct its row in the model table.`;
      return new GatewayError("upstream-changed", text, { field: refusal.field });
    }
    return toError(refusal);
  }

  async #renew(): Promise<void> {
    const fresh = await this.#context.renew(this.#credential);
    this.#renewed ||= fresh.accessToken !== this.#credential.accessToken;
    this.#credential = fresh;
  }

  /** Whether the client itself set what the service refuses. */
  #isAsked(name: string): boolean {
    const { request, meta } = this.#deps;
    const { sampling, maxOutputTokens, reasoning, responseFormat } = request;
    const [root = name] = name.split(".");
    const asked: Readonly<Record<string, boolean>> = {
      temperature: sampling.temperature !== undefined,
      top_p: sampling.topP !== undefined,
      presence_penalty: sampling.presencePenalty !== undefined,
      frequency_penalty: sampling.frequencyPenalty !== undefined,
      max_completion_tokens: maxOutputTokens !== undefined,
      reasoning_effort: Object.keys(reasoning).length > 0,
      response_format: responseFormat.type !== "text",
    };
    return !(root in meta) || root === "messages" || asked[root] === true;
  }
}

function notRenewed(): GatewayError {
  return new GatewayError("upstream-broken", "LangFast's sign-in service does not renew sessions at present.");
}

/** An error with a good status: it names one and has nothing else to say. */
function namesError(json: unknown): boolean {
  return isObject(json) && Boolean(json["error"]) && !Array.isArray(json["jobs"]);
}
