/**
 * Anthropic's Messages format. Requests are read with tolerance: unknown fields and kinds of block stand, and null means
 * "not given" wherever clients send it. Each `description` completes "the field must be ...", for error texts and the
 * API page. Source: the public API reference, versions 2023-06-01 and 2026-10-21.
 */
import { type Static, Type } from "@sinclair/typebox";
import { BOOLEAN, COUNT, maybe, NAME, NUMBER, OBJECT, oneOf, STRING } from "./parts.ts";

/** Marks the end of what the service is to cache. */
const CacheControl = Type.Object({ type: STRING, ttl: maybe(STRING) }, { description: 'an object with a "type"' });

const ImageSource = Type.Object(
  { type: STRING, media_type: maybe(STRING), data: maybe(STRING), url: maybe(STRING) },
  { description: 'an object with "type": "base64" or "url"' },
);

const ResultBlock = Type.Object(
  { type: STRING, text: maybe(STRING), source: maybe(ImageSource), cache_control: maybe(CacheControl) },
  { description: 'a block with a "type"' },
);

/** A block of a message; which fields it has depends on its `type`. */
export const ContentBlock = Type.Object(
  {
    type: STRING,
    /** text */
    text: maybe(STRING),
    /** image */
    source: maybe(ImageSource),
    /** tool_use */
    id: maybe(NAME),
    name: maybe(NAME),
    input: maybe(OBJECT),
    /** tool_result */
    tool_use_id: maybe(NAME),
    content: maybe(
      Type.Union([Type.String(), Type.Array(ResultBlock)], { description: "a string or an array of blocks" }),
    ),
    is_error: maybe(BOOLEAN),
    /** thinking */
    thinking: maybe(STRING),
    signature: maybe(STRING),
    /** redacted_thinking */
    data: maybe(STRING),
    cache_control: maybe(CacheControl),
  },
  { description: 'a block with a "type"' },
);
export type ContentBlock = Static<typeof ContentBlock>;

export const RequestMessage = Type.Object(
  {
    /** "system" within the messages is a beta that agents use. */
    role: oneOf("user", "assistant", "system"),
    content: Type.Union([Type.String(), Type.Array(ContentBlock)], { description: "a string or an array of blocks" }),
  },
  { description: 'an object with "role" and "content"' },
);
export type RequestMessage = Static<typeof RequestMessage>;

export const SystemBlock = Type.Object(
  { type: STRING, text: STRING, cache_control: maybe(CacheControl) },
  { description: 'a block with "type": "text" and "text"' },
);
export type SystemBlock = Static<typeof SystemBlock>;

/** A tool of the client's own has an `input_schema`; tools that the service runs itself have a `type`. */
export const Tool = Type.Object(
  {
    name: NAME,
    type: maybe(STRING),
    description: maybe(STRING),
    input_schema: maybe(OBJECT),
    strict: maybe(BOOLEAN),
    cache_control: maybe(CacheControl),
  },
  { description: 'an object with "name" and "input_schema"' },
);
export type Tool = Static<typeof Tool>;

const ToolChoice = Type.Object(
  { type: oneOf("auto", "any", "tool", "none"), name: maybe(NAME), disable_parallel_tool_use: maybe(BOOLEAN) },
  { description: 'an object with a "type"' },
);
export type ToolChoice = Static<typeof ToolChoice>;

const Thinking = Type.Object(
  { type: oneOf("enabled", "disabled", "adaptive"), budget_tokens: maybe(COUNT), display: maybe(STRING) },
  { description: 'an object with "type": "enabled", "adaptive" or "disabled"' },
);

const OutputFormat = Type.Object({ type: STRING, schema: maybe(OBJECT) }, { description: 'an object with a "type"' });

const OutputConfig = Type.Object(
  { effort: maybe(oneOf("low", "medium", "high", "xhigh", "max")), format: maybe(OutputFormat) },
  { description: "an object" },
);

export const MessagesRequest = Type.Object(
  {
    model: maybe(STRING),
    max_tokens: maybe(COUNT),
    messages: Type.Array(RequestMessage, { minItems: 1, description: "an array of at least one message" }),
    system: maybe(
      Type.Union([Type.String(), Type.Array(SystemBlock)], { description: "a string or an array of text blocks" }),
    ),
    stream: maybe(BOOLEAN),
    tools: maybe(Type.Array(Tool, { description: "an array of tools" })),
    tool_choice: maybe(ToolChoice),
    thinking: maybe(Thinking),
    output_config: maybe(OutputConfig),
    /** The beta form of `output_config.format`. */
    output_format: maybe(OutputFormat),
    temperature: maybe(NUMBER),
    top_p: maybe(NUMBER),
    top_k: maybe(NUMBER),
    stop_sequences: maybe(Type.Array(Type.String(), { description: "an array of strings" })),
    metadata: maybe(OBJECT),
    /** The beta of message threads. */
    thread: maybe(OBJECT),
  },
  { description: 'a JSON object with "model" and "messages"' },
);
export type MessagesRequest = Static<typeof MessagesRequest>;
