/** LangFast's HTTP calls: one POST or GET of the Supabase project, and its answer read once (protocol.md, "Parts"). */
import { abortReason, GatewayError } from "../../chat/error.ts";
import { BodyTooLarge, readText } from "../../lib/body.ts";
import type { UpstreamResponse } from "../../lib/fetch.ts";
import { parseJson } from "../../lib/json.ts";
import type { ServiceContext } from "../provider.ts";

/** Where the service lives. Getters make a setting live; none ends in a slash. */
export interface Service {
  readonly url: string;
  readonly anonKey: string;
  readonly socketUrl: string;
}

const SITE = "https://langfa.st";
const LONGEST_BODY_BYTES = 1_048_576;

export interface Call {
  readonly path: string;
  /** Makes the call a POST. */
  readonly body?: string;
  readonly accessToken?: string;
  readonly userAgent?: string;
}

/** An answer, read whole. */
export interface Reply {
  readonly ok: boolean;
  readonly status: number;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
  readonly text: string;
  readonly retryAfter: string | null;
}

/** The headers by which the page itself would call. */
export function pageHeaders(userAgent: string | undefined): Record<string, string> {
  return {
    origin: SITE,
    referer: `${SITE}/`,
    ...(userAgent === undefined || userAgent === "" ? {} : { "user-agent": userAgent }),
  };
}

/** @throws GatewayError when there is no answer; a refusal is an answer */
export async function send(service: Service, context: ServiceContext, call: Call): Promise<Reply> {
  const { path, body, accessToken, userAgent } = call;
  const response = await context.fetch(`${service.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...pageHeaders(userAgent),
      apikey: service.anonKey,
      accept: "application/json",
      "content-type": "application/json",
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    ...(body === undefined ? {} : { body }),
    signal: context.signal,
  });
  const text = await bodyOf(response, context);
  const json = parseJson(text);
  return {
    ok: response.ok,
    status: response.status,
    json: json.ok ? json.value : undefined,
    text,
    retryAfter: response.headers.get("retry-after"),
  };
}

async function bodyOf({ body }: UpstreamResponse, { signal }: ServiceContext): Promise<string> {
  try {
    return await readText(body, undefined, LONGEST_BODY_BYTES);
  } catch (error) {
    body.cancel();
    if (signal.aborted) throw abortReason(signal);
    const words =
      error instanceof BodyTooLarge
        ? "LangFast's answer is longer than any such answer can be."
        : "The connection to LangFast broke in the middle of an answer.";
    throw new GatewayError("upstream-broken", words, { cause: error });
  }
}
