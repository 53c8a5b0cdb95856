import { FAILURES, GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatStream } from "../chat/event.ts";
import type { ChatRequest, Message } from "../chat/request.ts";
import { prepare } from "../emulate/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { FetchImage } from "../lib/fetch-image.ts";
import type { Log } from "../lib/log.ts";
import type { Lease } from "../pool/lease.ts";
import type { Lender } from "../pool/lender.ts";
import type { Pool } from "../pool/pool.ts";
import type { ModelInfo, Provider } from "../providers/provider.ts";
import type { Attempts } from "../store/store.ts";
import { attempt } from "./attempt.ts";
import { RetryBudget } from "./budget.ts";
import type { Conversations, KeptChat } from "./conversation.ts";
import { historyKey, splitHistory } from "./history.ts";
import { RequestImages } from "./images.ts";
import { Journal } from "./journal.ts";
import type { Resolver, Target } from "./resolve.ts";
import type { TurnEnd } from "./settled-stream.ts";
import { failureOf, follow } from "./signals.ts";

/** However often a credential is turned away, a request gives up after so many attempts. */
const MOST_ATTEMPTS = 10;

/** Who sends a request. */
export type Caller =
  /** `id` tells keys of one name apart; undefined for the gateway's own questions. */
  | { readonly kind: "key"; readonly name: string; readonly id?: string }
  | { readonly kind: "open" }
  /** Accounts of the caller's own serve this request, and no others. */
  | { readonly kind: "own-accounts"; readonly provider: Provider; readonly credentials: readonly unknown[] };

export interface RunOptions {
  /** Aborts with a GatewayError when the client leaves or the gateway stops. */
  readonly signal: AbortSignal;
  /** For the request log. */
  readonly dialect: string;
  readonly caller: Caller;
  /** The provider that the path names (`/longcat/v1/…`). */
  readonly provider?: string | undefined;
  /** A person tests this account: it alone is tried, whatever its state, and success brings it back. */
  readonly accountId?: string | undefined;
}

/** Who answers. */
export interface Served {
  readonly provider: string;
  /** Undefined for a provider without accounts and for a caller's own account. */
  readonly accountId: string | undefined;
  /** The upstream's model. */
  readonly model: string;
  readonly attempts: number;
}

/** An answer that has begun: no failover past this point. The stream ends after `end`, or throws a GatewayError. */
export interface Answer {
  readonly stream: ChatStream;
  readonly served: Served;
}

/** What may change while the gateway runs. */
export interface RouterSettings {
  /** Attempts of one request before its first event; one refused for its credential does not count. */
  readonly maxAttempts: number;
  /** Undefined for the provider's own. */
  readonly firstEventMs: number | undefined;
  readonly idleMs: number;
  /** Cap of a whole turn; undefined for none. */
  readonly turnMs: number | undefined;
  readonly rotationUses: number;
  readonly rotationMaxFailures: number;
}

export interface RouterDeps {
  readonly pool: Pool;
  readonly resolver: Resolver;
  readonly conversations: Conversations;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetchImage: FetchImage;
  readonly settings: () => RouterSettings;
}

/** One request on its way: what its attempts share. */
interface Run {
  readonly request: ChatRequest;
  readonly options: RunOptions;
  readonly settings: RouterSettings;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly images: RequestImages;
  /** Attempts that count against `maxAttempts`. */
  counted: number;
  /** Gives the retry back; undefined until one was taken. */
  giveBack: (() => void) | undefined;
  /** Closes the books on the request. Once. */
  end(end: TurnEnd, request: ChatRequest): void;
}

/** The history of a request as an upstream's chats know it. */
interface Memory {
  /** Under which a chat that holds all but the new messages is kept; undefined for the first turn. */
  readonly key: string | undefined;
  /** The request without what that chat holds, as the upstream can take it. */
  followUp(): Promise<ChatRequest>;
  readonly keyAfter: (answer: Message) => string;
}

