/** Calls of api.enginelabs.ai for an account: tokens, second tries and what refusals mean (protocol.md, "Endpoints"). */
import { GatewayError } from "../../chat/error.ts";
import type { Abortable } from "../../lib/abort.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { CtoAccount } from "./account.ts";
import { type Bill, billOf } from "./billing.ts";
import { type CtoContext, readBody, SITE } from "./clerk.ts";
import {
  type Answer,
  answerOf,
  changed,
  exhausted,
  failureOf,
  isChallenge,
  isOk,
  refusalOf,
  wordsOf,
} from "./failure.ts";
import { type CtoModel, modelsOfList } from "./models.ts";
import { inTime } from "./patience.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
  /** 403 may mean something else than a wrong organisation: give it back as it is. */
  readonly keepForbidden?: boolean;
}

const CALL_MS = 30_000;
const HOUR_MS = 3_600_000;
/** Statuses with which a limit is told; with others a matching word may be about anything. */
const LIMIT_STATUSES: readonly number[] = [402, 403, 409, 429];

/** Calls of the service on behalf of an account. */
export class Api {
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  /**
   * One call, repeated once with a new token after 401, and once with session and organisation asked for anew after 403.
   * Gives refusals back: `refused` says what they mean.
   */
  async call(context: CtoContext, { clerk }: CtoAccount, call: Call): Promise<Answer> {
    const identity = await clerk.identity(context);
    const jwt = await clerk.token(context);
    const answer = await this.#send(context, jwt, call);
    if (isOk(answer)) return answer;
    const refusal = refusalOf(answer);
    if (refusal === "auth") await clerk.token(context, jwt);
    else if (refusal === "forbidden" && !call.keepForbidden) await clerk.renewAll(context, { identity, jwt });
    else return answer;
    return this.#send(context, await clerk.token(context), call);
  }

  /** The same for calls whose answer counts: JSON, or a refusal thrown. */
  async ask(context: CtoContext, account: CtoAccount, call: Call): Promise<Answer> {
    const answer = await this.call(context, account, call);
    if (!isOk(answer) || isChallenge(answer)) throw await this.refused(context, account, answer);
    return answer;
  }

  /** What a refusal means. Words about limits are believed when the bill says so too, or cannot be read. */
  async refused(context: CtoContext, account: CtoAccount, answer: Answer): Promise<GatewayError> {
    const now = context.clock.now();
    const refusal = refusalOf(answer);
    if (refusal !== "quota" && refusal !== "rate") return failureOf(refusal, answer, now);
    const bill = await this.#billIfAny(context, account);
    if (bill?.reached === true || (bill?.reached === undefined && refusal === "quota")) {
      const daily = bill?.daily === true || /\b(daily|day|today)\b/i.test(wordsOf(answer));
      const named = retryAtOf(answer.headers.get("retry-after"), now);
      return exhausted(answer, named ?? (daily ? nextUtcDay(now) : now + HOUR_MS));
    }
    if (LIMIT_STATUSES.includes(answer.status)) return failureOf("rate", answer, now);
    return failureOf(answer.status >= 500 ? "broken" : "ours", answer, now);
  }

  /** A turn without an answer: the allowance may be why. */
  async emptyAnswer(context: CtoContext, account: CtoAccount): Promise<GatewayError> {
    const bill = await this.#billIfAny(context, account);
    const now = context.clock.now();
    if (bill?.reached === true) return exhausted(undefined, bill.daily ? nextUtcDay(now) : now + HOUR_MS);
    return new GatewayError("upstream-broken", "cto.new gave an empty answer.");
  }

  /** @returns undefined where the service has no bill */
  async bill(context: CtoContext, account: CtoAccount): Promise<Bill | undefined> {
    const answer = await this.call(context, account, { method: "GET", path: "/billing" });
    if (answer.status === 404) return undefined;
    if (isOk(answer) && !isChallenge(answer)) {
      const bill = billOf(answer.json, context.clock.now());
      if (bill) return bill;
      throw changed("cto.new's bill", "dailyUsage");
    }
    const refusal = refusalOf(answer);
    throw failureOf(refusal === "gone" ? "broken" : refusal, answer, context.clock.now());
  }

  /** The live list for the account's plan; undefined where the service has none. */
  async models(context: CtoContext, account: CtoAccount): Promise<readonly CtoModel[] | undefined> {
    const answer = await this.call(context, account, { method: "GET", path: "/chat/adapters" });
    if (answer.status === 404) return undefined;
    if (!isOk(answer) || isChallenge(answer)) throw await this.refused(context, account, answer);
    const bill = await this.#billIfAny(context, account);
    const models = modelsOfList(answer.json, bill?.tier);
    if (!models) throw changed("cto.new's list of models", "chatAdapters");
    return models;
  }

  /** Whether a browser check is why a socket was refused: a handshake hides the page, a plain request shows it. */
  async meetsChallenge(context: CtoContext, socketUrl: string): Promise<boolean> {
    const run = async (signal: Abortable): Promise<boolean> => {
      const headers = { origin: SITE, "user-agent": context.account.userAgent };
      const response = await context.fetch(socketUrl.replace(/^ws/, "http"), { method: "GET", headers, signal });
      return isChallenge(answerOf(response.status, response.headers, await readBody(response)));
    };
    try {
      return await inTime(context.clock, CALL_MS, "cto.new", run, context.signal);
    } catch (error) {
      if (context.signal.aborted || !(error instanceof GatewayError)) throw error;
      return false;
    }
  }

  async #billIfAny(context: CtoContext, account: CtoAccount): Promise<Bill | undefined> {
    try {
      return await this.bill(context, account);
    } catch (error) {
      if (context.signal.aborted) throw error;
      const reason = error instanceof GatewayError ? error.message : "unknown";
      context.log.debug("bill-unread", { account: context.account.id, reason });
      return undefined;
    }
  }

  #send(context: CtoContext, jwt: string, { method, path, body }: Call): Promise<Answer> {
    const run = async (signal: Abortable): Promise<Answer> => {
      const response = await context.fetch(`${this.#url()}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${jwt}`,
          accept: "application/json",
          "content-type": "application/json",
          origin: SITE,
          referer: `${SITE}/`,
          "user-agent": context.account.userAgent,
        },
        ...(body === undefined ? {} : { body }),
        signal,
      });
      return answerOf(response.status, response.headers, await readBody(response));
    };
    return inTime(context.clock, CALL_MS, "cto.new", run, context.signal);
  }
}
