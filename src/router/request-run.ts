import { FAILURES, GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatRequest, Message } from "../chat/request.ts";
import { prepare } from "../emulate/index.ts";
import { Aborter, follow, type Abortable } from "../lib/abort.ts";
import type { Agenda } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import type { Lease, LeaseOutcome } from "../pool/lease.ts";
import type { Lender } from "../pool/lender.ts";
import type { Provider } from "../providers/provider.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { RetryBudget } from "./budget.ts";
import type { KeptChat, TakeOptions } from "./conversation.ts";
import { historyKey, splitHistory } from "./history.ts";
import { RequestImages } from "./images.ts";
import { Journal } from "./journal.ts";
import type { Target } from "./resolve.ts";
import type { Answer, RouterDeps, RouterSettings, RunOptions } from "./run.ts";
import { failureOf } from "./signals.ts";
import type { TurnEnd } from "./turn-end.ts";

/** However often a credential is turned away, a request gives up after so many attempts. */
const MOST_ATTEMPTS = 10;

const ANY_CHAT: TakeOptions = {};

/** What requests share. */
export interface RunMeans extends Omit<RouterDeps, "settings">, RouterSettings {
  readonly budget: RetryBudget;
  readonly agenda: Agenda;
}

/** The history of a request as an upstream's chats know it. */
interface Memory {
  /** Under which a chat that holds all but the new messages is kept; undefined for the first turn. */
  readonly key: string | undefined;
  /** The request without what that chat holds, as the upstream can take it. */
  followUp(): Promise<ChatRequest>;
  readonly keyAfter: (answer: Message) => string;
}

interface Kept {
  readonly chat: KeptChat;
  /** The request without what the chat holds. */
  readonly followUp: ChatRequest;
}

/** Why a target could not answer; `final` when no other may be asked either. */
interface Refusal {
  readonly failure: GatewayError;
  readonly final: boolean;
}

/** One request on its way, and what its attempts share. */
export class Run implements AttemptOwner {
  readonly #request: ChatRequest;
  readonly #options: RunOptions;
  readonly #means: RunMeans;
  readonly #journal: Journal;
  readonly #signal: Abortable;
  readonly #uncap: (() => void) | undefined;
  #requestImages: RequestImages | undefined;
  /** Attempts that count against `maxAttempts`. */
  #counted = 0;
  /** Gives the retry back; undefined until one was taken. */
  #giveBack: (() => void) | undefined;
  /** Writes the attempt under way down. */
  #written: ((end: TurnEnd) => void) | undefined;
  /** The upstream has lost the chat of the last attempt: its lease goes on with a new one. */
  #isChatLost = false;
  #over = false;

  constructor(request: ChatRequest, options: RunOptions, means: RunMeans) {
    const { budget, clock, resolver, turnMs } = means;
    const { dialect, caller } = options;
    const keyName = caller.kind === "key" ? caller.name : undefined;
    const model = request.model ?? resolver.defaultModel;
    this.#request = request;
    this.#options = options;
    this.#means = means;
    this.#journal = new Journal({ request, dialect, keyName, model }, means);
    const capped = turnMs === undefined ? undefined : cap(options.signal, turnMs, clock);
    this.#signal = capped?.signal ?? options.signal;
    this.#uncap = capped?.cancel;
    budget.begin();
  }