interface Attempted {
  readonly lease: Lease;
  /** The upstream's model. */
  readonly model: string;
  /** With the whole history, as the upstream can take it. */
  readonly request: ChatRequest;
  readonly memory: Memory | undefined;
  readonly kept: KeptChat | undefined;
}

/** Why a target could not answer; `final` when no other may be asked either. */
interface Refusal {
  readonly failure: GatewayError;
  readonly final: boolean;
}

/** From a request to the answer's first event, over as many accounts as it takes. */
export class Router {
  readonly #deps: RouterDeps;
  readonly #budget = new RetryBudget();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
  }

  /** The model of a request that names none. */
  get defaultModel(): string {
    return this.#deps.resolver.defaultModel;
  }

  /** Requests under way. */
  get active(): number {
    return this.#budget.active;
  }

  /** What `/v1/models` lists; `provider` limits it to one. */
  models(provider?: string): readonly ModelInfo[] {
    return this.#deps.resolver.models(provider);
  }

  /**
   * Resolves at the first event of the answer. Until then failures go to the next account, and then to the next target,
   * as `FAILURES` says; after it a failure ends the stream. The stream must be read to its end or returned.
   * @throws GatewayError the failure that the client should see when nobody could answer
   */
  async run(request: ChatRequest, options: RunOptions): Promise<Answer> {
    const run = this.#begin(request, options);
    try {
      return await this.#overTargets(run);
    } catch (error) {
      const failure = toGatewayError(error);
      run.end({ failure, usage: undefined, characters: 0 }, request);
      throw failure;
    }
  }

  #begin(request: ChatRequest, options: RunOptions): Run {
    const { attempts, clock, log, fetchImage } = this.#deps;
    const settings = this.#deps.settings();
    const { rotationUses, rotationMaxFailures, turnMs } = settings;
    const keyName = options.caller.kind === "key" ? options.caller.name : undefined;
    const model = request.model ?? this.defaultModel;
    const head = { request, dialect: options.dialect, keyName, model };
    const journal = new Journal(head, { attempts, clock, log, rotationUses, rotationMaxFailures });
    const capped = turnMs === undefined ? undefined : cap(options.signal, turnMs, clock);
    const signal = capped?.signal ?? options.signal;
    const budget = this.#budget;
    budget.begin();
    let over = false;
    return {
      request,
      options,
      settings,
      journal,
      signal,
      images: new RequestImages(request.messages, fetchImage, signal),
      counted: 0,
      giveBack: undefined,
      end(end, sent) {
        if (over) return;
        over = true;
        this.giveBack?.();
        capped?.cancel();
        budget.end();
        journal.end(end, sent);
      },
    };
  }

  async #overTargets(run: Run): Promise<Answer> {
    let last: GatewayError | undefined;
    let lastIsEmpty = false; // it says no more than that a provider has no account at all
    const targets = this.#targetsOf(run);
    for (const [index, target] of targets.entries()) {
      const { capabilities } = target.provider;
      let prepared: ChatRequest;
      try {
        prepared = prepare(run.request, capabilities);
        // Images are not fetched for a target that could not answer.
        const nobody = run.images.areNeeded(capabilities) ? this.#unavailable(run, target) : undefined;
        if (nobody) throw nobody;
        prepared = await run.images.inline(prepared, capabilities);
      } catch (error) {
        last ??= toGatewayError(error);
        continue;
      }
      const othersReady = targets.slice(index + 1).some((other) => !this.#unavailable(run, other));
      const result = await this.#overAccounts(run, target, prepared, othersReady);
      if (!("failure" in result)) return result;
      const isEmpty =
        result.failure.kind === "no-account" && this.#lenderOf(run, target.provider).accounts.length === 0;
      // What keeps an account from answering tells its owner more than a provider that nobody has set up.
      if (!last || (lastIsEmpty && !isEmpty) || result.failure.kind !== "no-account") {
        last = result.failure;
        lastIsEmpty = isEmpty;
      }
      if (result.final) break;
    }
    throw last ?? new GatewayError("internal", "The gateway found nobody to ask.");
  }

  /** The answer, or the failure after which this target has nothing more to offer. */
  async #overAccounts(run: Run, target: Target, request: ChatRequest, othersReady: boolean): Promise<Answer | Refusal> {
    const { provider, model, account } = target;
    const lender = this.#lenderOf(run, provider);
    const memory = this.#memoryOf(run, target);
    const exclude = new Set<string>();
    let kept = memory?.key === undefined ? undefined : await this.#deps.conversations.claim(memory.key);
    let last: GatewayError | undefined;
    for (;;) {
      let lease: Lease | undefined;
      try {
        const only = run.options.accountId;
        const prefer = kept?.accountId;
        lease = await lender.lend({
          signal: run.signal,
          model,
          exclude,
          account,
          ...(prefer === undefined ? {} : { prefer }),
          ...(only === undefined ? {} : { only }),
        });
      } catch (error) {
        return { failure: worse(last, toGatewayError(error)), final: run.signal.aborted };
      } finally {
        if (kept && lease?.account?.id !== kept.accountId) {
          await this.#deps.conversations.giveBack(kept);
          kept = undefined;
        }
      }
      const result = await this.#atAccount(run, { lease, model, request, memory, kept });
      kept = undefined;
      if (!(result instanceof GatewayError)) return result;
      last = result;
      const { next } = FAILURES[last.kind];
      if (!this.#mayGoOn(run, last)) return { failure: worse(last, lender.unavailable(target)), final: true };
      if (!lease.account || (next === "provider" && !provider.serviceOf)) return { failure: last, final: false };
      // However many accounts one provider has, the last attempt is for somebody else.
      if (othersReady && run.counted >= run.settings.maxAttempts - 1) return { failure: last, final: false };
      exclude.add(lease.account.id);
      // Another service is as good as another provider.
      if (next === "provider") for (const id of lender.sharing(lease.account.id)) exclude.add(id);
    }
  }

  /** Why nobody could answer there now; undefined while somebody may. */
  #unavailable({ options }: Run, target: Target): GatewayError | undefined {
    if (options.accountId !== undefined || options.caller.kind === "own-accounts") return undefined;
    return this.#deps.pool.lender(target.provider.name).unavailable(target);
  }

  /** One account, which gets a second chance with a new chat when the upstream has lost the first. */
  async #atAccount(run: Run, attempted: Attempted): Promise<Answer | GatewayError> {
    const first = await this.#attempt(run, attempted, false);
    const lost = first instanceof GatewayError && first.kind === "conversation-lost" && !run.signal.aborted;
    return lost ? this.#attempt(run, { ...attempted, kept: undefined }, true) : first;
  }

  async #attempt(run: Run, attempted: Attempted, fresh: boolean): Promise<Answer | GatewayError> {
    const { journal, options, settings, signal } = run;
    const { lease, model, memory, kept } = attempted;
    const { clock, conversations, log } = this.#deps;
    const request = kept && memory ? await memory.followUp() : attempted.request;
    const keyAfter = memory?.keyAfter;
    const chat = { fresh, kept };
    const written = journal.attempt(lease, request);
    let begun = false;
    const ended = (end: TurnEnd): void => {
      const { failure } = end;
      // The same lease serves the second chance.
      const again = failure?.kind === "conversation-lost" && !begun && !fresh && !signal.aborted;
      if (!again) lease.settle(outcomeOf(failure, run));
      written(end);
      if (begun) run.end(end, request);
    };
    try {
      const { firstEventMs, idleMs } = settings;
      const stream = await attempt(
        { lease, model, request, signal, log, chat, keyAfter, ended },
        { clock, conversations, firstEventMs, idleMs },
      );
      begun = true;
      journal.began();
      run.giveBack?.();
      const accountId = lease.account?.stored ? lease.account.id : undefined;
      return { stream, served: { provider: lease.provider.name, accountId, model, attempts: journal.attempts } };
    } catch (error) {
      const failure = toGatewayError(error);
      if (failure.kind !== "auth-rejected") run.counted += 1;
      return options.signal.aborted ? (failureOf(options.signal) ?? failure) : failure;
    }
  }

  /** Whether another attempt may follow one that failed so. */
  #mayGoOn(run: Run, failure: GatewayError): boolean {
    const { blames, next } = FAILURES[failure.kind];
    if (run.signal.aborted || next === "none" || run.options.accountId !== undefined) return false;
    if (run.counted >= run.settings.maxAttempts || run.journal.attempts >= MOST_ATTEMPTS) return false;
    if (blames !== "provider") return true;
    run.giveBack ??= this.#budget.take();
    return run.giveBack !== undefined;
  }

  /** What an upstream that keeps chats may hold of this request's history; a caller's own accounts are not remembered. */
  #memoryOf({ request, options, images }: Run, { provider, model }: Target): Memory | undefined {
    const { caller } = options;
    if (provider.chats?.keep !== "reuse" || caller.kind === "own-accounts") return undefined;
    const scope = {
      caller: caller.kind === "key" ? `key ${caller.id ?? caller.name}` : "open",
      provider: provider.name,
      model,
    };
    const { key, tail } = splitHistory(request.messages, scope);
    return {
      key,
      followUp: () =>
        images.inline(prepare({ ...request, messages: tail }, provider.capabilities), provider.capabilities),
      keyAfter: (answer) => historyKey([...request.messages, answer], scope),
    };
  }

  #targetsOf(run: Run): readonly Target[] {
    const { request, options } = run;
    const { resolver, pool } = this.#deps;
    if (options.accountId !== undefined)
      return resolver.resolve(request.model, pool.find(options.accountId).provider.name);
    const targets = resolver.resolve(request.model, options.provider);
    const { caller } = options;
    if (caller.kind !== "own-accounts") return targets;
    const own = targets.filter(({ provider }) => provider.name === caller.provider.name || !provider.credential);
    if (own.length > 0) return own;
    const text = `The accounts in this request's key are ${caller.provider.title}'s, which has no model "${request.model ?? this.defaultModel}".`;
    throw new GatewayError("unknown-model", text, { field: "model" });
  }

  #lenderOf({ options: { caller } }: Run, provider: Provider): Lender {
    const { pool } = this.#deps;
    const own = caller.kind === "own-accounts" && caller.provider.name === provider.name;
    return own ? pool.borrow(provider.name, caller.credentials) : pool.lender(provider.name);
  }
}

