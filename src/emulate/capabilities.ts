import type { Capabilities } from "../chat/capabilities.ts";
import { GatewayError } from "../chat/error.ts";
import { JSON_ONLY, type ChatRequest, type Message, type Part } from "../chat/request.ts";
import { foldMessages, holdsTool, looksFolded, toolPartsAsText } from "./transcript.ts";

/**
 * The request as the upstream can take it: without empty messages, the history folded where it takes one prompt.
 * Tools that may not be called are left out; calls and results in the history become text where there are no tools.
 * `json` without a schema is asked for in words, as OpenAI wants the prompt to ask for it anyway; a schema is a promise
 * that words cannot keep.
 * @throws GatewayError invalid-request for images, tools or a schema that the upstream cannot take
 */
export function prepare(request: ChatRequest, capabilities: Capabilities): ChatRequest {
  if (capabilities.images === "none") refuseImages(request.messages);
  let { messages, tools, toolChoice, responseFormat } = request;
  if (messages.some(isEmpty)) messages = messages.filter((message) => !isEmpty(message));
  if (!capabilities.tools) {
    if (tools.length > 0 && toolChoice.type !== "none") {
      throw new GatewayError(
        "invalid-request",
        'This model answers in text only and cannot call tools: leave `tools` out, set `tool_choice` to "none", or choose another model.',
        { field: "tools" },
      );
    }
    if (tools.length > 0) tools = [];
    if (toolChoice.type !== "auto") toolChoice = { type: "auto" };
  }
  if (!capabilities.responseFormat && responseFormat.type !== "text") {
    if (responseFormat.type === "json-schema") {
      throw new GatewayError(
        "invalid-request",
        "This model cannot hold its answer to a JSON schema: leave `response_format` out and describe the form in a message, or choose another model.",
        { field: "response_format" },
      );
    }
    messages = [jsonInWords, ...messages];
    responseFormat = { type: "text" };
  }
  if (capabilities.history === "prompt") {
    if (!isPrompt(messages)) messages = [folded(messages)];
  } else if (!capabilities.tools && messages.some(holdsTool)) {
    messages = messages.map(toolPartsAsText);
  }
  // Most requests of most clients: no copy, which would live as long as the answer's stream.
  const isSame = messages === request.messages && tools === request.tools && responseFormat === request.responseFormat;
  if (isSame && toolChoice === request.toolChoice) return request;
  return { ...request, messages, tools, toolChoice, responseFormat };
}

const jsonInWords: Message = { role: "system", parts: [{ type: "text", text: JSON_ONLY }] };

/** One text of one speaker without a name: what folding it would give. */
function isPrompt(messages: readonly Message[]): boolean {
  const [only] = messages;
  if (!only || messages.length > 1 || only.role !== "user" || only.name !== undefined) return false;
  const [part] = only.parts;
  return only.parts.length === 1 && part?.type === "text" && !looksFolded(part.text);
}

function folded(messages: readonly Message[]): Message {
  const { text, images } = foldMessages(messages);
  return { role: "user", parts: [{ type: "text", text }, ...images] };
}

const isEmpty = ({ parts }: Message): boolean => parts.length === 0;

function refuseImages(messages: readonly Message[]): void {
  const index = messages.findIndex(({ parts }) => parts.some(holdsImage));
  if (index < 0) return;
  const field = `messages[${index}].content`;
  throw new GatewayError(
    "invalid-request",
    `\`${field}\` holds an image, but this model takes text only: remove the image or choose another model.`,
    { field },
  );
}

function holdsImage(part: Part): boolean {
  return part.type === "image" || (part.type === "tool-result" && part.content.some(({ type }) => type === "image"));
}
