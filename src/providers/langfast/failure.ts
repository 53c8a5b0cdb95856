/** What LangFast's refusals mean, over HTTP and inside a run (protocol.md, "Errors"). Pure. */
import { GatewayError, type FailureDetails, type FailureKind } from "../../chat/error.ts";
import { isObject } from "../../lib/json.ts";
import { quote } from "../../lib/quote.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { Reply } from "./calls.ts";

/**
 * What may be tried inside the attempt, once each: a renewed token, the same call again, a new prompt in place of one
 * that is gone, or a run without a prompt of one's own.
 */
export type Remedy = "renew" | "retry" | "new-prompt" | "no-prompts";

export interface Refusal {
  readonly kind: FailureKind;
  readonly message: string;
  readonly remedy?: Remedy;
  /** Epoch ms. */
  readonly retryAt?: number;
  readonly field?: string;
  /** The account's plan, or the service by now, lacks the model. */
  readonly lacksModel?: boolean;
  /** The service wants somebody who is signed in. */
  readonly wantsLogin?: boolean;
}

/** A refusal in the service's words. */
export interface Said {
  /** Undefined inside a run. */
  readonly status?: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly retryAfter?: string | null | undefined;
  readonly html?: boolean;
}

export function toError({ kind, message, retryAt, field }: Refusal, details: FailureDetails = {}): GatewayError {
  return new GatewayError(kind, message, {
    ...details,
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(field === undefined ? {} : { field }),
  });
}

/** Reads both forms of Supabase's errors, PostgREST's, the edge gateway's and the function's own. */
export function saidIn({ status, json, text, retryAfter }: Reply): Said {
  return { status, retryAfter, html: json === undefined && /^\s*</.test(text), ...wordsIn(json, text) };
}

/** An `error` of a run's event: text, or an object with the usual fields. */
export function saidInRun(error: unknown): Said {
  return wordsIn(isObject(error) ? error : undefined, typeof error === "string" ? error : "");
}

function wordsIn(json: unknown, text: string): { code: string; message: string } {
  if (!isObject(json)) return { code: "", message: typeof json === "string" ? json : /^\s*</.test(text) ? "" : text };
  const inner = isObject(json["error"]) ? json["error"] : {};
  const first = (...values: unknown[]): string =>
    values.find((value): value is string => typeof value === "string" && value !== "") ?? "";
  return {
    code: first(json["error_code"], json["code"], inner["code"], json["error"]),
    message: first(
      json["msg"],
      json["message"],
      json["error_description"],
      inner["message"],
      json["error"],
      json["hint"],
    ),
  };
}

/** What a refusal of a run's calls, or of the run itself, means. @param now epoch ms */
export function refusalOf(said: Said, now: number): Refusal {
  const { status, code, message, html } = said;
  const told = quoted(message || code);
  const retryAt = retryAtOf(said.retryAfter, now);
  const later = retryAt === undefined ? {} : { retryAt };
  const words = `${code} ${message}`;

  if (status !== undefined && status >= 300 && status < 400) return redirected();
  if (html && status === 403) return browserCheck();
  const misconfigured = keyRefusal(words);
  if (misconfigured) return misconfigured;
  if (/missing authorization header/i.test(words)) {
    return {
      kind: "upstream-changed",
      message: "LangFast did not see the session it was sent.",
      field: "authorization",
    };
  }
  if (code === "PGRST202") {
    return {
      kind: "upstream-changed",
      message: "LangFast no longer keeps prompts.",
      field: "create_prompt",
      remedy: "no-prompts",
    };
  }
  if (
    /^PGRST30[0-3]$/.test(code) ||
    /\b(?:invalid|expired|bad)[ _]jwt\b|jwt (?:is )?expired|invalid token/i.test(words)
  ) {
    return { kind: "auth-rejected", message: "LangFast turned this session away.", remedy: "renew" };
  }
  if (/context[_ ](?:length|window)|maximum context|prompt is too long|too many tokens|string too long/i.test(words)) {
    return { kind: "context-too-long", message: `The text is longer than the model takes${told}.`, field: "messages" };
  }
  const parameter = /unsupported (?:parameter|value):? ?'?([\w.]*)/i.exec(words);
  if (parameter || /not supported with this model/i.test(words)) {
    const named = parameter?.[1] ? { field: parameter[1] } : {};
    return { kind: "invalid-request", message: `The model does not take a parameter${told}.`, ...named };
  }
  const limit = limitOf(words, status, now, retryAt);
  if (limit) return { ...limit, message: `${limit.message}${told}.` };
  if (
    /\bpremium\b|\bupgrade\b|\bpaid\b|\bsubscri(?:be|ption)|\b(?:your|free|hobby|pro) plan\b|\bpro (?:only|users)\b/i.test(
      words,
    )
  ) {
    const text = `This LangFast account's plan lacks the model${told}.`;
    return { kind: "model-unavailable", message: text, field: "model", lacksModel: true };
  }
  if (
    /sign(?:ed)?[ -]?(?:in|up)\b|log(?:ged)?[ -]?in\b|\blogin\b|\bregister|\banonymous\b|\bguests?\b|create an account/i.test(
      words,
    )
  ) {
    return { kind: "auth-rejected", message: `LangFast wants a signed-in account${told}.`, wantsLogin: true };
  }
  if (
    /prompt/i.test(words) &&
    /not found|does not exist|no rows|foreign key|unknown prompt|invalid prompt/i.test(words)
  ) {
    const text = "LangFast no longer has the prompt of this account.";
    return { kind: "upstream-changed", message: text, field: "prompt_id", remedy: "new-prompt" };
  }
  if (
    /\bmodel\b[^.]*(?:not found|does not exist|unknown|invalid|not available|unavailable)|(?:unknown|invalid|unsupported) model/i.test(
      words,
    )
  ) {
    const text = `LangFast does not serve the model${told}.`;
    return { kind: "model-unavailable", message: text, field: "model", lacksModel: true };
  }
  return byStatus(said, later, told);
}

