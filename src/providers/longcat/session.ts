/** LongCat's endpoints over the network: headers, chats, the probe, and a turn's body (protocol.md, "Endpoints"). */
import { abortReason, GatewayError } from "../../chat/error.ts";
import { arrivedText, BodyTooLarge, textIn } from "../../lib/body.ts";
import { isBrowserCheck } from "../../lib/browser-check.ts";
import { firstSign } from "../../lib/event-body.ts";
import type { UpstreamBody, UpstreamResponse } from "../../lib/fetch.ts";
import { retryAtOf } from "../../lib/retry-after.ts";
import type { AccountContext } from "../provider.ts";
import type { AccountHeaders } from "./account-headers.ts";
import type { LongcatCredential } from "./credential.ts";
import { challenge, failureOf, kindOf } from "./failure.ts";
import { envelopeOf, type ChatPath, type Envelope } from "./wire.ts";

type Context = AccountContext<LongcatCredential>;

/** How calls present themselves. */
export interface Caller {
  /** Without a trailing slash. */
  readonly url: string;
  /** The origin of `url`. */
  readonly origin: string;
  readonly language: "zh" | "en";
  readonly headers: AccountHeaders;
  /** At least 0, below 1. */
  random(): number;
}

/** A turn's stream, with the bytes that were read to see that it is one. */
export interface Turn {
  readonly body: UpstreamBody;
  readonly first: Uint8Array;
}

interface Call {
  readonly path: string;
  /** Makes the call a POST. */
  readonly body?: string;
  /** The page the call would come from. */
  readonly page: string;
  readonly accept?: string;
}

const PATHS: Readonly<Record<ChatPath, string>> = {
  v2: "/api/v1/chat-completion-V2",
  legacy: "/api/v1/chat-completion",
};

/** Makes an empty chat. @throws GatewayError, upstream-changed when the answer names no chat */
export function createChat(caller: Caller, context: Context, agentId: string): Promise<string> {
  const body = JSON.stringify({ model: "", agentId });
  return askJson(caller, context, { path: "/api/v1/session-create", body, page: "/t" }).then(chatIdIn);
}

function chatIdIn({ data }: Envelope): string {
  const id = data?.["conversationId"];
  if (typeof id === "string" && id !== "") return id;
  throw new GatewayError("upstream-changed", "LongCat opened a conversation but gave no `data.conversationId`.", {
    field: "data.conversationId",
  });
}

/** Deletes a chat; one that is unknown is deleted already. A GET, as the page does it. */
export async function deleteChat(caller: Caller, context: Context, chatId: string): Promise<void> {
  const id = encodeURIComponent(chatId);
  const call = { path: `/api/v1/session-delete?conversationId=${id}`, page: `/c/${id}` };
  const response = await send(caller, context, call);
  const envelope = envelopeOf(arrivedText(response.body) ?? (await bodyText(response, context)));
  if (response.ok && (!envelope || envelope.code === 0)) return;
  const refusal = refusalOf(response, envelope, context);
  if (kindOf(refusal) !== "conversation-lost") throw failureOf(refusal);
}

/** Asks who is signed in. An anonymous call also answers code 0, so the data decides. */
export async function checkSignedIn(caller: Caller, context: Context): Promise<void> {
  const { data = {} } = await askJson(caller, context, { path: "/api/v1/user-current", page: "/" });
  const status = data["loginStatus"];
  const known = ["userId", "uid", "email", "phone", "token"].some((name) => Boolean(data[name]));
  if (status !== 1 && status !== true && status !== "1" && !known) throw failureOf({ code: 401, text: "" });
}

/**
 * Sends a turn and gives its stream with the bytes that were read to see that it is one.
 * @returns undefined when this server does not know the path
 */
export function openTurn(
  caller: Caller,
  context: Context,
  path: ChatPath,
  chatId: string,
  body: string,
): Promise<Turn | undefined> {
  const page = `/c/${encodeURIComponent(chatId)}`;
  const accept = "text/event-stream,application/json";
  return send(caller, context, { path: PATHS[path], body, page, accept }).then((response) =>
    response.ok ? turnIn(response, context) : refused(response, context),
  );
}

/** @returns undefined when this server does not know the path. @throws GatewayError for any other refusal */
async function refused(response: UpstreamResponse, context: Context): Promise<undefined> {
  const text = await bodyText(response, context);
  if (isChallenge(response, text)) throw challenge();
  const refusal = refusalOf(response, envelopeOf(text), context);
  const missing = response.status === 404 || response.status === 405;
  if (missing && kindOf(refusal) === "upstream-broken") return undefined;
  throw failureOf(refusal);
}

/** A failure of the connection while a body is read. The turn's own abort keeps its own reason. */
export function readFailure(error: unknown, { signal }: Context): GatewayError {
  if (error instanceof GatewayError) return error;
  if (signal.aborted) return abortReason(signal);
  const words =
    error instanceof BodyTooLarge ? "LongCat sent more than an answer can be." : "The connection to LongCat broke.";
  return new GatewayError("upstream-broken", words, { cause: error });
}

/** The type of the body says little: an error comes as JSON, a browser check as a page, both also with status 200. */
function turnIn(response: UpstreamResponse, context: Context): Turn | Promise<Turn> {
  const { body } = response;
  const first = body.rest();
  const isStream = first && !["", "<", "{"].includes(firstSign(first)) && !isChallenge(response, "");
  return isStream ? { body, first } : readTurn(response, context, first);
}

