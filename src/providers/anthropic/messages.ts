/** The messages of a request in Anthropic's form (protocol.md, "Messages"). */
import type { ImagePart, Message, Part, ReasoningPart, ToolResultPart } from "../../chat/request.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import type { ContentBlock, RequestMessage, SystemBlock } from "../../wire/anthropic-messages.ts";

export interface Conversation {
  readonly system: SystemBlock[];
  readonly messages: RequestMessage[];
}

/**
 * System texts at the head become `system`; later ones keep their place as marked user text. Neighbours of one role
 * become one message, since results must stand together right after their calls.
 * @param withThinking earlier thinking goes along where it is signed or encrypted
 */
export function conversationOf(messages: readonly Message[], withThinking: boolean): Conversation {
  const first = messages.findIndex(({ role }) => role !== "system");
  // A request of system texts alone asks its last one.
  const headLength = first < 0 ? messages.length - 1 : first;
  const system = messages.slice(0, headLength).flatMap(({ parts }) => textsOf(parts));
  const turns: { role: "user" | "assistant"; blocks: ContentBlock[] }[] = [];
  for (const [index, message] of messages.slice(headLength).entries()) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const isLate = message.role === "system" && (first >= 0 || index > 0);
    const blocks = isLate ? lateSystem(message.parts) : message.parts.flatMap((part) => blocksOf(part, withThinking));
    if (blocks.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else turns.push({ role, blocks });
  }
  const end = turns.at(-1);
  if (end?.role === "assistant") trimEnd(end.blocks);
  return { system, messages: turns.map(({ role, blocks }) => ({ role, content: inOrder(role, blocks) })) };
}

const textsOf = (parts: readonly Part[]): SystemBlock[] =>
  parts.flatMap((part) => (part.type === "text" && part.text !== "" ? [{ type: "text", text: part.text }] : []));

function lateSystem(parts: readonly Part[]): ContentBlock[] {
  const text = textsOf(parts)
    .map((block) => block.text)
    .join("\n\n");
  return text === "" ? [] : [{ type: "text", text: `<system>\n${text}\n</system>` }];
}

function blocksOf(part: Part, withThinking: boolean): ContentBlock[] {
  switch (part.type) {
    case "text":
      // An empty text block is refused.
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "image":
      return [imageOf(part)];
    case "tool-call":
      return [{ type: "tool_use", id: idOf(part.id), name: part.name, input: inputOf(part.json) }];
    case "tool-result":
      return [resultOf(part)];
    case "reasoning":
      return withThinking ? thoughtOf(part) : [];
    default:
      return part satisfies never;
  }
}

function thoughtOf({ text, signature, redacted }: ReasoningPart): ContentBlock[] {
  if (redacted !== undefined) return [{ type: "redacted_thinking", data: redacted }];
  return signature ? [{ type: "thinking", thinking: text, signature }] : [];
}

function resultOf({ callId, content, isError }: ToolResultPart): ContentBlock {
  const blocks = content.flatMap((part) => blocksOf(part, false));
  const [only] = blocks;
  const text = blocks.length === 1 && only?.type === "text" ? only.text : undefined;
  return {
    type: "tool_result",
    tool_use_id: idOf(callId),
    ...(blocks.length === 0 ? {} : { content: text ?? blocks }),
    ...(isError ? { is_error: true } : {}),
  };
}

function imageOf({ source }: ImagePart) {
  return source.kind === "url"
    ? { type: "image", source: { type: "url", url: source.url } }
    : { type: "image", source: { type: "base64", media_type: source.mediaType, data: source.data } };
}

/** Other services' ids hold characters that are refused here: `functions.now:0`. */
function idOf(id: string): string {
  return id.replace(/[^a-zA-Z0-9_-]/g, "_");
}

/** Arguments that are no object, which some models write, stay readable. */
function inputOf(json: string): Record<string, unknown> {
  const parsed = parseJson(json || "{}");
  return parsed.ok && isObject(parsed.value) ? parsed.value : { arguments: json };
}

/** Results stand before anything else of a user's message. */
function inOrder(role: "user" | "assistant", blocks: ContentBlock[]): ContentBlock[] {
  if (role === "assistant") return blocks;
  const isResult = ({ type }: ContentBlock) => type === "tool_result";
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

/** A text that the model is to continue must not end in white space. */
function trimEnd(blocks: ContentBlock[]): void {
  const last = blocks.at(-1);
  if (last?.type !== "text") return;
  const text = last.text?.trimEnd() ?? "";
  blocks.splice(-1, 1, ...(text === "" ? [] : [{ ...last, text }]));
}
