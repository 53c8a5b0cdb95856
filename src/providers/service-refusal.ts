/** What a service says when it refuses, and the failures that this becomes. What its words mean, each format knows. */
import { GatewayError, type FailureKind } from "../chat/error.ts";
import { isBrowserCheck } from "../lib/browser-check.ts";
import type { UpstreamHeaders, UpstreamResponse } from "../lib/fetch.ts";
import { isObject, parseJson } from "../lib/json.ts";
import { quote } from "../lib/quote.ts";
import { retryAtIn, retryAtOf } from "../lib/retry-after.ts";

/** A refusal in any of its forms: an error body, an error within a stream, or a status with text. */
export interface Refusal {
  /** Undefined inside a stream, where a number under `status` or `code` may stand for it. */
  readonly status: number | undefined;
  /** `code` and `type` of the error, in one text. */
  readonly code: string;
  /** The field of the request that is wrong, "" when none is named. */
  readonly param: string;
  readonly text: string;
  /** Epoch ms. */
  readonly retryAt: number | undefined;
}

/** Who refused: the service, by the user's name for it, and the model. */
export interface Asked {
  readonly name: string;
  readonly apiKey: string;
  /** The service's own name of it; undefined for a call that is no turn. */
  readonly model: string | undefined;
}

const LONGEST_TEXT = 4000;

/** @param text a body that should be JSON; @param now epoch ms */
export function refusalOf(
  status: number | undefined,
  headers: UpstreamHeaders | undefined,
  text: string,
  now: number,
): Refusal {
  const parsed = parseJson(text);
  const body = parsed.ok ? parsed.value : undefined;
  const said = errorRefusal(isObject(body) ? (body["error"] ?? body) : undefined, now, text);
  const retryAt = retryAtOf(headers?.get("retry-after"), now) ?? said.retryAt;
  return { ...said, status: status ?? said.status, retryAt };
}

/** The refusal that an error within a stream stands for. @param raw what is quoted of an error without words */
export function errorRefusal(error: unknown, now: number, raw = JSON.stringify(error)): Refusal {
  const said = isObject(error) ? error : {};
  const message = said["message"] ?? said["msg"] ?? said["detail"] ?? (typeof error === "string" ? error : undefined);
  const text = (typeof message === "string" && message !== "" ? message : raw).slice(0, LONGEST_TEXT);
  const code = [said["code"], said["type"]].filter((part) => typeof part === "string").join(" ");
  const { param } = said;
  const retryAt = retryAtIn(text, now);
  return { status: statusIn(said), code, param: typeof param === "string" ? param : "", text, retryAt };
}

function statusIn(error: Readonly<Record<string, unknown>>): number | undefined {
  const code = Number(error["status"] ?? error["code"]);
  return Number.isInteger(code) && code >= 400 && code < 600 ? code : undefined;
}

/** A refusal of a known meaning as the error that crosses folders. */
export function refusalFailure(refusal: Refusal, asked: Asked, kind: FailureKind): GatewayError {
  const isLimit = kind === "rate-limited" || kind === "quota-exhausted" || kind === "model-overloaded";
  const param = /^[a-z_]+$/.test(refusal.param) ? refusal.param : undefined;
  const field = kind === "model-unavailable" ? "model" : param;
  return new GatewayError(kind, wordsFor(kind, refusal, asked), {
    ...(isLimit && refusal.retryAt !== undefined ? { retryAt: refusal.retryAt } : {}),
    ...(field === undefined ? {} : { field }),
  });
}

function wordsFor(kind: FailureKind, refusal: Refusal, asked: Asked): string {
  const { name, model } = asked;
  const words = said(refusal, asked);
  switch (kind) {
    case "model-unavailable":
      return `${name} does not serve the model ${model ?? ""}${words}`;
    case "rate-limited":
      return `${name} limits how often this key may ask${words}`;
    case "quota-exhausted":
      return `The allowance of this ${name} key is used up${words}`;
    case "auth-rejected":
      return `${name} does not accept this key${words}`;
    case "suspended":
      return `${name} has suspended this key's account${words}`;
    case "context-too-long":
      return `The request is longer than the model takes${words}`;
    case "too-large":
      return `The request is larger than ${name} takes${words}`;
    case "model-overloaded":
      return `${name} is overloaded${words}`;
    case "upstream-changed":
      if ((refusal.status ?? 0) >= 400) {
        return `${name} does not know this path: check the account's base URL${words}`;
      }
      return `${name} sends calls to another address, which is never followed: put the final one into the base URL.`;
    case "invalid-request":
      return `${name} refuses the request${words}`;
    default:
      return `${name} failed${words}`;
  }
}

/** The service's own words, else its status. Ends the sentence. */
function said({ text, status }: Refusal, { apiKey }: Asked): string {
  const words = quote(text, apiKey);
  if (words !== "") return `: “${words}”`;
  return status === undefined ? "." : ` with HTTP ${status}.`;
}

/** A page where JSON or a stream was due. */
export function pageFailure({ status, headers }: UpstreamResponse, page: string, { name }: Asked): GatewayError {
  const isCheck = isBrowserCheck(headers, page) || /captcha|安全验证/i.test(page);
  if (isCheck) return new GatewayError("challenge", `${name} asks for a browser check, which only a browser can pass.`);
  if (status >= 500) return new GatewayError("upstream-broken", `${name} failed with HTTP ${status}.`);
  if (status === 401 || status === 403) {
    return new GatewayError("auth-rejected", `${name} refuses this key with HTTP ${status}.`);
  }
  if (status === 429) return new GatewayError("rate-limited", `${name} limits how often this key may ask.`);
  return new GatewayError("upstream-changed", `${name} answers with a web page: check the account's base URL.`);
}
