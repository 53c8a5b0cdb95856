import type { FailureKind, GatewayError } from "../chat/error.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { CORS_HEADERS } from "./cors.ts";

/** A failure that repeating at once cannot help: official SDKs would try it twice more. */
const NEVER_REPEAT = new Set<FailureKind>([
  "no-account",
  "auth-rejected",
  "suspended",
  "challenge",
  "upstream-broken",
  "upstream-changed",
  "upstream-timeout",
  "conversation-lost",
  "internal",
]);

/** Short troubles of our own: repeating after a few seconds is right. */
const REPEAT_SOON = new Set<FailureKind>([
  "gateway-full",
  "stopping",
  "store-unavailable",
  "model-overloaded",
  "queue-full",
]);

const REPEAT_SOON_S = 2;
/** SDKs obey a wait of any length, so a longer one must come back as an error to the person. */
const LONGEST_SDK_WAIT_S = 60;

/**
 * The headers that tell a client whether and when to try again.
 *
 * @param now epoch ms
 */
export function retryHeaders(error: GatewayError, now: number): Record<string, string> {
  if (error.status < 429) return {};
  const headers: Record<string, string> = {};
  const waitS = error.retryAt === undefined ? undefined : Math.max(1, Math.ceil((error.retryAt - now) / 1000));
  if (error.kind === "rate-limited" || error.kind === "quota-exhausted") {
    const seconds = waitS ?? LONGEST_SDK_WAIT_S;
    headers["retry-after"] = String(seconds);
    headers["x-should-retry"] = String(seconds <= LONGEST_SDK_WAIT_S);
  } else if (REPEAT_SOON.has(error.kind)) {
    headers["retry-after"] = String(Math.min(waitS ?? REPEAT_SOON_S, 5));
    headers["x-should-retry"] = "true";
    if (error.kind === "gateway-full") headers["connection"] = "close";
  } else if (NEVER_REPEAT.has(error.kind)) {
    if (waitS !== undefined) headers["retry-after"] = String(waitS);
    headers["x-should-retry"] = "false";
  }
  return headers;
}

/**
 * A failure as an answer in the caller's own format.
 *
 * @param now epoch ms
 * @param extra more headers
 */
export function failureResponse(
  error: GatewayError,
  dialect: Dialect,
  requestId: string,
  now: number,
  extra: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(dialect.encodeFailure(error, requestId)), {
    status: error.status,
    headers: {
      ...CORS_HEADERS,
      "content-type": "application/json",
      "x-request-id": requestId,
      ...retryHeaders(error, now),
      ...extra,
    },
  });
}
