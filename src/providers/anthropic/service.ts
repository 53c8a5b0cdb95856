/** Calls to a service over the network (protocol.md, "Address and key"). */
import { GatewayError } from "../../chat/error.ts";
import { BodyTooLarge, readText } from "../../lib/body.ts";
import { openEventBody, type EventBody } from "../../lib/event-body.ts";
import { AddressRefused, type Lookup } from "../../lib/public-address.ts";
import { checkServiceAddress, NameUnresolved } from "../../lib/service-address.ts";
import type { ServiceLogin } from "../../lib/service-login.ts";
import { EventTooLarge } from "../../lib/sse.ts";
import type { AccountContext } from "../provider.ts";
import { failureOf, pageFailure, refusalOf, type Asked, type Refusal } from "./failure.ts";

type Context = AccountContext<ServiceLogin>;

/** The version of the format that every service knows. */
const VERSION = "2023-06-01";

/** How calls are made. */
export interface Caller {
  /** Resolves names for the check of addresses; the system's resolver by default. */
  readonly lookup?: Lookup | undefined;
  /** The cap of one event, characters. */
  readonly maxEventChars?: number | undefined;
}

/** An answer that is no failure, or what was said against it. */
export type Opened = { readonly body: EventBody } | { readonly refusal: Refusal };

/** Sends a turn. @throws GatewayError for every failure but a refusal */
export async function openTurn(caller: Caller, context: Context, asked: Asked, body: string): Promise<Opened> {
  const response = await send(caller, context, "/messages", body);
  if (!response.ok) return { refusal: await refusalIn(response, context, asked) };
  if (!response.body) throw new GatewayError("upstream-broken", `${asked.name}'s answer has no body.`);
  try {
    const opened = await openEventBody(response.body, caller.maxEventChars);
    if (opened.kind === "page") throw pageFailure(response, opened.text, asked);
    return { body: opened };
  } catch (error) {
    throw readFailure(error, context);
  }
}

/** The text of the service's list of models. @throws GatewayError, upstream-changed with field "models" without one */
export async function fetchModels(caller: Caller, context: Context): Promise<string> {
  const { name, apiKey } = context.account.credential;
  const asked: Asked = { name, apiKey, model: undefined };
  const response = await send(caller, context, "/models?limit=1000");
  if (response.ok) return bodyText(response, context);
  const refusal = await refusalIn(response, context, asked);
  if (refusal.status === 404 || refusal.status === 405) {
    const text = `${name} gives no list of models: check the account's base URL, or name them in its "models".`;
    throw new GatewayError("upstream-changed", text, { field: "models" });
  }
  throw failureOf(refusal, asked);
}

/** A failure before the call or while its body is read. The turn's own abort keeps its own reason. */
export function readFailure(error: unknown, { signal, account }: Context): GatewayError {
  if (error instanceof GatewayError) return error;
  if (signal.aborted && signal.reason instanceof GatewayError) return signal.reason;
  if (signal.aborted) return new GatewayError("cancelled", "The turn was cancelled.", { cause: error });
  if (error instanceof AddressRefused) return new GatewayError("suspended", error.message, { cause: error });
  if (error instanceof NameUnresolved) return new GatewayError("upstream-broken", error.message, { cause: error });
  const { name } = account.credential;
  const tooLarge = error instanceof BodyTooLarge || error instanceof EventTooLarge;
  const words = tooLarge ? `${name} sent more than an answer can be.` : `The connection to ${name} broke.`;
  return new GatewayError("upstream-broken", words, { cause: error });
}

async function send(caller: Caller, context: Context, path: string, body?: string): Promise<Response> {
  const { baseUrl, apiKey } = context.account.credential;
  try {
    await checkServiceAddress(context.account.credential, { ...context, lookup: caller.lookup });
  } catch (error) {
    throw readFailure(error, context);
  }
  return context.fetch(baseUrl + path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: body === undefined ? "application/json" : "text/event-stream, application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      "anthropic-version": VERSION,
      ...keyHeaders(baseUrl, apiKey),
    },
    ...(body === undefined ? {} : { body }),
    signal: context.signal,
  });
}

/** Anthropic takes its key in a header of its own; other services want it there or as a bearer, and take both. */
function keyHeaders(baseUrl: string, apiKey: string): Record<string, string> {
  if (apiKey === "") return {};
  const isAnthropic = /(^|\.)anthropic\.com$/.test(new URL(baseUrl).hostname);
  return { "x-api-key": apiKey, ...(isAnthropic ? {} : { authorization: `Bearer ${apiKey}` }) };
}

/** @throws GatewayError for a page, which no service sends for a refusal of its own */
async function refusalIn(response: Response, context: Context, asked: Asked): Promise<Refusal> {
  const text = await bodyText(response, context);
  if (/^[\s\ufeff]*</.test(text) && (response.status < 300 || response.status >= 400)) {
    throw pageFailure(response, text, asked);
  }
  return refusalOf(response.status, response.headers, text, context.clock.now());
}

async function bodyText(response: Response, context: Context): Promise<string> {
  if (!response.body) return "";
  try {
    return await readText(response.body.getReader());
  } catch (error) {
    throw readFailure(error, context);
  }
}