  /**
   * Resolves at the first event.
   * @throws GatewayError the failure that the client should see when nobody could answer
   */
  async answer(): Promise<Answer> {
    try {
      let last: GatewayError | undefined;
      let lastIsEmpty = false; // it says no more than that a provider has no account at all
      const targets = this.#targets();
      for (const target of targets) {
        const { capabilities } = target.provider;
        let prepared: ChatRequest;
        try {
          prepared = prepare(this.#request, capabilities);
          if (capabilities.images === "base64" && this.#images.areNeeded(capabilities)) {
            // They are not fetched for a target that could not answer.
            const nobody = this.#unavailable(target);
            if (nobody) throw nobody;
            prepared = await this.#images.inline(prepared, capabilities);
          }
        } catch (error) {
          last ??= toGatewayError(error);
          continue;
        }
        const result = await this.#atTarget(target, prepared, targets);
        if (!("failure" in result)) return result;
        const isEmpty = result.failure.kind === "no-account" && this.#lenderOf(target.provider).accounts.length === 0;
        // What keeps an account from answering tells its owner more than a provider that nobody has set up.
        if (!last || (lastIsEmpty && !isEmpty) || result.failure.kind !== "no-account") {
          last = result.failure;
          lastIsEmpty = isEmpty;
        }
        if (result.final) break;
      }
      throw last ?? new GatewayError("internal", "The gateway found nobody to ask.");
    } catch (error) {
      const failure = toGatewayError(error);
      this.#end({ failure, usage: undefined, characters: 0 }, this.#request);
      throw failure;
    }
  }

  attemptBegan(): void {
    this.#journal.began();
    this.#giveBack?.();
  }

  attemptEnded({ begun, input }: Attempt, end: TurnEnd): GatewayError | undefined {
    const { failure } = end;
    this.#isChatLost = failure?.kind === "conversation-lost" && !begun && !input.chat.fresh && !this.#signal.aborted;
    if (!this.#isChatLost) input.lease.settle(this.#outcomeOf(failure));
    this.#written?.(end);
    if (!begun) return undefined;
    this.#end(end, input.request);
    if (failure?.status !== 429) return undefined;
    return this.#lastWord(failure, this.#lenderOf(input.lease.provider).unavailable({ model: input.model }));
  }

  /** The answer, or the failure after which this target has nothing more to offer. */
  async #atTarget(target: Target, request: ChatRequest, targets: readonly Target[]): Promise<Answer | Refusal> {
    const { provider, model, account } = target;
    const { conversations } = this.#means;
    const lender = this.#lenderOf(provider);
    const memory = this.#memoryOf(target);
    let exclude: Set<string> | undefined;
    let kept = memory && (await this.#claim(memory));
    let last: GatewayError | undefined;
    for (;;) {
      const only = this.#options.accountId;
      const wanted = { signal: this.#signal, model, exclude, account, prefer: kept?.chat.accountId, only };
      let lease: Lease;
      try {
        lease = lender.lendNow(wanted) ?? (await lender.lend(wanted));
      } catch (error) {
        if (kept) await conversations.giveBack(kept.chat);
        return { failure: worse(last, toGatewayError(error)), final: this.#signal.aborted };
      }
      if (kept && lease.account?.id !== kept.chat.accountId) {
        await conversations.giveBack(kept.chat);
        kept = undefined;
      }
      const result = await this.#atAccount({ lease, model, keyAfter: memory?.keyAfter }, request, kept);
      kept = undefined;
      if (!(result instanceof GatewayError)) return result;
      last = result;
      const { next } = FAILURES[last.kind];
      if (!this.#mayGoOn(last)) return { failure: this.#lastWord(last, lender.unavailable(target)), final: true };
      if (!lease.account || (next === "provider" && !provider.serviceOf)) return { failure: last, final: false };
      // However many accounts one provider has, the last attempt is for somebody else.
      const others = targets.slice(targets.indexOf(target) + 1);
      if (
        this.#counted >= this.#means.maxAttempts - 1 &&
        others.some((other) => this.#unavailable(other) === undefined)
      ) {
        return { failure: last, final: false };
      }
      exclude ??= new Set();
      exclude.add(lease.account.id);
      // Another service is as good as another provider.
      if (next === "provider") for (const id of lender.sharing(lease.account.id)) exclude.add(id);
    }
  }

  /** The chat that holds this history already, and what is left to say to it. */
  async #claim({ key, followUp }: Memory): Promise<Kept | undefined> {
    const { conversations } = this.#means;
    const chat = key === undefined ? undefined : await conversations.claim(key);
    return chat && { chat, followUp: await followUp() };
  }

  /** One account, which gets a second chance with a new chat when the upstream has lost the first. */
  async #atAccount(
    { lease, model, keyAfter }: { lease: Lease; model: string; keyAfter: Memory["keyAfter"] | undefined },
    whole: ChatRequest,
    kept: Kept | undefined,
  ): Promise<Answer | GatewayError> {
    const { log } = this.#means;
    const journal = this.#journal;
    let request = kept?.followUp ?? whole;
    let chat: TakeOptions = kept ? { kept: kept.chat } : ANY_CHAT;
    for (;;) {
      const input = { lease, model, log, request, signal: this.#signal, chat, keyAfter };
      const attempt = new Attempt(input, this, this.#means);
      this.#written = journal.attempt(lease, request);
      try {
        await attempt.begin();
        const accountId = lease.account?.stored ? lease.account.id : undefined;
        const served = { provider: lease.provider.name, accountId, model, attempts: journal.attempts };
        return { stream: attempt, served };
      } catch (error) {
        const failure = toGatewayError(error);
        if (failure.kind !== "auth-rejected") this.#counted += 1;
        if (!this.#isChatLost) return failureOf(this.#options.signal) ?? failure;
        request = whole;
        chat = { fresh: true };
      }
    }
  }

  /** Whether another attempt may follow one that failed so. */
  #mayGoOn(failure: GatewayError): boolean {
    const { blames, next } = FAILURES[failure.kind];
    if (this.#signal.aborted || next === "none" || this.#options.accountId !== undefined) return false;
    if (this.#counted >= this.#means.maxAttempts || this.#journal.attempts >= MOST_ATTEMPTS) return false;
    if (blames !== "provider") return true;
    this.#giveBack ??= this.#means.budget.take();
    return this.#giveBack !== undefined;
  }

  /** What the client sees of an attempt after which no other may follow. @param nobody undefined while others could serve */
  #lastWord(last: GatewayError, nobody: GatewayError | undefined): GatewayError {
    if (nobody || last.status !== 429 || this.#options.accountId !== undefined) return worse(last, nobody);
    // Its wait is that of one account: the client's next request goes to another at once.
    return new GatewayError(last.kind, last.message, { retryAt: this.#means.clock.now() });
  }

  /** Why nobody could answer there now; undefined while somebody may. */
  #unavailable(target: Target): GatewayError | undefined {
    const { accountId, caller } = this.#options;
    if (accountId !== undefined || caller.kind === "own-accounts") return undefined;
    return this.#means.pool.lender(target.provider.name).unavailable(target);
  }

  get #images(): RequestImages {
    const { fetchImage } = this.#means;
    return (this.#requestImages ??= new RequestImages(this.#request.messages, fetchImage, this.#signal));
  }

  /** What an upstream that keeps chats may hold of this request's history; a caller's own accounts are not remembered. */
  #memoryOf({ provider, model }: Target): Memory | undefined {
    const { caller } = this.#options;
    const request = this.#request;
    const { capabilities } = provider;
    if (provider.chats?.keep !== "reuse" || caller.kind === "own-accounts") return undefined;
    const scope = {
      caller: caller.kind === "key" ? `key ${caller.id ?? caller.name}` : "open",
      provider: provider.name,
      model,
    };
    const { key, tail } = splitHistory(request.messages, scope);
    return {
      key,
      followUp: () => this.#images.inline(prepare({ ...request, messages: tail }, capabilities), capabilities),
      keyAfter: (answer) => historyKey([...request.messages, answer], scope),
    };
  }

  #targets(): readonly Target[] {
    const { accountId, caller, provider: only } = this.#options;
    const { resolver, pool } = this.#means;
    const { model } = this.#request;
    if (accountId !== undefined) return resolver.resolve(model, pool.find(accountId).provider.name);
    const targets = resolver.resolve(model, only);
    if (caller.kind !== "own-accounts") return targets;
    const own = targets.filter(({ provider }) => provider.name === caller.provider.name || !provider.credential);
    if (own.length > 0) return own;
    const text = `The accounts in this request's key are ${caller.provider.title}'s, which has no model "${model ?? resolver.defaultModel}".`;
    throw new GatewayError("unknown-model", text, { field: "model" });
  }

  #lenderOf(provider: Provider): Lender {
    const { pool } = this.#means;
    const { caller } = this.#options;
    const own = caller.kind === "own-accounts" && caller.provider.name === provider.name;
    return own ? pool.borrow(provider.name, caller.credentials) : pool.lender(provider.name);
  }

  /** The turn's own cap ends it without blaming anybody; a person's test may bring the account back. */
  #outcomeOf(failure: GatewayError | undefined): LeaseOutcome {
    if (!failure) return this.#options.accountId === undefined ? {} : { revives: true };
    const cut = this.#signal.aborted && failure === this.#signal.reason;
    return { failure: cut ? new GatewayError("cancelled", failure.message) : failure };
  }

  /** Closes the books on the request. Once. */
  #end(end: TurnEnd, sent: ChatRequest): void {
    if (this.#over) return;
    this.#over = true;
    this.#giveBack?.();
    this.#uncap?.();
    this.#means.budget.end();
    this.#journal.end(end, sent);
    this.#means.pool.books.changed(); // pages show the log too, and most of its rows change no account
  }
}

/** Of the last attempt's failure and why nobody else can help: the one that tells the client more. */
function worse(last: GatewayError | undefined, unavailable: GatewayError | undefined): GatewayError {
  if (!last || !unavailable) return last ?? unavailable ?? new GatewayError("internal", "Nothing failed.");
  // When every account rests, the least wait counts, not that of the account tried last.
  const rests = FAILURES[last.kind].blames === "account" && unavailable.retryAt !== undefined;
  return rests && FAILURES[unavailable.kind].blames === "account" ? unavailable : last;
}

function cap(by: Abortable, ms: number, clock: Clock): { signal: Abortable; cancel(): void } {
  const signal = new Aborter();
  const unfollow = follow(by, signal);
  const text = `The answer was not complete within ${ms / 1000} s.`;
  const cancelTimer = clock.after(ms, () => signal.abort(new GatewayError("upstream-timeout", text)));
  return {
    signal,
    cancel() {
      unfollow();
      cancelTimer();
    },
  };
}
