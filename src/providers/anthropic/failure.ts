/** What refusals mean: by type and text first, then by status (protocol.md, "Errors"). */
import { GatewayError, type FailureKind } from "../../chat/error.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { quote } from "../../lib/quote.ts";
import { retryAtIn, retryAtOf } from "../../lib/retry-after.ts";

/** A refusal as an error body or an `error` event. */
export interface Refusal {
  /** Undefined inside a stream. */
  readonly status: number | undefined;
  /** `type` of the error, and its `code` where a service has one. */
  readonly type: string;
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

export interface Meaning {
  readonly kind: FailureKind;
  /** The account does not serve the model: another may. */
  readonly lacksModel?: boolean;
}

const LONGEST_TEXT = 4000;

/** @param now epoch ms */
export function refusalOf(
  status: number | undefined,
  headers: Headers | undefined,
  text: string,
  now: number,
): Refusal {
  const parsed = parseJson(text);
  const refusal = frameRefusal(parsed.ok ? parsed.value : undefined, now, text);
  const retryAt = retryAtOf(headers?.get("retry-after"), now) ?? refusal.retryAt;
  return { ...refusal, status, retryAt };
}

/** The refusal that an `error` event inside a stream carries. */
export function frameRefusal(frame: unknown, now: number, raw = JSON.stringify(frame)): Refusal {
  const error: unknown = isObject(frame) ? (frame["error"] ?? frame) : undefined;
  const said = isObject(error) ? error : {};
  const message = said["message"] ?? said["detail"] ?? (typeof error === "string" ? error : undefined);
  const text = (typeof message === "string" && message !== "" ? message : raw).slice(0, LONGEST_TEXT);
  const type = [said["type"], said["code"]].filter((part) => typeof part === "string").join(" ");
  return { status: undefined, type, text, retryAt: retryAtIn(text, now) };
}

const CONTEXT =
  /prompt is too long|input (is|length).{0,40}(too long|exceed)|exceed.{0,40}context|context.{0,20}(window|length|limit)|maximum context|上下文.{0,10}(过长|超)/i;
const QUOTA =
  /billing_error|credit balance|usage limits?\b|insufficient_?(user_)?(quota|balance|credit)|insufficient (balance|quota|credit)|余额不足|额度(不足|已)|欠费/i;
const SUSPENDED = /(organization|account).{0,30}(disabled|suspended|banned)|封禁|冻结/i;
const LACKS =
  /^model: |model_not_found|model.{0,120}(does not exist|not exist|not found|is not available|not have access|no available channel|无可用渠道)|(unknown|invalid|no such) model\b|模型.{0,60}(不存在|无可用|未找到)/i;
const TYPES: readonly (readonly [RegExp, FailureKind])[] = [
  [/rate_limit/, "rate-limited"],
  [/overloaded/, "model-overloaded"],
  [/authentication|permission|invalid_api_key/, "auth-rejected"],
  [/request_too_large/, "too-large"],
  [/timeout/, "upstream-timeout"],
  [/invalid_request/, "invalid-request"],
];

/** What a refusal means. Anything unknown is the request's fault on a 4xx, else the service's. */
export function meaningOf({ status, type, text }: Refusal): Meaning {
  const said = `${type} ${text}`;
  if (QUOTA.test(said) || status === 402) return { kind: "quota-exhausted" };
  if (status === 429) return { kind: "rate-limited" };
  if (SUSPENDED.test(text)) return { kind: "suspended" };
  if (LACKS.test(text) || /model_not_found/.test(type)) return { kind: "upstream-changed", lacksModel: true };
  if (CONTEXT.test(text) && (status === undefined || status < 500)) return { kind: "context-too-long" };
  if (status === 401 || status === 403) return { kind: "auth-rejected" };
  if (status === 404 || status === 405) return { kind: "upstream-changed" };
  if (status === 413) return { kind: "too-large" };
  if (status === 529) return { kind: "model-overloaded" };
  if (status === 408 || status === 504 || status === 524) return { kind: "upstream-timeout" };
  const typed = TYPES.find(([pattern]) => pattern.test(type));
  if (typed) return { kind: typed[1] };
  if (status !== undefined && status >= 300 && status < 400) return { kind: "upstream-changed" };
  return { kind: status !== undefined && status >= 400 && status < 500 ? "invalid-request" : "upstream-broken" };
}

/** A refusal as the error that crosses folders. */
export function failureOf(refusal: Refusal, asked: Asked): GatewayError {
  const meaning = meaningOf(refusal);
  const { kind } = meaning;
  const isLimit = kind === "rate-limited" || kind === "quota-exhausted" || kind === "model-overloaded";
  return new GatewayError(kind, wordsFor(meaning, refusal, asked), {
    ...(isLimit && refusal.retryAt !== undefined ? { retryAt: refusal.retryAt } : {}),
    ...(meaning.lacksModel ? { field: "model" } : {}),
  });
}

const CHECK_PAGE = /just a moment|_cf_chl_opt|captcha|安全验证/i;

/** A page where JSON or a stream was due. */
export function pageFailure({ status, headers }: Response, page: string, { name }: Asked): GatewayError {
  const isCheck = headers.get("cf-mitigated") === "challenge" || CHECK_PAGE.test(page);
  if (isCheck) return new GatewayError("challenge", `${name} asks for a browser check, which only a browser can pass.`);
  if (status >= 500) return new GatewayError("upstream-broken", `${name} failed with HTTP ${status}.`);
  if (status === 401 || status === 403) {
    return new GatewayError("auth-rejected", `${name} refuses this key with HTTP ${status}.`);
  }
  if (status === 429) return new GatewayError("rate-limited", `${name} limits how often this key may ask.`);
  return new GatewayError("upstream-changed", `${name} answers with a web page: check the account's base URL.`);
}

function wordsFor({ kind, lacksModel }: Meaning, refusal: Refusal, asked: Asked): string {
  const { name, model } = asked;
  const words = said(refusal, asked);
  if (lacksModel) return `${name} does not serve the model ${model ?? ""}${words}`;
  switch (kind) {
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
