/** What refusals mean: by type and text first, then by status (protocol.md, "Errors"). */
import type { FailureKind, GatewayError } from "../../chat/error.ts";
import { refusalFailure, type Asked, type Refusal } from "../service-refusal.ts";

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

/** A refusal as the error that crosses folders. */
export function failureOf(refusal: Refusal, asked: Asked): GatewayError {
  return refusalFailure(refusal, asked, kindOf(refusal));
}

/** Anything unknown is the request's fault on a 4xx, else the service's. */
function kindOf({ status, code, text }: Refusal): FailureKind {
  if (QUOTA.test(`${code} ${text}`) || status === 402) return "quota-exhausted";
  if (status === 429) return "rate-limited";
  if (SUSPENDED.test(text)) return "suspended";
  if (LACKS.test(text) || /model_not_found/.test(code)) return "model-unavailable";
  if (CONTEXT.test(text) && (status === undefined || status < 500)) return "context-too-long";
  if (status === 401 || status === 403) return "auth-rejected";
  if (status === 404 || status === 405) return "upstream-changed";
  if (status === 413) return "too-large";
  if (status === 529) return "model-overloaded";
  if (status === 408 || status === 504 || status === 524) return "upstream-timeout";
  const typed = TYPES.find(([pattern]) => pattern.test(code));
  if (typed) return typed[1];
  if (status !== undefined && status >= 300 && status < 400) return "upstream-changed";
  return status !== undefined && status >= 400 && status < 500 ? "invalid-request" : "upstream-broken";
}