function byStatus({ status, code, message }: Said, later: { retryAt?: number }, told: string): Refusal {
  if (status === undefined) return { kind: "upstream-broken", message: `The run failed at LangFast${told}.` };
  if (status === 401) return { kind: "auth-rejected", message: "LangFast turned this session away.", remedy: "renew" };
  if (status === 403) {
    const text = `LangFast does not let this account run prompts${told}.`;
    return { kind: "auth-rejected", message: text, remedy: "renew" };
  }
  if (status === 400 && /\binvalid\b|\bmust\b|\brequired\b|\bexpected\b|\bparameter/i.test(message)) {
    return { kind: "invalid-request", message: `LangFast refused the request${told}.` };
  }
  if (status === 404) {
    return { kind: "upstream-changed", message: `LangFast does not know its own call${told}.`, field: "path" };
  }
  if (status === 504) {
    return { kind: "upstream-timeout", message: "LangFast did not start the run in time.", remedy: "retry" };
  }
  const passing = status === 546 || (status === 503 && !("retryAt" in later)) || /WORKER_LIMIT|BOOT_ERROR/.test(code);
  const text = `LangFast failed with status ${status}${told}.`;
  return { kind: "upstream-broken", message: text, ...(passing ? { remedy: "retry" as const } : {}) };
}

/** A used-up allowance rests until a named time or the next UTC day; too fast a rate is over sooner. */
function limitOf(
  words: string,
  status: number | undefined,
  now: number,
  named: number | undefined,
): Refusal | undefined {
  const spent =
    /\b(?:daily|per day|a day|today|monthly|per month|a month|quota|credits?)\b/i.test(words) &&
    /\blimits?\b|reached|exceed|used up|run out|exhaust|no more|quota/i.test(words);
  const capped =
    /\b(?:request|usage|message|plan|run|free|guest)s? limit\b|limit (?:was |is |has been )?(?:reached|exceeded|hit)|(?:reached|exceeded|hit)[^.]*\blimit\b/i.test(
      words,
    );
  const hurried = /rate[ _-]?limit|too many requests|slow down|too fast/i.test(words);
  if (spent || (capped && !hurried)) {
    return {
      kind: "quota-exhausted",
      message: "This LangFast account's allowance is used up",
      retryAt: named ?? nextUtcDay(now),
    };
  }
  if (!hurried && status !== 429) return undefined;
  const later = named === undefined ? {} : { retryAt: named };
  return { kind: "rate-limited", message: "LangFast limits how often this account may ask", ...later };
}

/** The public key in the settings is not the project's: nobody's account is to blame. */
export function keyRefusal(words: string): Refusal | undefined {
  if (!/invalid api key|no api key found/i.test(words)) return undefined;
  return {
    kind: "upstream-changed",
    message: "LangFast has replaced its public key: set LANGFAST_ANON_KEY to the one that langfa.st sends as `apikey`.",
    field: "apikey",
  };
}

export function browserCheck(): Refusal {
  return { kind: "challenge", message: "A page for browsers stands before LangFast." };
}

export function redirected(): Refusal {
  return { kind: "upstream-changed", message: "LangFast answered with a redirect, which is never followed." };
}

/** The service's own words, short and fit for a client. */
export function quoted(message: string): string {
  const words = quote(message).replace(/\.$/, "");
  return words === "" ? "" : `: ${words}`;
}
