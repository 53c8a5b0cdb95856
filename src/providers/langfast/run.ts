/** One turn: a prompt of the account's own, a socket that stands first, then the run (protocol.md, "A run"). */
import { GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import type { ChatRequest } from "../../chat/request.ts";
import { isObject } from "../../lib/json.ts";
import { SocketIo, SocketIoBroken, SocketIoRefused } from "../../lib/socket-io.ts";
import type { TurnContext } from "../provider.ts";
import { field, pageHeaders, send, type Reply, type Service } from "./calls.ts";
import { isLapsing, type LangfastCredential } from "./credential.ts";
import { refusalOf, saidIn, toError, type Refusal, type Remedy } from "./failure.ts";
import type { GuestDesk } from "./guest-desk.ts";
import { Inbox } from "./inbox.ts";
import type { ModelTable } from "./models.ts";
import type { AccountDesk, Desks } from "./notes.ts";
import { readRun } from "./read.ts";
import { untilAborted } from "./waiting.ts";
import { metaOf, promptBody, runBody, TEST_CASES } from "./wire.ts";

type Context = TurnContext<LangfastCredential>;

export interface RunDeps {
  readonly service: Service;
  readonly table: () => ModelTable;
  readonly desks: Desks;
  readonly guests: GuestDesk;
  readonly firstChunkMs: () => number;
}

/** A public prompt that anyone may run: what two other clients use instead of a prompt of their own. */
const PUBLIC_PROMPT = "6456df9f-f4fd-42b3-97ff-df29af7188b7";
const CONNECT_MS = 10_000;
const DAY_MS = 86_400_000;
/** How long an abandoned run without a known id keeps the account: its late events could pass for the next one's. */
const QUARANTINE_MS = 30_000;

/** @throws GatewayError */
export async function* runTurn(
  deps: RunDeps,
  request: ChatRequest,
  context: Context,
): AsyncGenerator<readonly UpstreamEvent[]> {
  const turn = new Turn(deps, request, context);
  try {
    yield* turn.run();
  } catch (error) {
    throw turn.failure(error);
  } finally {
    turn.close();
  }
}

class Turn {
  readonly #deps: RunDeps;
  readonly #request: ChatRequest;
  readonly #context: Context;
  readonly #desk: AccountDesk;
  readonly #meta: Record<string, unknown>;
  readonly #tried = new Set<Remedy>();
  #credential: LangfastCredential;
  #renewed = false;
  #socket: SocketIo | undefined;
  #inbox: Inbox | undefined;
  #giveBack: (() => void) | undefined;
  #entered = false;
  #started = false;

  constructor(deps: RunDeps, request: ChatRequest, context: Context) {
    this.#deps = deps;
    this.#request = request;
    this.#context = context;
    this.#desk = deps.desks.of(context);
    this.#credential = context.account.credential;
    this.#meta = metaOf(request, deps.table().row(context.model));
  }

  async *run(): AsyncGenerator<readonly UpstreamEvent[]> {
    const { clock, signal } = this.#context;
    if (isLapsing(this.#credential, clock.now())) await this.#renew();
    const promptId = await this.#prompt();
    const desk = this.#desk;
    if (promptId === undefined || isAhead(desk.notes.noJobsUntil, clock.now())) {
      this.#giveBack = await desk.lock(signal);
    }
    desk.running += 1;
    this.#entered = true;
    const alone = (): boolean => desk.running === 1;
    const inbox = new Inbox({ clock, alone, seen: desk.seen });
    this.#inbox = inbox;
    this.#socket = await this.#connect(inbox);
    await this.#start(promptId, inbox);
    yield* readRun(inbox, {
      clock,
      signal,
      alone,
      firstChunkMs: this.#deps.firstChunkMs(),
      stream: this.#request.stream,
      judge: (refusal) => this.#errorOf(refusal),
    });
  }

  /** Ends the socket, and gives the account back as soon as no event of this run can pass for the next one's. */
  close(): void {
    this.#socket?.close();
    if (this.#entered) this.#desk.running -= 1;
    const id = this.#inbox?.executionId;
    if (id !== undefined) this.#desk.see(id);
    const giveBack = this.#giveBack;
    if (!giveBack) return;
    const isLoose = this.#started && id === undefined && !this.#inbox?.answer.ended;
    if (isLoose) this.#context.clock.after(QUARANTINE_MS, giveBack);
    else giveBack();
  }

  failure(error: unknown): unknown {
    const { signal } = this.#context;
    if (error instanceof GatewayError || !signal.aborted) return error;
    if (signal.reason instanceof GatewayError) return signal.reason;
    return new GatewayError("cancelled", "The turn was cancelled.", { cause: error });
  }

  async #renew(): Promise<void> {
    const fresh = await this.#context.renew(this.#credential);
    this.#renewed ||= fresh.accessToken !== this.#credential.accessToken;
    this.#credential = fresh;
  }

  /** The account's prompt, made once; undefined when the service keeps none and the public one has to do. */
  async #prompt(): Promise<string | undefined> {
    const desk = this.#desk;
    const { clock, signal } = this.#context;
    for (;;) {
      const { promptId, noPromptsUntil } = desk.notes;
      if (promptId !== undefined) return promptId;
      if (isAhead(noPromptsUntil, clock.now())) return undefined;
      if (!desk.promptUnderWay) {
        const making = this.#makePrompt();
        desk.promptUnderWay = making;
        try {
          return await making;
        } finally {
          desk.promptUnderWay = undefined;
        }
      }
      // Another turn's failure is its own: this one looks again and asks for itself.
      const others = desk.promptUnderWay.catch(() => undefined);
      await untilAborted(others, signal);
    }
  }

  async #makePrompt(): Promise<string | undefined> {
    const context = this.#context;
    const body = promptBody(context.model, context.clock.now());
    const reply = await this.#call("/rest/v1/rpc/create_prompt", () => body);
    if (reply === "no-prompts") {
      this.#desk.note(context, { noPromptsUntil: context.clock.now() + DAY_MS });
      return undefined;
    }
    const said = typeof reply.json === "string" ? reply.json : reply.text;
    const promptId = said
      .trim()
      .replace(/^"+|"+$/g, "")
      .trim();
    if (!/^[\w-]{8,64}$/.test(promptId)) {
      const text = "LangFast made a prompt but did not give its id.";
      throw new GatewayError("upstream-changed", text, { field: "create_prompt" });
    }
    this.#desk.note(context, { userId: this.#credential.userId, promptId });
    return promptId;
  }

  async #connect(inbox: Inbox): Promise<SocketIo> {
    const { clock, signal, proxy, account } = this.#context;
    for (;;) {
      try {
        return await SocketIo.open(
          {
            url: this.#deps.service.socketUrl,
            auth: () => ({ token: this.#credential.accessToken }),
            headers: pageHeaders(account.userAgent),
            proxy,
            clock,
            connectMs: CONNECT_MS,
            signal,
          },
          inbox.listen,
        );
      } catch (error) {
        if (error instanceof SocketIoRefused) {
          await this.#remedy(this.#turnedAway(error.message), undefined);
          continue;
        }
        if (!(error instanceof SocketIoBroken)) throw error;
        throw new GatewayError("upstream-broken", "LangFast's runner takes no connection.", { cause: error });
      }
    }
  }

  /** A refused connect says why in a few words of its own. */
  #turnedAway(message: string): Refusal {
    const refusal = refusalOf({ code: "", message }, this.#context.clock.now());
    if (refusal.kind !== "upstream-broken" || !/token|jwt|auth|credential|session|forbidden/i.test(message))
      return refusal;
    return { kind: "auth-rejected", message: "LangFast's runner turned this session away.", remedy: "renew" };
  }

  async #start(promptId: string | undefined, inbox: Inbox): Promise<void> {
    const context = this.#context;
    let prompt = promptId;
    let runId = "";
    const reply = await this.#call("/functions/v1/initiate-prompt-run", async (remedy) => {
      if (remedy === "new-prompt" && promptId !== undefined) {
        this.#desk.forget(context, "promptId");
        prompt = await this.#prompt();
      }
      // A call that is made again is another run: the first may have begun all the same.
      runId = crypto.randomUUID();
      this.#started = true;
      return runBody({
        runId,
        promptId: prompt ?? PUBLIC_PROMPT,
        meta: this.#meta,
        testCases: prompt === undefined ? [] : TEST_CASES,
        userId: this.#credential.userId,
      });
    });
    if (reply === "no-prompts") throw new GatewayError("upstream-changed", "LangFast no longer starts runs.");
    this.#desk.countRun(context);
    const jobId = jobIn(reply.json);
    if (jobId !== undefined) return inbox.bind([jobId, field(reply.json, "run_id") ?? runId]);
    if (!this.#giveBack) {
      // From now on this account's runs go one at a time; this one can be told apart only if it is alone.
      this.#desk.note(context, { noJobsUntil: context.clock.now() + DAY_MS });
      if (this.#desk.running > 1) {
        const text = "LangFast started a run but gave no `jobs[0].job_id`.";
        throw new GatewayError("upstream-changed", text, { field: "jobs" });
      }
      this.#giveBack = await this.#desk.lock(context.signal);
    }
    inbox.bindFirstUnseen();
  }

  /**
   * Calls until the service says yes or no remedy is left.
   * @param body asked for each call, with what went before it
   * @throws GatewayError
   */
  async #call(
    path: string,
    body: (remedy: Remedy | undefined) => string | Promise<string>,
  ): Promise<Reply | "no-prompts"> {
    const { service } = this.#deps;
    const { userAgent } = this.#context.account;
    let remedy: Remedy | undefined;
    for (;;) {
      const text = await body(remedy);
      const { accessToken } = this.#credential;
      const reply = await send(service, this.#context, { path, body: text, accessToken, userAgent });
      if (reply.ok && !isRefusal(reply.json)) return reply;
      const said = saidIn(reply);
      const refusal = refusalOf(reply.ok ? { ...said, status: undefined } : said, this.#context.clock.now());
      if (refusal.remedy === "no-prompts") return "no-prompts";
      remedy = await this.#remedy(refusal, reply.status);
    }
  }

  /** Does what may help against a refusal, each remedy once a turn. @throws GatewayError when nothing does */
  async #remedy(refusal: Refusal, status: number | undefined): Promise<Remedy> {
    const { remedy } = refusal;
    // Without job ids a run that may have begun could not be told from its repetition.
    const unsafe = remedy === "retry" && status === 504 && this.#giveBack !== undefined;
    if (remedy === undefined || unsafe || this.#tried.has(remedy)) throw this.#errorOf(refusal);
    this.#tried.add(remedy);
    if (remedy === "renew") {
      const before = this.#credential.accessToken;
      await this.#renew();
      if (this.#credential.accessToken === before) throw this.#errorOf(refusal);
    }
    return remedy;
  }

  /** What a refusal means for this account and this request. */
  #errorOf(refusal: Refusal): GatewayError {
    const { model } = this.#context;
    if (refusal.lacksModel && !this.#desk.notes.lacking.includes(model)) {
      this.#desk.note(this.#context, { lacking: [...this.#desk.notes.lacking, model] });
    }
    const isGuest = this.#credential.kind === "guest";
    if (isGuest && (refusal.wantsLogin || (refusal.kind === "auth-rejected" && this.#renewed))) {
      const text =
        "LangFast no longer lets guests run prompts: sign in at langfa.st with a browser and paste your own session.";
      const error = new GatewayError("auth-rejected", text);
      this.#deps.guests.refuse(error);
      return error;
    }
    if (refusal.kind === "invalid-request" && refusal.field !== undefined && !this.#isAsked(refusal.field)) {
      const text = `${model} at LangFast no longer takes \`${refusal.field}\`: correct its row in the model table.`;
      return new GatewayError("upstream-changed", text, { field: refusal.field });
    }
    return toError(refusal);
  }

  /** Whether the client itself set what the service refuses. */
  #isAsked(name: string): boolean {
    const { sampling, maxOutputTokens, reasoning, responseFormat } = this.#request;
    const asked: Readonly<Record<string, unknown>> = {
      temperature: sampling.temperature,
      top_p: sampling.topP,
      presence_penalty: sampling.presencePenalty,
      frequency_penalty: sampling.frequencyPenalty,
      max_completion_tokens: maxOutputTokens,
      max_tokens: maxOutputTokens,
      reasoning_effort: Object.keys(reasoning).length > 0 ? true : undefined,
      response_format: responseFormat.type === "text" ? undefined : true,
    };
    return !(name in this.#meta) || asked[name.split(".")[0] ?? name] !== undefined;
  }
}

function isAhead(until: number | undefined, now: number): boolean {
  return until !== undefined && until > now;
}

function jobIn(json: unknown): string | undefined {
  const jobs = isObject(json) ? json["jobs"] : undefined;
  return Array.isArray(jobs) ? (field(jobs[0], "job_id") ?? field(jobs[0], "id")) : undefined;
}

/** An error with a good status: it names one and starts nothing. */
function isRefusal(json: unknown): boolean {
  return isObject(json) && jobIn(json) === undefined && Boolean(json["error"]);
}
