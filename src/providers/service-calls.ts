/** Calls to a service of the user's own choosing over the network. */
import { abortReason, GatewayError } from "../chat/error.ts";
import { BodyTooLarge, readText } from "../lib/body.ts";
import { openEventBody, type EventBody } from "../lib/event-body.ts";
import type { UpstreamResponse } from "../lib/fetch.ts";
import { AddressRefused, type Lookup } from "../lib/public-address.ts";
import { checkServiceAddress, NameUnresolved } from "../lib/service-address.ts";
import type { ServiceLogin } from "../lib/service-login.ts";
import { EventTooLarge } from "../lib/sse.ts";
import type { AccountContext } from "./provider.ts";
import { pageFailure, refusalOf, type Asked, type Refusal } from "./service-refusal.ts";

type Context = AccountContext<ServiceLogin>;

/** What a format adds to a call. */
export interface CallRules {
  /** Of turns, below the base URL. */
  readonly turnPath: string;
  /** Of the list of models, with its query. */
  readonly modelsPath: string;
  /** The key's headers and the format's own. */
  headersFor(login: ServiceLogin): Readonly<Record<string, string>>;
}

/** How calls are made. */
export interface Caller {
  /** Resolves names for the check of addresses; the system's resolver by default. */
  readonly lookup?: Lookup | undefined;
}

/** Sends a turn. @throws GatewayError for every failure but a refusal */
export async function openTurn(
  rules: CallRules,
  caller: Caller,
  context: Context,
  asked: Asked,
  body: string,
): Promise<{ readonly body: EventBody } | { readonly refusal: Refusal }> {
  const response = await send(rules, caller, context, rules.turnPath, body);
  if (!response.ok) return { refusal: await refusalIn(response, context, asked) };
  try {
    const opened = await openEventBody(response.body);
    if (opened.kind === "page") throw pageFailure(response, opened.text, asked);
    return { body: opened };
  } catch (error) {
    throw readFailure(error, context);
  }
}

/** The text of the service's list of models, or what was said against it. @throws GatewayError as `openTurn` */
export async function fetchModels(
  rules: CallRules,
  caller: Caller,
  context: Context,
  asked: Asked,
): Promise<{ readonly text: string } | { readonly refusal: Refusal }> {
  const response = await send(rules, caller, context, rules.modelsPath);
  if (!response.ok) return { refusal: await refusalIn(response, context, asked) };
  return { text: await bodyText(response, context) };
}

/** A failure before the call or while its body is read. The turn's own abort keeps its own reason. */
export function readFailure(error: unknown, { signal, account }: Context): GatewayError {
  if (error instanceof GatewayError) return error;
  if (signal.aborted) return abortReason(signal);
  if (error instanceof AddressRefused) return new GatewayError("suspended", error.message, { cause: error });
  if (error instanceof NameUnresolved) return new GatewayError("upstream-broken", error.message, { cause: error });
  const { name } = account.credential;
  const tooLarge = error instanceof BodyTooLarge || error instanceof EventTooLarge;
  const words = tooLarge ? `${name} sent more than an answer can be.` : `The connection to ${name} broke.`;
  return new GatewayError("upstream-broken", words, { cause: error });
}

async function send(
  rules: CallRules,
  caller: Caller,
  context: Context,
  path: string,
  body?: string,
): Promise<UpstreamResponse> {
  const login = context.account.credential;
  try {
    await checkServiceAddress(login, { ...context, lookup: caller.lookup });
  } catch (error) {
    throw readFailure(error, context);
  }
  return context.fetch(login.baseUrl + path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: body === undefined ? "application/json" : "text/event-stream, application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...rules.headersFor(login),
    },
    ...(body === undefined ? {} : { body }),
    signal: context.signal,
  });
}

/** @throws GatewayError for a page, which no service sends for a refusal of its own */
async function refusalIn(response: UpstreamResponse, context: Context, asked: Asked): Promise<Refusal> {
  const text = await bodyText(response, context);
  if (/^[\s\ufeff]*</.test(text) && (response.status < 300 || response.status >= 400)) {
    throw pageFailure(response, text, asked);
  }
  return refusalOf(response.status, response.headers, text, context.clock.now());
}

async function bodyText({ body }: UpstreamResponse, context: Context): Promise<string> {
  try {
    return await readText(body);
  } catch (error) {
    throw readFailure(error, context);
  }
}
