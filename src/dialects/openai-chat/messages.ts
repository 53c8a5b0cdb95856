import { GatewayError } from "../../chat/error.ts";
import type { ImagePart, Message, Part, Role, TextPart } from "../../chat/request.ts";
import type { ContentPart, RequestMessage } from "../../wire/openai-chat.ts";

const ROLES = {
  system: "system",
  developer: "system",
  user: "user",
  assistant: "assistant",
  tool: "user",
  function: "user",
} as const satisfies Record<RequestMessage["role"], Role>;

/**
 * The messages in neutral form, one for one. Null contents and empty texts become no part at all.
 * @throws GatewayError invalid-request with the field; also when no message has anything in it
 */
export function messagesOf(wire: readonly RequestMessage[]): Message[] {
  const legacy = new LegacyCalls();
  const messages = wire.map((message, index) => messageOf(message, index, legacy));
  if (messages.every((message) => message.parts.length === 0)) {
    const field = `messages[${wire.length - 1}].content`;
    throw new GatewayError("invalid-request", `\`${field}\` is empty, and so is every other message: send some text.`, {
      field,
    });
  }
  return messages;
}

function messageOf(message: RequestMessage, index: number, legacy: LegacyCalls): Message {
  const role = ROLES[message.role];
  const parts = partsOf(message, index, legacy);
  const named = message.name && message.role !== "function" && message.role !== "tool";
  return named && message.name ? { role, name: message.name, parts } : { role, parts };
}

function partsOf(message: RequestMessage, index: number, legacy: LegacyCalls): Part[] {
  const content = contentOf(message, index);
  const field = (name: string): string => `messages[${index}].${name}`;
  switch (message.role) {
    case "tool":
      if (!message.tool_call_id) {
        throw new GatewayError(
          "invalid-request",
          `\`${field("tool_call_id")}\` is missing: repeat the \`id\` of the tool call that this message answers.`,
          { field: field("tool_call_id") },
        );
      }
      return [{ type: "tool-result", callId: message.tool_call_id, content, isError: false }];
    case "function":
      return [{ type: "tool-result", callId: legacy.answered(message.name, field("name")), content, isError: false }];
    case "assistant":
      return [...reasoningOf(message), ...content, ...callsOf(message, field("tool_calls"), legacy)];
    default:
      return content;
  }
}

const reasoningOf = ({ reasoning_content: text }: RequestMessage): Part[] =>
  text ? [{ type: "reasoning", text }] : [];

function callsOf(message: RequestMessage, field: string, legacy: LegacyCalls): Part[] {
  const calls = (message.tool_calls ?? []).map((call, index): Part => {
    if (!call.function) {
      throw new GatewayError(
        "invalid-request",
        `\`${field}[${index}].function\` is missing: only calls of type "function" are known here.`,
        { field: `${field}[${index}].function` },
      );
    }
    return { type: "tool-call", id: call.id, name: call.function.name, json: call.function.arguments || "{}" };
  });
  const old = message.function_call;
  if (old) calls.push({ type: "tool-call", id: legacy.called(old.name), name: old.name, json: old.arguments || "{}" });
  return calls;
}

function contentOf(message: RequestMessage, at: number): (TextPart | ImagePart)[] {
  const { content, refusal } = message;
  const parts = typeof content === "string" ? textOf(content) : [];
  if (Array.isArray(content)) {
    content.forEach((part, index) =>
      parts.push(...contentPartOf(part, message.role, `messages[${at}].content[${index}]`)),
    );
  }
  if (parts.length === 0 && refusal) return textOf(refusal);
  return parts;
}

const textOf = (text: string | null | undefined): (TextPart | ImagePart)[] => (text ? [{ type: "text", text }] : []);

function contentPartOf(part: ContentPart, role: RequestMessage["role"], field: string): (TextPart | ImagePart)[] {
  switch (part.type) {
    case "text":
      return textOf(part.text);
    case "refusal":
      return textOf(part.refusal);
    case "image_url":
      if (role !== "user" && role !== "tool") {
        throw new GatewayError("invalid-request", `\`${field}\` is an image: images go into user messages.`, { field });
      }
      return [imageOf(part, field)];
    default:
      throw new GatewayError(
        "invalid-request",
        `\`${field}.type\` must be "text" or "image_url"; audio, files and other parts are not taken here.`,
        { field: `${field}.type` },
      );
  }
}

const DATA_URL = /^data:(image\/[a-z0-9.+-]+)(?:;[^,;]*)*;base64,/i;

function imageOf({ image_url: image }: ContentPart, field: string): ImagePart {
  const url = (typeof image === "string" ? image : (image?.url ?? "")).trim();
  const asked = typeof image === "string" ? undefined : image?.detail;
  const detail: Pick<ImagePart, "detail"> =
    asked === "auto" || asked === "low" || asked === "high" ? { detail: asked } : {};
  // Only the head: an image may be megabytes long.
  const head = DATA_URL.exec(url.slice(0, 200));
  if (head && url.length > head[0].length) {
    const mediaType = (head[1] ?? "").toLowerCase();
    return { type: "image", source: { kind: "base64", mediaType, data: url.slice(head[0].length) }, ...detail };
  }
  if (/^https?:\/\/[^/]/i.test(url)) return { type: "image", source: { kind: "url", url }, ...detail };
  throw new GatewayError(
    "invalid-request",
    `\`${field}.image_url.url\` must be an http(s) address or "data:image/...;base64," and the image's bytes.`,
    { field: `${field}.image_url.url` },
  );
}

/** The format before tools had calls without ids: a result belongs to the latest open call of its name. */
class LegacyCalls {
  private count = 0;
  private open: Map<string, string> | undefined;

  called(name: string): string {
    const id = `call_legacy_${this.count++}`;
    (this.open ??= new Map()).set(name, id);
    return id;
  }

  answered(name: string | null | undefined, field: string): string {
    const id = name && this.open?.get(name);
    if (id) return id;
    throw new GatewayError(
      "invalid-request",
      `\`${field}\` must be the name of a function that an earlier \`function_call\` called.`,
      { field },
    );
  }
}
