import { GatewayError, type FailureKind } from "../../chat/error.ts";
import { quote } from "../../lib/quote.ts";
import { retryAtOf } from "../../lib/retry-after.ts";

/**
 * What may be tried inside the same attempt, each once: a renewed token, the profile looked up again, the next host, the
 * history without its thinking; and "retry", up to three times.
 */
export type Remedy = "renew" | "profile" | "host" | "reasoning" | "retry";

/** What a refusal of the service means; protocol.md, "Errors". */
export interface Refusal {
  readonly kind: FailureKind;
  readonly message: string;
  /** In the order to try them. */
  readonly remedies: readonly Remedy[];
  /** Epoch ms. */
  readonly retryAt?: number;
  readonly field?: string;
  /** What it says of the account: its allowance, or the day's, is used up, or its plan lacks the model. */
  readonly tells?: "exhausted" | "exhausted-today" | "lacks-model";
  /** The service calls the body malformed, which it also says of one that is far too long. */
  readonly malformed?: boolean;
}

/** A refusal as the service put it, whether as an HTTP answer or as an exception inside a stream. */
export interface UpstreamAnswer {
  readonly status: number;
  /** `x-amzn-errortype`, `__type` or `:exception-type`, without its namespace. */
  readonly type: string;
  readonly message: string;
  readonly reason: string;
  readonly html: boolean;
  readonly retryAfter?: string | undefined;
}