/** The turn's own cap ends it without blaming anybody; a person's test may bring the account back. */
function outcomeOf(failure: GatewayError | undefined, run: Run) {
  if (!failure) return run.options.accountId === undefined ? {} : { revives: true };
  const cut = run.signal.aborted && failure === run.signal.reason;
  return { failure: cut ? new GatewayError("cancelled", failure.message) : failure };
}

/** Of the last attempt's failure and why nobody else can help: the one that tells the client more. */
function worse(last: GatewayError | undefined, unavailable: GatewayError | undefined): GatewayError {
  if (!last || !unavailable) return last ?? unavailable ?? new GatewayError("internal", "Nothing failed.");
  // When every account rests, the least wait counts, not that of the account tried last.
  const rests = FAILURES[last.kind].blames === "account" && unavailable.retryAt !== undefined;
  return rests && FAILURES[unavailable.kind].blames === "account" ? unavailable : last;
}

function cap(signal: AbortSignal, ms: number, clock: Clock): { signal: AbortSignal; cancel(): void } {
  const controller = new AbortController();
  const unfollow = follow(signal, controller);
  const text = `The answer was not complete within ${ms / 1000} s.`;
  const cancelTimer = clock.after(ms, () => controller.abort(new GatewayError("upstream-timeout", text)));
  return {
    signal: controller.signal,
    cancel() {
      unfollow();
      cancelTimer();
    },
  };
}
