/** What a service's refusals mean: by code and text first, then by status (protocol.md, "Errors"). */
import { GatewayError, type FailureKind } from "../../chat/error.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { quote } from "../../lib/quote.ts";
import { retryAtIn, retryAtOf } from "../../lib/retry-after.ts";

/** A refusal in any of its forms: an error body, an `error` frame, or a status with text. */
export interface Refusal {
  /** Undefined inside a stream, where a number under `code` stands for it. */
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
  const body = parsed.ok ? parsed.value : undefined;
  const error = isObject(body) ? (body["error"] ?? body) : undefined;
  return { ...saidIn(error, text, now), status: status ?? statusIn(error), ...headerTime(headers, now) };
}

/** The refusal that an `error` frame inside a stream carries. */
export function frameRefusal(error: unknown, now: number): Refusal {
  return { ...saidIn(error, JSON.stringify(error), now), status: statusIn(error) };
}

function saidIn(error: unknown, raw: string, now: number): Omit<Refusal, "status"> {
  const said = isObject(error) ? error : {};
  const message = said["message"] ?? said["msg"] ?? said["detail"] ?? (typeof error === "string" ? error : undefined);
  const text = (typeof message === "string" && message !== "" ? message : raw).slice(0, LONGEST_TEXT);
  const code = [said["code"], said["type"]].filter((part) => typeof part === "string").join(" ");
  const { param } = said;
  return { code, param: typeof param === "string" ? param : "", text, retryAt: retryAtIn(text, now) };
}

function headerTime(headers: Headers | undefined, now: number): Pick<Refusal, "retryAt"> | undefined {
  const retryAt = retryAtOf(headers?.get("retry-after"), now);
  return retryAt === undefined ? undefined : { retryAt };
}

function statusIn(error: unknown): number | undefined {
  const code = isObject(error) ? Number(error["status"] ?? error["code"]) : NaN;
  return Number.isInteger(code) && code >= 400 && code < 600 ? code : undefined;
}

const CONTEXT =
  /context_length|string_above_max_length|maximum context|context (length|window|size)|too many (input )?tokens|(prompt|input|message)s? (is|are) too long|reduce the length|exceeds?.{0,40}(context|token limit|max(imum)? (number of )?(input )?tokens)|上下文.{0,10}(过长|超)|输入.{0,10}(过长|超)/i;
const QUOTA =
  /insufficient_(user_)?quota|billing|exceeded your current quota|(insufficient|not enough) (account )?(balance|credit|fund|quota)|(credit|balance|quota).{0,30}(exhausted|too low|used up|depleted)|out of credits|arrear|余额不足|额度(不足|已)|欠费/i;
const SUSPENDED = /deactivated|suspended|banned|account.{0,20}disabled|封禁|冻结/i;
const KEY =
  /invalid_api_key|authentication|unauthori[sz]ed|(invalid|incorrect|missing|expired|wrong).{0,20}(api[ _-]?key|token|credential)|(api[ _-]?key|token).{0,20}(invalid|expired|missing)|无效的(令牌|密钥)/i;
const LACKS =
  /model_not_found|model_not_available|(?<!\w)model.{0,120}(does not exist|doesn't exist|not exist|not found|is not available|not have access|no available channel|无可用渠道)|(unknown|invalid|no such) model\b|模型.{0,60}(不存在|无可用|未找到)/i;
const OVERLOADED = /overloaded|at capacity|server is busy|no capacity|繁忙|过载/i;

/** What a refusal means. Anything unknown is the request's fault on a 4xx, else the service's. */
export function meaningOf({ status, code, text }: Refusal): Meaning {
  const said = `${code} ${text}`;
  if (QUOTA.test(said) || status === 402) return { kind: "quota-exhausted" };
  if (status === 429) return { kind: "rate-limited" };
  if (SUSPENDED.test(said) && status !== 400) return { kind: "suspended" };
  if (LACKS.test(said)) return { kind: "upstream-changed", lacksModel: true };
  if (CONTEXT.test(said) && (status === undefined || status < 500)) return { kind: "context-too-long" };
  if (status === 401 || status === 403 || KEY.test(code)) return { kind: "auth-rejected" };
  if (status === 404 || status === 405) return { kind: "upstream-changed" };
  if (status === 408 || status === 504 || status === 524) return { kind: "upstream-timeout" };
  if (status === 413) return { kind: "too-large" };
  if (/rate_limit/.test(code)) return { kind: "rate-limited" };
  if (OVERLOADED.test(said)) return { kind: "model-overloaded" };
  if (status !== undefined && status >= 300 && status < 400) return { kind: "upstream-changed" };
  if (status !== undefined && status >= 400 && status < 500) return { kind: "invalid-request" };
  if (status === undefined && KEY.test(said)) return { kind: "auth-rejected" };
  return { kind: /invalid_request/.test(code) ? "invalid-request" : "upstream-broken" };
}

/** A refusal as the error that crosses folders. */
export function failureOf(refusal: Refusal, asked: Asked): GatewayError {
  const meaning = meaningOf(refusal);
  const { kind } = meaning;
  const isLimit = kind === "rate-limited" || kind === "quota-exhausted" || kind === "model-overloaded";
  const field = meaning.lacksModel ? "model" : /^[a-z_]+$/.test(refusal.param) ? refusal.param : undefined;
  return new GatewayError(kind, wordsFor(meaning, refusal, asked), {
    ...(isLimit && refusal.retryAt !== undefined ? { retryAt: refusal.retryAt } : {}),
    ...(field === undefined ? {} : { field }),
  });
}

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

const CHECK_PAGE = /just a moment|_cf_chl_opt|captcha|安全验证/i;

function wordsFor({ kind, lacksModel }: Meaning, refusal: Refusal, asked: Asked): string {
  const { name, model } = asked;
  const words = said(refusal, asked);
  if (lacksModel) return `${name} does not serve the model ${model ?? ""}${words}`;
  const status = refusal.status ?? 0;
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
      if (status >= 400) return `${name} does not know this path: check the account's base URL${words}`;
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