/** Thrown inside the provider alone: the attempt may know a remedy. */
export class KiroRefusal extends Error {
  override readonly name = "KiroRefusal";
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

export function toError(refusal: Refusal): GatewayError {
  const { kind, message, retryAt, field } = refusal;
  return new GatewayError(kind, message, {
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(field === undefined ? {} : { field }),
  });
}

const HOUR_MS = 3_600_000;
const SUPPORT = "https://support.aws.amazon.com/#/contacts/kiro";

/** The statuses of exception names, for exceptions inside a stream. */
const STATUSES: readonly (readonly [pattern: RegExp, status: number])[] = [
  [/Throttling|TooManyRequests/i, 429],
  [/ServiceQuotaExceeded/i, 402],
  [/AccessDenied|Forbidden/i, 403],
  [/ExpiredToken|Unauthori[sz]ed|UnrecognizedClient/i, 401],
  [/Validation|BadRequest|Serialization|ContentLength/i, 400],
  [/ResourceNotFound|UnknownOperation/i, 404],
  [/ServiceUnavailable|Overloaded/i, 503],
];

/** The HTTP status that an exception inside a stream would have had. */
export function statusOfException(type: string): number {
  return STATUSES.find(([pattern]) => pattern.test(type))?.[1] ?? 500;
}

/** @param now epoch ms */
export function refusalOf(answer: UpstreamAnswer, now: number): Refusal {
  const { status, message, reason, type, html } = answer;
  const retryAt = retryAtOf(answer.retryAfter, now);
  const later = retryAt === undefined ? {} : { retryAt };

  if (/temporarily_suspended/i.test(reason) || /(?:temporarily is|is temporarily) suspended/i.test(message)) {
    const text = `Kiro has suspended this account. Only its owner can have it restored: ${SUPPORT}`;
    return { kind: "suspended", message: text, remedies: [] };
  }
  if (/suspicious activity/i.test(message)) {
    const text = "Kiro limits this account for a while because of suspicious activity.";
    return { kind: "rate-limited", message: text, remedies: [], retryAt: Math.max(now + HOUR_MS, retryAt ?? 0) };
  }
  if (status === 402 || /_REQUEST_COUNT$|USAGE_LIMIT_REACHED|OVERAGE_REQUEST_LIMIT/.test(reason)) {
    const text = "The allowance of this Kiro account is used up.";
    const tells = reason.startsWith("DAILY") ? "exhausted-today" : "exhausted";
    // A `Retry-After` beside it is the throttle's, not the allowance's: the reset is asked for.
    return { kind: "quota-exhausted", message: text, remedies: [], tells };
  }
  if (isTooLong(message, reason)) {
    return { kind: "context-too-long", message: "prompt is too long", remedies: [], field: "messages" };
  }
  if (/INSUFFICIENT_MODEL_CAPACITY/.test(reason)) return overloaded([], later);
  if (status >= 500 && (/MODEL_TEMPORARILY_UNAVAILABLE/.test(reason) || /high load|capacity/i.test(message))) {
    return overloaded(["retry"], later);
  }
  if (status === 429) {
    return { kind: "rate-limited", message: "Kiro limits the rate of this account.", remedies: [], ...later };
  }
  if (status >= 500 || status === 408) {
    return { kind: "upstream-broken", message: `Kiro failed with status ${status}.`, remedies: ["retry"] };
  }
  if (status >= 300 && status < 400) {
    return {
      kind: "upstream-changed",
      message: "Kiro answered with a redirect, which is never followed.",
      remedies: [],
    };
  }
  if (status === 403 && html) {
    return { kind: "challenge", message: "A page for browsers stands before Kiro.", remedies: [] };
  }
  if (
    status === 401 ||
    (status === 400 && /AccessDenied/i.test(type)) ||
    (status === 403 && isTokenText(message, type))
  ) {
    return {
      kind: "auth-rejected",
      message: "Kiro turned the token of this account away.",
      remedies: ["renew", "host"],
    };
  }
  if (status === 403) {
    const text = `Kiro does not let this account make the call${quoted(message)}.`;
    return { kind: "auth-rejected", message: text, remedies: ["profile", "host"] };
  }
  if (status === 404) {
    const text = "Kiro does not know the address of its own call.";
    return { kind: "upstream-changed", message: text, remedies: ["host"] };
  }
  return badRequest(answer);
}

function overloaded(remedies: readonly Remedy[], later: { retryAt?: number }): Refusal {
  const message = "Kiro has no capacity for this model at the moment.";
  return { kind: "model-overloaded", message, remedies, ...later };
}

function badRequest({ message, reason, status }: UpstreamAnswer): Refusal {
  if (/profileArn/i.test(message)) {
    const text = "Kiro wants the profile of this account, and none that it gave is accepted.";
    return { kind: "auth-rejected", message: text, remedies: ["profile"] };
  }
  if (/INVALID_MODEL_ID/.test(reason) || /^Invalid model\b/i.test(message)) {
    const text = "This Kiro account does not serve the model: its plan lacks it, or it was retired.";
    return { kind: "model-unavailable", message: text, remedies: [], field: "modelId", tells: "lacks-model" };
  }
  if (/THINKING_SIGNATURE_INVALID/.test(reason)) {
    const text = "Kiro does not accept the signature of earlier thinking.";
    return { kind: "invalid-request", message: text, remedies: ["reasoning"], field: "messages" };
  }
  const text = `Kiro refused the request${status === 400 ? "" : ` with status ${status}`}${quoted(message)}.`;
  const malformed = /improperly formed/i.test(message) || /REQUEST_BODY_INVALID/.test(reason);
  return { kind: "invalid-request", message: text, remedies: [], malformed };
}

function isTooLong(message: string, reason: string): boolean {
  return (
    /CONTENT_LENGTH_EXCEEDS_THRESHOLD/.test(reason) ||
    /input is too long|content length exceeds|length limit exceeded/i.test(message)
  );
}

function isTokenText(message: string, type: string): boolean {
  return /token[^.]*\b(?:invalid|expired)|\bexpired\b[^.]*token/i.test(message) || /ExpiredToken/i.test(type);
}

/** The service's own words, fit for a client: no ARN, user id or token, and not long. */
function quoted(message: string): string {
  const words = quote(message.replace(/arn:[\w:/.-]+/g, "[arn]").replace(/\([^)]*\)/g, "")).replace(/\.$/, "");
  return words === "" ? "" : `: ${words}`;
}

/** The words clients compact on. An estimate below the window is known to be too low. */
export function tooLong(estimate: number, contextTokens: number): GatewayError {
  const tokens = Math.max(estimate, contextTokens + 1);
  return new GatewayError("context-too-long", `prompt is too long: ${tokens} tokens > ${contextTokens} maximum`, {
    field: "messages",
  });
}
