/** The messages of a request in OpenAI's form (protocol.md, "Messages"). */
import type { ImagePart, Message, TextPart, ToolResultPart } from "../../chat/request.ts";
import type { ContentPart, RequestMessage } from "../../wire/openai-chat.ts";

export interface MessageForm {
  /** Text-only content as one string instead of a list of parts. */
  readonly flat: boolean;
  /** Earlier thinking goes along as `reasoning_content`. */
  readonly reasoning: boolean;
}

/** One neutral message may become several: each tool result is a message of its own. */
export function messagesOf(messages: readonly Message[], form: MessageForm): RequestMessage[] {
  return messages.flatMap((message) => (message.role === "assistant" ? [spoken(message, form)] : asked(message, form)));
}

function spoken({ name, parts }: Message, form: MessageForm): RequestMessage {
  const content = parts.filter((part) => part.type === "text");
  const calls = parts.filter((part) => part.type === "tool-call");
  const thinking = parts.reduce((text, part) => (part.type === "reasoning" ? text + part.text : text), "");
  return {
    role: "assistant",
    ...(name ? { name } : {}),
    content: content.length === 0 && calls.length > 0 ? null : contentOf(content, form.flat, ""),
    ...(form.reasoning && thinking !== "" ? { reasoning_content: thinking } : {}),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id, name: called, json }) => ({
            id,
            type: "function",
            function: { name: called, arguments: json },
          })),
        }),
  };
}

/** Results first, since they must follow the calls at once; then what the user says. */
function asked({ role, name, parts }: Message, { flat }: MessageForm): RequestMessage[] {
  const results = parts.filter((part) => part.type === "tool-result");
  const content = [
    ...results.flatMap(picturesOf),
    ...parts.filter((part) => part.type === "text" || part.type === "image"),
  ];
  const out: RequestMessage[] = results.map((result) => resultOf(result, flat));
  if (content.length > 0) out.push({ role, ...(name ? { name } : {}), content: contentOf(content, flat, "\n\n") });
  return out;
}

/** The format has no mark for a failed call, so the text says it. */
function resultOf({ callId, content, isError }: ToolResultPart, flat: boolean): RequestMessage {
  const texts = content.filter((part) => part.type === "text");
  const pictures = content.length - texts.length;
  const told: TextPart[] =
    texts.length > 0 || pictures === 0 ? texts : [{ type: "text", text: "See the image below." }];
  const isMarked = !isError || /\b(error|fail|exception)/i.test(told[0]?.text ?? "");
  const marked: TextPart[] = isMarked ? told : [{ type: "text", text: "Error:" }, ...told];
  return { role: "tool", tool_call_id: callId, content: contentOf(marked, flat, "\n\n") };
}

/** Tool messages hold text only: their images follow in a user message, under the id of the call. */
function picturesOf({ callId, content }: ToolResultPart): (TextPart | ImagePart)[] {
  const images = content.filter((part) => part.type === "image");
  return images.length === 0 ? [] : [{ type: "text", text: `Result of the tool call ${callId}:` }, ...images];
}

function contentOf(
  parts: readonly (TextPart | ImagePart)[],
  flat: boolean,
  separator: string,
): NonNullable<RequestMessage["content"]> {
  const texts = parts.filter((part) => part.type === "text");
  const isText = texts.length === parts.length;
  if (isText && (flat || parts.length < 2)) return texts.map(({ text }) => text).join(separator);
  return parts.map((part): ContentPart =>
    part.type === "text"
      ? { type: "text", text: part.text }
      : { type: "image_url", image_url: { url: addressOf(part), ...(part.detail ? { detail: part.detail } : {}) } },
  );
}

function addressOf({ source }: ImagePart): string {
  return source.kind === "url" ? source.url : `data:${source.mediaType};base64,${source.data}`;
}
