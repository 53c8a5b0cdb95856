import type { FailureKind, GatewayError } from "../../chat/error.ts";
import type { ErrorBody } from "../../wire/openai-chat.ts";

interface Shape {
  readonly type: ErrorBody["error"]["type"];
  readonly code: string | null;
}

const asked = (code: string | null): Shape => ({ type: "invalid_request_error", code });
const LIMITED: Shape = { type: "rate_limit_error", code: "rate_limit_exceeded" };
const failed = (code: string): Shape => ({ type: "server_error", code });

/** What each failure is called in OpenAI's error shape: the words that SDKs and agents act on. */
const SHAPES: Record<FailureKind, Shape> = {
  "invalid-request": asked(null),
  "context-too-long": asked("context_length_exceeded"),
  unauthorized: asked("invalid_api_key"),
  "forbidden-model": asked("model_not_allowed"),
  "unknown-model": asked("model_not_found"),
  "model-unavailable": asked("model_not_found"),
  "unknown-path": asked("model_not_found"),
  "wrong-method": asked("method_not_allowed"),
  "too-slow": asked("request_timeout"),
  "too-large": asked("request_too_large"),
  "rate-limited": LIMITED,
  "quota-exhausted": LIMITED,
  "queue-full": LIMITED,
  "auth-rejected": failed("no_account"),
  suspended: failed("no_account"),
  challenge: failed("no_account"),
  "no-account": failed("no_account"),
  "upstream-broken": failed("upstream_error"),
  "upstream-changed": failed("upstream_error"),
  "conversation-lost": failed("upstream_error"),
  "upstream-timeout": failed("upstream_timeout"),
  "model-overloaded": failed("overloaded"),
  "gateway-full": failed("overloaded"),
  stopping: failed("overloaded"),
  "store-unavailable": failed("overloaded"),
  cancelled: failed("cancelled"),
  internal: failed("internal_error"),
};

/**
 * The error body. The message ends with the request's id, so that a user who pastes it finds the log. `param` names a
 * field only when the caller's request is at fault: a field of the upstream's answer means nothing to the client.
 */
export function failureBody(error: GatewayError, requestId: string): ErrorBody {
  const { type, code } = SHAPES[error.kind];
  const param = error.blames === "caller" ? (error.field ?? null) : null;
  return { error: { message: `${error.message} (request ${requestId})`, type, param, code } };
}
