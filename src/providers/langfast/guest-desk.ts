import { GatewayError } from "../../chat/error.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import type { ServiceContext } from "../provider.ts";
import type { Service } from "./calls.ts";
import type { LangfastCredential } from "./credential.ts";
import { keyRefusal, quoted, saidIn, toError } from "./failure.ts";
import { guestOf, signUpGuest } from "./session.ts";

const HOUR_MS = 3_600_000;
/** How long an odd refusal of a sign-up is believed. */
const ODD_REST_MS = 600_000;
/** How long the desk rests when the service fails. */
const FAULT_REST_MS = 30_000;

const OWN = "sign in at langfa.st with a browser and paste your own session.";

interface Stop {
  readonly error: GatewayError;
  /** Epoch ms; undefined: until the settings change or the gateway starts anew. */
  readonly until: number | undefined;
  /** The settings that met the refusal. */
  readonly service: string;
}

/** Signs up guests, one call at a time, and remembers when the site wants no more of them. */
export class GuestDesk {
  readonly #service: Service;
  #stop: Stop | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(service: Service) {
    this.#service = service;
  }

  /**
   * @throws GatewayError with words for the user. `needsLogin`: the site gives no guests any more, and asking again is
   *   no use; `retryAt`: its limit of sign-ups was met, and until then this throws without asking
   */
  create(context: ServiceContext): Promise<LangfastCredential> {
    const turn = this.#queue.then(() => this.#create(context));
    this.#queue = turn.catch(() => undefined); // The failure is the caller's; the next one asks for itself.
    return turn;
  }

  /** A fresh guest was turned away because it is one: more of them would be, too. */
  refuse(error: GatewayError): void {
    this.#rest(new GatewayError(error.kind, error.message, { needsLogin: true, cause: error }), undefined);
  }

  async #create(context: ServiceContext): Promise<LangfastCredential> {
    context.signal.throwIfAborted();
    const now = context.clock.now();
    const stop = this.#stop;
    const holds = stop && stop.service === this.#key() && (stop.until === undefined || stop.until > now);
    if (holds) throw stop.error;
    const reply = await signUpGuest(this.#service, context);
    if (reply.ok) {
      this.#stop = undefined;
      return guestOf(reply, context.clock.now());
    }
    const { code, message } = saidIn(reply);
    const words = `${code} ${message}`;
    const key = keyRefusal(words);
    if (key) throw toError(key);
    if (/captcha/i.test(words)) {
      const text = `LangFast asks for a captcha before it gives guest sessions: ${OWN}`;
      throw this.#rest(new GatewayError("challenge", text, { needsLogin: true }), undefined);
    }
    if (
      /anonymous_provider_disabled|signup_disabled|anonymous sign-?ins are disabled/i.test(words) ||
      reply.status === 422
    ) {
      const text = `LangFast no longer gives guest sessions: ${OWN}`;
      throw this.#rest(new GatewayError("auth-rejected", text, { needsLogin: true }), undefined);
    }
    if (reply.status === 429 || /rate_limit/.test(code)) {
      const retryAt = retryAtOf(reply.retryAfter, now) ?? now + HOUR_MS;
      const text = `LangFast gives no more guest sessions to this address for now: wait, or ${OWN}`;
      throw this.#rest(new GatewayError("rate-limited", text, { retryAt }), retryAt);
    }
    if (reply.status === 408 || reply.status >= 500) {
      const retryAt = now + FAULT_REST_MS;
      const text = `LangFast's sign-up answered with status ${reply.status}.`;
      throw this.#rest(new GatewayError("upstream-broken", text, { retryAt }), retryAt);
    }
    const retryAt = now + ODD_REST_MS;
    const text = `LangFast refused a guest session with status ${reply.status}${quoted(message)}.`;
    throw this.#rest(new GatewayError("upstream-changed", text, { retryAt }), retryAt);
  }

  #rest(error: GatewayError, until: number | undefined): GatewayError {
    this.#stop = { error, until, service: this.#key() };
    return error;
  }

  #key(): string {
    return `${this.#service.url} ${this.#service.anonKey}`;
  }
}
