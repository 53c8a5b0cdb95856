import type { Capabilities } from "../chat/capabilities.ts";
import { GatewayError } from "../chat/error.ts";
import type { ChatEvent, ChatStream, UpstreamEvent, UpstreamStream } from "../chat/event.ts";
import type { ChatRequest, Message } from "../chat/request.ts";
import { cutAtLimit, cutAtStop } from "./stop.ts";
import { foldMessages, toolPartsAsText } from "./transcript.ts";
import { fillUsage } from "./usage.ts";

/**
 * The request as the upstream can take it: without empty messages, the history folded where it takes one prompt.
 * Tools that may not be called are left out; calls and results in the history become text where there are no tools.
 * `json` without a schema is asked for in words, as OpenAI wants the prompt to ask for it anyway; a schema is a promise
 * that words cannot keep.
 * @throws GatewayError invalid-request for images, tools or a schema that the upstream cannot take
 */
export function prepare(request: ChatRequest, capabilities: Capabilities): ChatRequest {
  if (capabilities.images === "none") refuseImages(request.messages);
  let { tools, toolChoice, responseFormat } = request;
  let messages = request.messages.filter((message) => message.parts.length > 0);
  if (!capabilities.tools) {
    if (tools.length > 0 && toolChoice.type !== "none") {
      throw new GatewayError(
        "invalid-request",
        'This model answers in text only and cannot call tools: leave `tools` out, set `tool_choice` to "none", or choose another model.',
        { field: "tools" },
      );
    }
    tools = [];
    toolChoice = { type: "auto" };
  }
  if (!capabilities.responseFormat && responseFormat.type !== "text") {
    if (responseFormat.type === "json-schema") {
      throw new GatewayError(
        "invalid-request",
        "This model cannot hold its answer to a JSON schema: leave `response_format` out and describe the form in a message, or choose another model.",
        { field: "response_format" },
      );
    }
    messages = [JSON_ONLY, ...messages];
    responseFormat = { type: "text" };
  }
  if (capabilities.history === "prompt") {
    const { text, images } = foldMessages(messages);
    messages = [{ role: "user", parts: [{ type: "text", text }, ...images] }];
  } else if (!capabilities.tools) {
    messages = messages.map(toolPartsAsText);
  }
  return { ...request, messages, tools, toolChoice, responseFormat };
}

const JSON_ONLY: Message = {
  role: "system",
  parts: [{ type: "text", text: "Answer with one valid JSON object and nothing else: no other words, no code fence." }],
};

function refuseImages(messages: readonly Message[]): void {
  messages.forEach(({ parts }, index) => {
    const found = parts.some(
      (part) =>
        part.type === "image" || (part.type === "tool-result" && part.content.some(({ type }) => type === "image")),
    );
    if (!found) return;
    const field = `messages[${index}].content`;
    throw new GatewayError(
      "invalid-request",
      `\`${field}\` holds an image, but this model takes text only: remove the image or choose another model.`,
      { field },
    );
  });
}

/**
 * The answer as every dialect may rely on it: stop sequences and the output limit kept, usage filled in, no progress
 * and no empty events, exactly one end. The upstream's stream is closed when the answer ends early or is abandoned.
 * @param request as it was sent upstream; an input estimate counts that
 * @throws what the stream throws, and GatewayError upstream-broken when it stops without an end
 */
export function supply(stream: UpstreamStream, request: ChatRequest, capabilities: Capabilities): ChatStream {
  const source = stream[Symbol.asyncIterator]();
  let out: ChatEvent[] = [];
  let ended = false;
  let over = false;
  let stage = fillUsage(request, (event) => {
    if (ended) return;
    out.push(event);
    ended = event.type === "end";
  });
  if (!capabilities.maxOutputTokens && request.maxOutputTokens !== undefined) {
    stage = cutAtLimit(request.maxOutputTokens, stage);
  }
  if (!capabilities.stop && request.stop.length > 0) stage = cutAtStop(request.stop, stage);

  type Result = IteratorResult<readonly ChatEvent[], undefined>;
  const came = (result: IteratorResult<readonly UpstreamEvent[]>): Result | Promise<Result> => {
    if (over) return { value: undefined, done: true };
    if (result.done) {
      over = true;
      throw new GatewayError("upstream-broken", "The answer ended before it was complete.");
    }
    for (const event of result.value) {
      if (event.type === "progress") continue;
      if ((event.type === "text-delta" || event.type === "reasoning-delta") && event.text === "") continue;
      if (event.type === "tool-call-delta" && event.json === "") continue;
      stage(event);
      if (ended) break;
    }
    if (out.length === 0) return read();
    const value = out;
    out = [];
    return { value, done: false };
  };
  const failed = (error: unknown): never => {
    over = true;
    throw error;
  };
  // A step of a generator costs several turns of the promise queue, and each token takes this step.
  const read = (): Promise<Result> => source.next().then(came, failed);
  const close = async (): Promise<Result> => {
    if (!over) {
      over = true;
      await source.return?.();
    }
    return { value: undefined, done: true };
  };
  return { [Symbol.asyncIterator]: () => ({ next: () => (ended || over ? close() : read()), return: close }) };
}
