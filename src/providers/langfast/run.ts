/** One turn: a prompt of the account's own, a socket that stands first, then the run (protocol.md, "A run"). */
import { abortReason, type FailureKind, GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import type { ChatRequest } from "../../chat/request.ts";
import { orAborted } from "../../lib/abort.ts";
import { isObject } from "../../lib/json.ts";
import { SocketIo, SocketIoBroken, SocketIoRefused } from "../../lib/socket-io.ts";
import type { TurnContext } from "../provider.ts";
import { pageHeaders, type Service } from "./calls.ts";
import type { LangfastCredential } from "./credential.ts";
import { refusalOf, type Refusal, type Remedy } from "./failure.ts";
import { field } from "./fields.ts";
import type { GuestDesk } from "./guest-desk.ts";
import { Inbox } from "./inbox.ts";
import type { ModelTable } from "./models.ts";
import type { AccountDesk, Desks } from "./notes.ts";
import { readRun } from "./read.ts";
import { Speaker } from "./speaker.ts";
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

/** After any other refusal there is no run that could still speak. */
const MAY_HAVE_BEGUN: readonly FailureKind[] = ["upstream-broken", "upstream-timeout", "cancelled", "internal"];

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
  readonly #speaker: Speaker;
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
    this.#meta = metaOf(request, deps.table().row(context.model));
    const { service, guests } = deps;
    this.#speaker = new Speaker({ service, guests, desk: this.#desk, request, meta: this.#meta }, context);
  }

  async *run(): AsyncGenerator<readonly UpstreamEvent[]> {
    const { clock, signal } = this.#context;
    await this.#speaker.prepare();
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
      judge: (refusal) => this.#speaker.errorOf(refusal),
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
    return error instanceof GatewayError || !signal.aborted ? error : abortReason(signal);
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
      await orAborted(others, signal);
    }
  }

  async #makePrompt(): Promise<string | undefined> {
    const context = this.#context;
    const body = promptBody(context.model, context.clock.now());
    const reply = await this.#speaker.call("/rest/v1/rpc/create_prompt", () => body);
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
    this.#desk.note(context, { userId: this.#speaker.userId, promptId });
    return promptId;
  }

  async #connect(inbox: Inbox): Promise<SocketIo> {
    const { clock, signal, proxy, account } = this.#context;
    for (;;) {
      try {
        return await SocketIo.open(
          {
            url: this.#deps.service.socketUrl,
            auth: () => ({ token: this.#speaker.accessToken }),
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
          await this.#speaker.remedy(this.#turnedAway(error.message));
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
    const body = async (remedy: Remedy | undefined): Promise<string> => {
      if (remedy === "new-prompt" && promptId !== undefined) {
        // Another turn may have made the new one already.
        if (this.#desk.notes.promptId === promptId) this.#desk.forgetPrompt(context);
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
        userId: this.#speaker.userId,
      });
    };
    // Without job ids a run that may have begun could not be told from its repetition.
    const isAlone = this.#giveBack !== undefined;
    const reply = await this.#speaker
      .call("/functions/v1/initiate-prompt-run", body, isAlone)
      .catch((error: unknown) => {
        if (error instanceof GatewayError && !MAY_HAVE_BEGUN.includes(error.kind)) this.#started = false;
        throw error;
      });
    if (reply === "no-prompts") throw new GatewayError("upstream-changed", "LangFast no longer starts runs.");
    this.#desk.countRun(context);
    const jobId = jobIn(reply.json);
    if (jobId !== undefined) return inbox.bind([jobId, field(reply.json, "run_id") ?? runId]);
    if (prompt !== undefined && !hasJobs(reply.json)) throw noJobs();
    if (!this.#giveBack) {
      // From now on this account's runs go one at a time; this one can be told apart only if it is alone.
      this.#desk.note(context, { noJobsUntil: context.clock.now() + DAY_MS });
      if (this.#desk.running > 1) throw noJobs();
      this.#giveBack = await this.#desk.lock(context.signal);
    }
    inbox.bindFirstUnseen();
  }
}

function isAhead(until: number | undefined, now: number): boolean {
  return until !== undefined && until > now;
}

function hasJobs(json: unknown): json is { jobs: unknown[] } {
  return isObject(json) && Array.isArray(json["jobs"]);
}

function jobIn(json: unknown): string | undefined {
  return hasJobs(json) ? (field(json.jobs[0], "job_id") ?? field(json.jobs[0], "id")) : undefined;
}

function noJobs(): GatewayError {
  const text = "LangFast started a run but gave no `jobs[0].job_id`.";
  return new GatewayError("upstream-changed", text, { field: "jobs" });
}
