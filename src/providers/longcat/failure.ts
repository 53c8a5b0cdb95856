/** What LongCat's refusals mean: by their text first, in both languages, then by code and status (protocol.md, "Errors"). */
import { GatewayError, type FailureKind } from "../../chat/error.ts";
import { quote } from "../../lib/quote.ts";

/** A refusal in any of its three forms. */
export interface Refusal {
  /** Undefined inside a stream. */
  readonly status?: number;
  /** The envelope's `code`; undefined when there is none. */
  readonly code?: number | undefined;
  /** The envelope's or event's text, empty when there is none. */
  readonly text: string;
  /** Epoch ms named by `Retry-After`. */
  readonly retryAt?: number | undefined;
  /** Where a redirect leads. */
  readonly location?: string | null;
}

/** Tried in order: a text may hold words of two kinds ("log in and try again later"). */
const TEXTS: readonly (readonly [FailureKind, RegExp])[] = [
  ["challenge", /yoda|安全验证|完成验证|\bverify\b|just a moment/i],
  [
    "auth-rejected",
    /cookie信息为空|cookie is empty|登录后|未登录|请先?登录|登录(已|状态)?(过期|失效)|not logged in|log ?in required|please log ?in|token (has )?expired/i,
  ],
  ["suspended", /封禁|冻结|账号异常|suspended|banned/i],
  ["conversation-lost", /(会话|对话)(不存在|已删除|已失效)|conversation (was )?(not found|does not exist|deleted)/i],
  ["context-too-long", /(内容|输入|文本|字数)[^，。]{0,6}(过长|超长|超出|超过)|too long|maximum length/i],
  ["rate-limited", /太快|频繁|稍后再试|too many|too fast|rate limit|frequen/i],
];

const CODES: Readonly<Record<number, FailureKind>> = {
  401: "auth-rejected",
  403: "auth-rejected",
  413: "context-too-long",
  418: "challenge",
  429: "rate-limited",
  101_190: "challenge",
};

/** Where people sign in. Any other redirect is a service that has moved, which is no account's fault. */
const SIGN_IN = /passport|\blogin\b/i;

/** What a refusal means. Anything unknown is the service's own fault: `upstream-broken`. */
export function kindOf({ status, code, text, location }: Refusal): FailureKind {
  for (const [kind, words] of TEXTS) if (words.test(text)) return kind;
  if (status !== undefined && status >= 300 && status < 400) {
    return SIGN_IN.test(location ?? "") ? "auth-rejected" : "upstream-broken";
  }
  return CODES[code ?? 0] ?? CODES[status ?? 0] ?? "upstream-broken";
}

/** A refusal as the error that crosses folders. */
export function failureOf(refusal: Refusal): GatewayError {
  const kind = kindOf(refusal);
  const { retryAt } = refusal;
  return new GatewayError(kind, wordsFor(kind, refusal), retryAt === undefined ? {} : { retryAt });
}

/** A page where JSON or a stream was due: the browser check. */
export function challenge(): GatewayError {
  return new GatewayError("challenge", wordsFor("challenge", { text: "" }));
}

function wordsFor(kind: FailureKind, refusal: Refusal): string {
  switch (kind) {
    case "challenge":
      return (
        "LongCat asks for a browser check on this account. Open longcat.chat in your browser, pass it, " +
        "then paste the cookie again."
      );
    case "auth-rejected":
      return `LongCat does not accept this account's cookie${said(refusal)}. Sign in at longcat.chat and paste it again.`;
    case "suspended":
      return `LongCat has suspended this account${said(refusal)}.`;
    case "conversation-lost":
      return "LongCat no longer knows this conversation.";
    case "context-too-long":
      return `The text is longer than LongCat takes${said(refusal)}.`;
    case "rate-limited":
      return `LongCat limits how often this account may ask${said(refusal)}.`;
    default:
      return `LongCat failed${said(refusal)}.`;
  }
}

/** The service's own words, short and without anything that could be a token; else its code or status. */
function said({ text, code, status }: Refusal): string {
  const words = quote(text);
  if (words) return `: “${words}”`;
  if (code) return ` with code ${code}`;
  return status === undefined ? "" : ` with HTTP ${status}`;
}
