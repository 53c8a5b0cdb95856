/** LongCat's bodies, pure: a turn out, stream frames in (protocol.md, "A turn" and "Frames"). */
import { GatewayError } from "../../chat/error.ts";
import type { Citation } from "../../chat/event.ts";
import { textOf, type ChatRequest } from "../../chat/request.ts";
import type { Mode } from "./models.ts";

/** The two chat endpoints; the body differs, the stream may hold frames of either format on both. */
export type ChatPath = "v2" | "legacy";

/** The body of one turn. The prompt is all text of the request: LongCat takes one text a turn. */
export function turnBody(path: ChatPath, chatId: string, request: ChatRequest, mode: Mode): string {
  const turn = {
    conversationId: chatId,
    content: request.messages.map(({ parts }) => textOf(parts)).join("\n\n"),
    reasonEnabled: mode.reason ? 1 : 0,
    searchEnabled: mode.search ? 1 : 0,
    // Zero on later turns too: the service continues the conversation by its id alone.
    parentMessageId: 0,
    regenerate: 0,
  };
  return JSON.stringify(path === "v2" ? { ...turn, agentId: mode.agentId, files: [] } : turn);
}

type Json = Readonly<Record<string, unknown>>;

/** An object, or undefined for all other JSON. */
export function asObject(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** A string, or "" for all other JSON. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A finite number, also one written as a string; undefined for all other JSON. */
export function asNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** The answer of a JSON endpoint; undefined when the text is no envelope. */
export interface Envelope {
  readonly code: number | undefined;
  readonly message: string;
  readonly data: Json | undefined;
}

export function envelopeOf(text: string): Envelope | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // An answer that is no JSON is an ordinary case here: an empty body, a page.
  }
  const envelope = asObject(value);
  if (!envelope) return undefined;
  return {
    code: asNumber(envelope["code"]),
    message: asText(envelope["message"]) || asText(envelope["msg"]),
    data: asObject(envelope["data"]),
  };
}

/** One event's data as a frame; undefined for JSON that is no object. @throws GatewayError upstream-changed */
export function frameOf(data: string): Json | undefined {
  try {
    return asObject(JSON.parse(data));
  } catch (cause) {
    throw new GatewayError("upstream-changed", "LongCat sent an event whose `data` is not JSON.", {
      field: "data",
      cause,
    });
  }
}

/** Search hits in any of the shapes they come in: a list, or a list within an object. Texts and queries hold none. */
export function citationsOf(content: unknown): Citation[] {
  const list = Array.isArray(content) ? content : asObject(content)?.["resultList"];
  if (!Array.isArray(list)) return [];
  return list.flatMap((item): Citation[] => {
    const hit = asObject(item);
    const url = asText(hit?.["url"]) || asText(hit?.["link"]);
    if (!hit || !url) return [];
    const snippet = asText(hit["snippet"]) || asText(hit["content"]);
    return [{ title: asText(hit["title"]) || url, url, ...(snippet ? { snippet } : {}) }];
  });
}

/** Token counts under either set of names; undefined when they are missing or all zero. */
export function usageOf(value: unknown): { inputTokens: number; outputTokens: number; estimated: false } | undefined {
  const counts = asObject(value);
  if (!counts) return undefined;
  const inputTokens = asNumber(counts["inputTokens"] ?? counts["promptTokens"]) ?? 0;
  const outputTokens = asNumber(counts["outputTokens"] ?? counts["completionTokens"]) ?? 0;
  return inputTokens > 0 || outputTokens > 0 ? { inputTokens, outputTokens, estimated: false } : undefined;
}
