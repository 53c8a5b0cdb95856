/** Who a failure blames: the client that asked, the account, the provider as a whole, or nobody. */
export type Blame = "caller" | "account" | "provider" | "nobody";

/**
 * What may be tried after a failure that came before the first event: another account (of this provider or the next),
 * only another provider, the same account once with the whole history, or nothing.
 */
export type Next = "account" | "provider" | "same-account" | "none";

interface FailureRule {
  /** The status a client sees when nothing else helped. */
  readonly status: number;
  readonly blames: Blame;
  readonly next: Next;
}

/** What each failure means. Statuses and codes are those clients act on; never 408 or 409 for a lasting state. */
export const FAILURES = {
  "invalid-request": { status: 400, blames: "caller", next: "none" },
  "context-too-long": { status: 400, blames: "caller", next: "none" },
  unauthorized: { status: 401, blames: "caller", next: "none" },
  "forbidden-model": { status: 403, blames: "caller", next: "none" },
  "unknown-model": { status: 404, blames: "caller", next: "none" },
  "unknown-path": { status: 404, blames: "caller", next: "none" },
  "wrong-method": { status: 405, blames: "caller", next: "none" },
  "too-slow": { status: 408, blames: "caller", next: "none" },
  "too-large": { status: 413, blames: "caller", next: "none" },
  "rate-limited": { status: 429, blames: "account", next: "account" },
  "quota-exhausted": { status: 429, blames: "account", next: "account" },
  "auth-rejected": { status: 503, blames: "account", next: "account" },
  suspended: { status: 503, blames: "account", next: "account" },
  challenge: { status: 503, blames: "account", next: "account" },
  "model-overloaded": { status: 503, blames: "nobody", next: "provider" },
  /** The account's plan, or the service behind it, lacks the model; another account may have it. */
  "model-unavailable": { status: 404, blames: "nobody", next: "account" },
  "upstream-broken": { status: 502, blames: "provider", next: "account" },
  "upstream-changed": { status: 502, blames: "provider", next: "account" },
  "upstream-timeout": { status: 504, blames: "provider", next: "account" },
  "conversation-lost": { status: 502, blames: "nobody", next: "same-account" },
  "no-account": { status: 503, blames: "nobody", next: "none" },
  "queue-full": { status: 429, blames: "nobody", next: "none" },
  "gateway-full": { status: 503, blames: "nobody", next: "none" },
  stopping: { status: 503, blames: "nobody", next: "none" },
  "store-unavailable": { status: 503, blames: "nobody", next: "none" },
  cancelled: { status: 499, blames: "nobody", next: "none" },
  internal: { status: 500, blames: "nobody", next: "none" },
} as const satisfies Record<string, FailureRule>;

export type FailureKind = keyof typeof FAILURES;

export interface FailureDetails {
  /** Epoch ms before which the same request cannot succeed; only if somebody named a time. */
  readonly retryAt?: number;
  /** The field of the request, or of the upstream's answer, that is wrong: `messages[2].content`. */
  readonly field?: string;
  /** The renewal of the credential was refused for good: only a new sign-in helps. */
  readonly needsLogin?: boolean;
  /** What lies beneath; for the log, never for a client. */
  readonly cause?: unknown;
}

/** The only error that crosses a folder. `message` is fit for a client: no cookie, token, path, SQL or URL query. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly kind: FailureKind;
  readonly retryAt: number | undefined;
  readonly field: string | undefined;
  readonly needsLogin: boolean;

  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.retryAt = details.retryAt;
    this.field = details.field;
    this.needsLogin = details.needsLogin ?? false;
  }

  get status(): number {
    return FAILURES[this.kind].status;
  }

  get blames(): Blame {
    return FAILURES[this.kind].blames;
  }
}

/** Anything thrown, as a GatewayError. What is not one already is our own mistake: its text stays in `cause`. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("internal", "The gateway made a mistake with this request. Its log has the details.", {
    cause: error,
  });
}

/** What lies beneath a mistake of our own, for the log: with its stack where it has one. */
export function causeOf({ cause }: GatewayError): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

/** Why a signal aborted: its own reason, which is a GatewayError wherever the gateway aborts one. */
export function abortReason({ reason }: { readonly reason: unknown }): GatewayError {
  if (reason instanceof GatewayError) return reason;
  return new GatewayError("cancelled", "The turn was cancelled.", { cause: reason });
}