/** The same where it must be read. @param first what is there of it */
async function readTurn(
  response: UpstreamResponse,
  context: Context,
  first: Uint8Array = new Uint8Array(),
): Promise<Turn> {
  const { body } = response;
  try {
    if (isChallenge(response, "")) throw challenge();
    while (firstSign(first) === "") {
      const bytes = await body.read();
      if (!bytes) break;
      first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
      // Blank lines alone are no answer; a stream begins long before this.
      if (first.length > 65_536) break;
    }
    const sign = firstSign(first);
    if (sign === "<") throw challenge();
    if (sign !== "{") return { body, first };
    const envelope = envelopeOf(await bodyText(response, context, first));
    if (envelope?.code) throw failureOf(refusalOf(response, envelope, context));
    throw new GatewayError(
      "upstream-changed",
      "LongCat answered a turn with JSON that is neither a stream nor an error.",
      {
        field: envelope ? "code" : "body",
      },
    );
  } catch (error) {
    body.cancel();
    throw readFailure(error, context);
  }
}

function askJson(caller: Caller, context: Context, call: Call): Promise<Envelope> {
  return send(caller, context, call).then((response) => {
    const text = arrivedText(response.body);
    if (text !== undefined) return goodEnvelope(response, text, context);
    return bodyText(response, context).then((read) => goodEnvelope(response, read, context));
  });
}

function goodEnvelope(response: UpstreamResponse, text: string, context: Context): Envelope {
  const envelope = envelopeOf(text);
  if (response.ok && envelope?.code === 0) return envelope;
  if (isChallenge(response, text)) throw challenge();
  if (!response.ok || envelope?.code) throw failureOf(refusalOf(response, envelope, context));
  throw new GatewayError("upstream-changed", "LongCat's answer has no `code`.", { field: "code" });
}

function send(caller: Caller, context: Context, { path, body, page, accept }: Call): Promise<UpstreamResponse> {
  const { url, origin, language } = caller;
  const random = Math.floor(caller.random() * 1_000_000);
  const { signal } = context;
  const { credential, userAgent } = context.account;
  const standing = caller.headers.of(credential, { origin, language, userAgent });
  const headers = {
    accept: accept ?? "application/json, text/plain, */*",
    referer: `${url}${page}`,
    "m-traceid": `${context.clock.now()}${String(random).padStart(6, "0")}`,
  };
  return context.fetch(
    url + path,
    body === undefined ? { standing, headers, signal } : { method: "POST", standing, headers, body, signal },
  );
}

/** JSON that is longer is none of LongCat's. */
const MOST_JSON_BYTES = 1_048_576;
/** How long the body of a refusal may take: its status alone says what it is. */
const REFUSAL_MS = 2000;
/** How long the end of a body may take after the last brace. */
const END_MS = 100;
const BRACE = 0x7d;

/**
 * A body that is JSON, as text. What is whole, and what belongs to a refusal, is not waited for: a service may leave the
 * connection open behind it.
 * @param first what was already read of it
 */
async function bodyText({ ok, body }: UpstreamResponse, context: Context, first?: Uint8Array): Promise<string> {
  let bytes = first ?? new Uint8Array();
  let isEnough = false;
  const enough = (): void => {
    isEnough = true;
    body.cancel();
  };
  const enoughIn = (ms: number) => context.clock.after(ms, enough);
  let cancelTimer = ok ? undefined : enoughIn(REFUSAL_MS);
  try {
    for (let more: Uint8Array | undefined = bytes; more; more = await body.read()) {
      if (more !== bytes) bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      if (bytes.length > MOST_JSON_BYTES) throw new BodyTooLarge(`The body is longer than ${MOST_JSON_BYTES} bytes.`);
      if (bytes.findLast((byte) => byte > 0x20) !== BRACE || !envelopeOf(textIn(bytes))) continue;
      cancelTimer?.();
      cancelTimer = enoughIn(END_MS);
    }
  } catch (error) {
    body.cancel();
    if (!isEnough) throw readFailure(error, context);
  } finally {
    cancelTimer?.();
  }
  return textIn(bytes);
}

function refusalOf({ status, headers }: UpstreamResponse, envelope: Envelope | undefined, { clock }: Context) {
  const retryAt = retryAtOf(headers.get("retry-after"), clock.now());
  const location = headers.get("location");
  return { status, code: envelope?.code, text: envelope?.message ?? "", retryAt, location };
}

/** The words of a check on the pages that carry one. */
const CHECK_PAGE = /yoda|安全验证|请完成验证|verify|captcha/i;

/**
 * A page where JSON or a stream was due, or a status or header that only a browser check has. A gateway's own error page
 * (404, 502) is no check unless it says so.
 */
function isChallenge({ status, headers }: UpstreamResponse, text: string): boolean {
  if (status >= 300 && status < 400) return false;
  if (status === 418 || isBrowserCheck(headers, "")) return true;
  const isPage = /^text\/html/i.test(headers.get("content-type") ?? "") || /^[\s\ufeff]*</.test(text);
  const isErrorPage = status >= 500 || status === 404 || status === 405;
  return isPage && (!isErrorPage || CHECK_PAGE.test(text) || isBrowserCheck(headers, text));
}
