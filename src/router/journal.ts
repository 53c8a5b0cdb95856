import { causeOf } from "../chat/error.ts";
import type { Usage } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import { inputTokensOf } from "../emulate/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isRotationFailure } from "../pool/health.ts";
import type { Lease } from "../pool/lease.ts";
import type { Attempts } from "../store/store.ts";
import type { TurnEnd } from "./turn-end.ts";

/** Characters a token stands for, roughly, where an answer broke off before anybody counted. */
const CHARACTERS_PER_TOKEN = 3;

export interface JournalDeps {
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly rotationUses: number;
  readonly rotationMaxFailures: number;
}

export interface JournalHead {
  readonly request: ChatRequest;
  readonly dialect: string;
  readonly keyName: string | undefined;
  readonly model: string;
}

/** Writes down one request: a record and a log line for each attempt, and one record of the whole. */
export class Journal {
  readonly #deps: JournalDeps;
  readonly #head: JournalHead;
  readonly #startedAt: number;
  #firstEventMs: number | undefined;
  #provider: string | undefined;
  #accountId: string | undefined;
  /** Attempts so far. */
  attempts = 0;

  constructor(head: JournalHead, deps: JournalDeps) {
    this.#head = head;
    this.#deps = deps;
    this.#startedAt = deps.clock.monotonic();
  }

  /** The first event is there. */
  began(): void {
    this.#firstEventMs = this.#elapsedMs(this.#startedAt);
  }

  /** An attempt begins; call the result when it is over, after its lease is settled. */
  attempt(lease: Lease, request: ChatRequest): (end: TurnEnd) => void {
    const { clock } = this.#deps;
    const number = (this.attempts += 1);
    const startedAt = clock.now();
    const began = clock.monotonic();
    const { provider, account } = lease;
    const accountId = account?.stored ? account.id : undefined;
    this.#provider = provider.name;
    this.#accountId = accountId;
    return (end) => {
      const { failure } = end;
      const outcome = failure?.kind ?? "ok";
      const durationMs = this.#elapsedMs(began);
      const usage = usageOf(end, request);
      const record = {
        requestId: this.#head.request.id,
        number,
        provider: provider.name,
        accountId,
        startedAt,
        durationMs,
        outcome,
        message: failure?.message,
        rotationFailure: failure !== undefined && account !== undefined && isRotationFailure(failure),
        inputTokens: usage?.inputTokens ?? 0,
        outputTokens: usage?.outputTokens ?? 0,
      };
      this.#deps.attempts.recordAttempt(record);
      lease.count(record);
      const { rotationUses, rotationMaxFailures, log } = this.#deps;
      const quiet = !failure || failure.kind === "cancelled" || failure.blames === "caller";
      log[quiet ? "info" : "warn"]("attempt-ended", {
        request: record.requestId,
        key: this.#head.keyName,
        model: this.#head.model,
        provider: provider.name,
        account: account?.stored === false ? "caller's own" : account?.id,
        label: accountId === undefined ? undefined : account?.label,
        use: accountId === undefined ? undefined : `${account?.use || "-"}/${rotationUses}`,
        failures: accountId === undefined ? undefined : `${lease.failuresInRow}/${rotationMaxFailures}`,
        attempt: number,
        outcome,
        reason: failure?.message,
        cause: failure?.kind === "internal" ? causeOf(failure) : undefined,
        ms: durationMs,
      });
    };
  }

  /** The request is over. `status` is what the client saw: 200 once the answer had begun. */
  end(end: TurnEnd, request: ChatRequest): void {
    const { failure } = end;
    const head = this.#head;
    const firstEventMs = this.#firstEventMs;
    const usage = usageOf(end, request);
    this.#deps.attempts.recordRequest({
      id: head.request.id,
      at: head.request.receivedAt,
      dialect: head.dialect,
      keyName: head.keyName,
      model: head.model,
      provider: this.#provider,
      accountId: this.#accountId,
      attempts: this.attempts,
      stream: head.request.stream,
      status: firstEventMs === undefined && failure ? failure.status : 200,
      outcome: failure?.kind ?? "ok",
      message: failure?.message,
      firstEventMs,
      durationMs: this.#elapsedMs(this.#startedAt),
      inputTokens: usage?.inputTokens ?? 0,
      outputTokens: usage?.outputTokens ?? 0,
      usageEstimated: usage?.estimated ?? false,
    });
    if (!failure || this.attempts > 0) return;
    const { kind, message } = failure;
    this.#deps.log.warn("request-refused", { request: head.request.id, model: head.model, kind, reason: message });
  }

  #elapsedMs(since: number): number {
    return Math.round(this.#deps.clock.monotonic() - since);
  }
}

/** Measured or estimated tokens; an answer that broke off is estimated by its length, one that never began is nothing. */
function usageOf(end: TurnEnd, request: ChatRequest): Usage | undefined {
  if (end.usage || end.characters === 0) return end.usage;
  const outputTokens = Math.ceil(end.characters / CHARACTERS_PER_TOKEN);
  return { inputTokens: inputTokensOf(request), outputTokens, estimated: true };
}
