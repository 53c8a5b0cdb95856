/**
 * OpenAI's Chat Completions format. Requests are read with tolerance: unknown fields stand, and null means "not given"
 * wherever clients send it. Each `description` completes "the field must be ...", for error texts and the API page.
 * Source: the public API reference and its OpenAPI document 2.3.0.
 */
import { type Static, Type } from "@sinclair/typebox";
import { BOOLEAN, COUNT, maybe, NAME, NUMBER, OBJECT, oneOf, STRING } from "./parts.ts";

export const ContentPart = Type.Object(
  {
    type: STRING,
    text: maybe(STRING),
    refusal: maybe(STRING),
    image_url: maybe(
      Type.Union([STRING, Type.Object({ url: STRING, detail: maybe(STRING) })], {
        description: 'an object with a "url"',
      }),
    ),
  },
  { description: 'an object with a "type"' },
);
export type ContentPart = Static<typeof ContentPart>;

const CalledFunction = Type.Object(
  { name: NAME, arguments: maybe(Type.String({ description: "the arguments as JSON text" })) },
  { description: 'an object with "name" and "arguments"' },
);

const ToolCall = Type.Object(
  { id: NAME, type: maybe(STRING), function: maybe(CalledFunction) },
  { description: 'an object with "id", "type" and "function"' },
);

export const RequestMessage = Type.Object(
  {
    role: oneOf("system", "developer", "user", "assistant", "tool", "function"),
    content: maybe(
      Type.Union([Type.String(), Type.Array(ContentPart)], {
        description: "a string, an array of content parts, or null",
      }),
    ),
    name: maybe(STRING),
    refusal: maybe(STRING),
    reasoning_content: maybe(STRING),
    tool_calls: maybe(Type.Array(ToolCall, { description: "an array of tool calls" })),
    tool_call_id: maybe(STRING),
    function_call: maybe(CalledFunction),
  },
  { description: 'an object with "role" and "content"' },
);
export type RequestMessage = Static<typeof RequestMessage>;

const FunctionTool = Type.Object(
  { name: NAME, description: maybe(STRING), parameters: maybe(OBJECT), strict: maybe(BOOLEAN) },
  { description: 'an object with "name", "description" and "parameters"' },
);
export type FunctionTool = Static<typeof FunctionTool>;

const NamedFunction = Type.Object({ name: NAME }, { description: 'an object with a "name"' });

const ToolChoice = Type.Union(
  [
    oneOf("auto", "none", "required"),
    Type.Object({
      type: STRING,
      function: maybe(NamedFunction),
      allowed_tools: maybe(
        Type.Object(
          {
            mode: oneOf("auto", "required"),
            tools: Type.Array(Type.Object({ type: STRING, function: maybe(NamedFunction) }), {
              description: "an array of tools",
            }),
          },
          { description: 'an object with "mode" and "tools"' },
        ),
      ),
    }),
  ],
  { description: '"auto", "none", "required" or an object that names a function' },
);
export type ToolChoice = Static<typeof ToolChoice>;

const STOP_DESCRIPTION = "a string, or an array of at most 64 strings, each of at most 500 characters";
const StopText = Type.String({ maxLength: 500, description: "a string of at most 500 characters" });

export const ChatCompletionRequest = Type.Object(
  {
    model: maybe(STRING),
    messages: Type.Array(RequestMessage, { minItems: 1, description: "an array of at least one message" }),
    stream: maybe(BOOLEAN),
    stream_options: maybe(Type.Object({ include_usage: maybe(BOOLEAN) }, { description: "an object" })),
    tools: maybe(
      Type.Array(Type.Object({ type: STRING, function: maybe(FunctionTool) }, { description: "a function tool" }), {
        description: "an array of tools",
      }),
    ),
    tool_choice: maybe(ToolChoice),
    parallel_tool_calls: maybe(BOOLEAN),
    functions: maybe(Type.Array(FunctionTool, { description: "an array of functions" })),
    function_call: maybe(
      Type.Union([oneOf("auto", "none"), NamedFunction], {
        description: '"auto", "none" or an object that names a function',
      }),
    ),
    temperature: maybe(NUMBER),
    top_p: maybe(NUMBER),
    top_k: maybe(NUMBER),
    presence_penalty: maybe(NUMBER),
    frequency_penalty: maybe(NUMBER),
    seed: maybe(Type.Integer({ description: "a whole number" })),
    max_tokens: maybe(COUNT),
    max_completion_tokens: maybe(COUNT),
    n: maybe(Type.Integer({ description: "a whole number" })),
    stop: maybe(
      Type.Union([StopText, Type.Array(StopText, { maxItems: 64, description: STOP_DESCRIPTION })], {
        description: STOP_DESCRIPTION,
      }),
    ),
    reasoning_effort: maybe(oneOf("none", "minimal", "low", "medium", "high", "xhigh")),
    response_format: maybe(
      Type.Object(
        {
          type: oneOf("text", "json_object", "json_schema"),
          json_schema: maybe(
            Type.Object(
              { name: maybe(STRING), schema: maybe(OBJECT), strict: maybe(BOOLEAN) },
              { description: 'an object with "name" and "schema"' },
            ),
          ),
        },
        { description: 'an object with a "type"' },
      ),
    ),
  },
  { description: 'a JSON object with "model" and "messages"' },
);
export type ChatCompletionRequest = Static<typeof ChatCompletionRequest>;

/** Why an answer ended. `function_call` is the legacy word for `tool_calls` and is never written here. */
export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";

export interface UrlCitation {
  readonly type: "url_citation";
  readonly url_citation: {
    readonly start_index: number;
    readonly end_index: number;
    readonly url: string;
    readonly title: string;
  };
}

export interface CompletionUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export interface AnswerToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface AnswerMessage {
  readonly role: "assistant";
  readonly content: string | null;
  readonly refusal: null;
  readonly reasoning_content?: string;
  readonly annotations?: readonly UrlCitation[];
  readonly tool_calls?: readonly AnswerToolCall[];
}

export interface ChatCompletion {
  readonly id: string;
  readonly object: "chat.completion";
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: 0;
    readonly message: AnswerMessage;
    readonly logprobs: null;
    readonly finish_reason: FinishReason;
  }[];
  readonly usage: CompletionUsage;
}

/** The body of every failure; also the last frame of a stream that broke. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: "invalid_request_error" | "rate_limit_error" | "server_error";
    readonly param: string | null;
    readonly code: string | null;
  };
}
