/**
 * What refusals of Clerk and of the service mean (protocol.md, "Errors of Clerk", "Errors of the service", "Browser
 * checks"). Pure.
 */
import { GatewayError } from "../../chat/error.ts";
import { isBrowserCheck } from "../../lib/browser-check.ts";
import type { UpstreamHeaders } from "../../lib/fetch.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { quote } from "../../lib/quote.ts";
import { retryAtOf } from "../../lib/retry-after.ts";

/** An answer read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: UpstreamHeaders;
  readonly text: string;
  /** Undefined when the text is no JSON. */
  readonly json: unknown;
}

/** What was read, with its JSON where it is some. */
export function answerOf(status: number, headers: UpstreamHeaders, text: string): Answer {
  const parsed = parseJson(text);
  return { status, headers, text, json: parsed.ok ? parsed.value : undefined };
}

export const isOk = ({ status }: Answer): boolean =>
  status === 200 || status === 201 || status === 202 || status === 204;

/**
 * The refusal in the answer to a prompt; undefined when the prompt was taken. The body of a taken prompt says nothing, but one
 * with an error in it, or a browser check, is a refusal whatever its status.
 */
export function errorInside(answer: Answer): Answer | undefined {
  if (!isOk(answer) || isChallenge(answer)) return answer;
  if (!isObject(answer.json)) return undefined;
  const { error, statusCode } = answer.json;
  if (typeof statusCode === "number" && statusCode >= 400) return { ...answer, status: statusCode };
  const hasError = (typeof error === "string" && error !== "") || isObject(error);
  return hasError ? { ...answer, status: 500 } : undefined;
}

/** A Cloudflare page in place of an answer. Passing it is the user's business. */
export function isChallenge({ headers, text, json }: Answer): boolean {
  const page = json === undefined ? text : "";
  return isBrowserCheck(headers, page) || page.includes("/cdn-cgi/challenge-platform/");
}

/** The refusal of a browser check: a person has to pass it. */
export function challenge(): GatewayError {
  return new GatewayError(
    "challenge",
    "cto.new asks for a browser check; open cto.new in your browser, then paste the cookie again.",
  );
}

/** The service's own words, wherever a body has them; the text itself when it is neither JSON nor a page. */
export function wordsOf({ json, text }: Answer): string {
  if (json === undefined) return /^\s*</.test(text) ? "" : text;
  if (!isObject(json)) return typeof json === "string" ? json : "";
  const { message, error } = json;
  const inner = isObject(error) ? error["message"] : error;
  return [message, inner, json["detail"]].filter((words) => typeof words === "string").join(" ");
}

/** The code of Clerk's first error; "" when there is none. */
export function clerkCode({ json }: Answer): string {
  const errors = isObject(json) ? json["errors"] : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  return isObject(first) && typeof first["code"] === "string" ? first["code"] : "";
}

/** A refusal of Clerk that no further call answers. */
export function clerkFailure(answer: Answer, now: number): GatewayError {
  const code = clerkCode(answer);
  const { status } = answer;
  if (isChallenge(answer)) return challenge();
  if (code === "signed_out" || code === "authentication_invalid" || status === 401) return signedOut();
  if (/^user_(banned|deactivated|locked)/.test(code))
    return new GatewayError("suspended", `cto.new has closed this account (${code}).`);
  if (status === 429)
    return limited("Clerk, the sign-in of cto.new, limits how often this account may ask.", answer, now);
  if (status === 403)
    return new GatewayError("auth-rejected", `Clerk, the sign-in of cto.new, refuses this account${said(code)}.`);
  if (status >= 500 || (status >= 300 && status < 400))
    return new GatewayError("upstream-broken", `Clerk, the sign-in of cto.new, failed with HTTP ${status}.`);
  return new GatewayError("upstream-changed", `Clerk answered HTTP ${status}${said(code)} where a session was due.`, {
    field: "errors[0].code",
  });
}

