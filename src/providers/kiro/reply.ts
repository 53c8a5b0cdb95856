import { GatewayError } from "../../chat/error.ts";
import type { Abortable } from "../../lib/abort.ts";
import { BodyTooLarge, readText } from "../../lib/body.ts";
import type { UpstreamHeaders, UpstreamResponse } from "../../lib/fetch.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import type { ServiceContext } from "../provider.ts";
import type { UpstreamAnswer } from "./refusal.ts";

const MOST_BYTES = 4 * 1024 * 1024;

/** A whole answer. `json` is undefined when it is none. */
export interface Reply {
  readonly status: number;
  readonly ok: boolean;
  readonly json: unknown;
  readonly answer: UpstreamAnswer;
}

export interface Call {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One call whose answer is JSON. @throws GatewayError as fetch does, and when the answer breaks off or is too long */
export async function send(context: ServiceContext, { url, ...init }: Call): Promise<Reply> {
  const response = await context.fetch(url, { ...init, signal: context.signal });
  return readReply(response, context.signal);
}

/** Reads an answer to its end. @throws GatewayError upstream-broken or upstream-changed */
export async function readReply(response: UpstreamResponse, signal: Abortable): Promise<Reply> {
  const text = await bodyText(response, signal);
  const parsed = parseJson(text);
  const json = parsed.ok ? parsed.value : undefined;
  const { status, ok } = response;
  return { status, ok, json, answer: answerOf(status, response.headers, text, json) };
}

async function bodyText({ body }: UpstreamResponse, signal: Abortable): Promise<string> {
  try {
    return await readText(body, undefined, MOST_BYTES);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw brokenOff(error, signal);
    throw new GatewayError("upstream-changed", "An answer of Kiro is far too long.", { cause: error });
  }
}

/** What a failed read means: the caller's own reason when it aborted, else a broken connection. */
export function brokenOff(error: unknown, signal: Abortable): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof GatewayError) return error;
  return new GatewayError("upstream-broken", "Kiro's answer broke off.", { cause: error });
}

function answerOf(status: number, headers: UpstreamHeaders, text: string, json: unknown): UpstreamAnswer {
  const fields = isObject(json) ? json : {};
  const type = headers.get("x-amzn-errortype") ?? textOf(fields["__type"]);
  const html = /^\s*</.test(text) || (headers.get("content-type") ?? "").includes("text/html");
  return {
    status,
    type: type.split(":")[0]?.split("#").at(-1) ?? "",
    message:
      textOf(fields["message"]) || textOf(fields["Message"]) || (html || isObject(json) ? "" : text.slice(0, 1000)),
    reason: textOf(fields["reason"]),
    html,
    retryAfter: headers.get("retry-after") ?? undefined,
  };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
