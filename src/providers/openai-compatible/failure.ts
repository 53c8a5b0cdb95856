/** What a service's refusals mean: by code and text first, then by status (protocol.md, "Errors"). */
import type { FailureKind, GatewayError } from "../../chat/error.ts";
import { refusalFailure, type Asked, type Refusal } from "../service-refusal.ts";

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

/** A refusal as the error that crosses folders. */
export function failureOf(refusal: Refusal, asked: Asked): GatewayError {
  return refusalFailure(refusal, asked, kindOf(refusal));
}

/** Anything unknown is the request's fault on a 4xx, else the service's. */
function kindOf({ status, code, text }: Refusal): FailureKind {
  const said = `${code} ${text}`;
  if (QUOTA.test(said) || status === 402) return "quota-exhausted";
  if (status === 429) return "rate-limited";
  if (SUSPENDED.test(said) && status !== 400) return "suspended";
  if (LACKS.test(said)) return "model-unavailable";
  if (CONTEXT.test(said) && (status === undefined || status < 500)) return "context-too-long";
  if (status === 401 || status === 403 || KEY.test(code)) return "auth-rejected";
  if (status === 404 || status === 405) return "upstream-changed";
  if (status === 408 || status === 504 || status === 524) return "upstream-timeout";
  if (status === 413) return "too-large";
  if (/rate_limit/.test(code)) return "rate-limited";
  if (OVERLOADED.test(said)) return "model-overloaded";
  if (status !== undefined && status >= 300 && status < 400) return "upstream-changed";
  if (status !== undefined && status >= 400 && status < 500) return "invalid-request";
  if (status === undefined && KEY.test(said)) return "auth-rejected";
  return /invalid_request/.test(code) ? "invalid-request" : "upstream-broken";
}