/** The cookie is dead: only a new paste helps. */
export function signedOut(): GatewayError {
  return new GatewayError(
    "auth-rejected",
    "cto.new has signed this account out. Sign in at cto.new again and paste the new __client cookie.",
    { needsLogin: true },
  );
}

/** What a refusal of the service looks like before the account's bill is asked. */
export type Refusal =
  "challenge" | "auth" | "forbidden" | "too-long" | "busy" | "quota" | "rate" | "gone" | "ours" | "broken";

/** Whole words only: "generate" holds "rate", "unlimited" holds "limit". */
const QUOTA = /\b(limits?|quotas?|exceed(s|ed)?|too many|capacity|insufficient)\b/i;
const TOO_LONG =
  /\b(too (long|large|big)|too many (tokens|characters|bytes)|max(imum)? (size|length)|context (length|window)|(prompt|body|payload|request|input) (size|length))\b/i;
const BUSY = /\b(in progress|already running|busy)\b/i;

/** What an answer that is no success refuses: by its words where they are clear, then by its status. */
export function refusalOf(answer: Answer): Refusal {
  const { status } = answer;
  const words = wordsOf(answer);
  if (isChallenge(answer)) return "challenge";
  if (status === 401 || /\bjwt expired\b/i.test(words)) return "auth";
  if (status === 413) return "too-long";
  if (status === 402) return "quota";
  if (status === 429) return QUOTA.test(words) && !/\btoo many requests\b/i.test(words) ? "quota" : "rate";
  if (status === 400 && /must have required property/i.test(words)) return "ours";
  if ((status === 400 || status === 422) && TOO_LONG.test(words)) return "too-long";
  if (QUOTA.test(words)) return "quota";
  if (status === 409 || (status === 400 && BUSY.test(words))) return "busy";
  if (status === 403) return /\bunauthorized\b/i.test(words) ? "auth" : "forbidden";
  if (status === 404) return "gone";
  return status < 400 || status >= 500 ? "broken" : "ours";
}

/** A refusal as the error that crosses folders; quota and auth have been settled by the caller. */
export function failureOf(refusal: Refusal, answer: Answer, now: number): GatewayError {
  const { status } = answer;
  const words = said(wordsOf(answer));
  switch (refusal) {
    case "challenge":
      return challenge();
    case "auth":
    case "forbidden":
      return new GatewayError("auth-rejected", `cto.new refuses this account with HTTP ${status}${words}.`);
    case "too-long":
      return new GatewayError("context-too-long", `prompt is too long for cto.new${words}.`, { field: "messages" });
    case "busy":
    case "rate":
    case "quota":
      return limited(`cto.new limits this account${words}.`, answer, now);
    case "gone":
      return new GatewayError("conversation-lost", "cto.new no longer knows this conversation.");
    case "ours":
      return new GatewayError(
        "upstream-changed",
        `cto.new does not take the request any more: HTTP ${status}${words}.`,
        {
          field: /required property '?([\w.]+)/i.exec(wordsOf(answer))?.[1] ?? "body",
        },
      );
    default:
      return new GatewayError("upstream-broken", `cto.new failed with HTTP ${status}${words}.`);
  }
}

/** The account's allowance is used up until `retryAt`, epoch ms. */
export function exhausted(answer: Answer | undefined, retryAt: number): GatewayError {
  const words = answer ? said(wordsOf(answer)) : "";
  return new GatewayError("quota-exhausted", `This cto.new account has used up its allowance${words}.`, { retryAt });
}

function limited(message: string, { headers }: Answer, now: number): GatewayError {
  const retryAt = retryAtOf(headers.get("retry-after"), now);
  return new GatewayError("rate-limited", message, retryAt === undefined ? {} : { retryAt });
}

/** An answer lacks what it always had. @param what the answer, as a sentence begins: "Clerk's token answer" */
export function changed(what: string, field: string): GatewayError {
  return new GatewayError("upstream-changed", `${what} has no \`${field}\`.`, { field });
}

/** Words for a client: short, on one line, and without anything that could be a token. */
function said(words: string): string {
  const clean = quote(words);
  return clean === "" ? "" : `: “${clean}”`;
}
