/**
 * What a client asked, in no client's words. Dialects write it, providers read it.
 * It is rich enough for every dialect and every upstream: a part that an upstream cannot take is emulated or refused
 * by `emulate/`, never dropped in silence.
 */

/** Who speaks. Tool results are parts of a user message, as Anthropic and Kiro have them; a developer is a system. */
export type Role = "system" | "user" | "assistant";

export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** Either bytes (`base64` with its `mediaType`) or a public address that the gateway may have to fetch. */
export interface ImagePart {
  readonly type: "image";
  readonly source:
    | { readonly kind: "base64"; readonly mediaType: string; readonly data: string }
    | { readonly kind: "url"; readonly url: string };
  readonly detail?: "auto" | "low" | "high";
}

/** A call that the assistant made. `json` is the arguments object as JSON text, as the model wrote it. */
export interface ToolCallPart {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  readonly json: string;
}

/** What a tool answered. `callId` names the ToolCallPart it belongs to. */
export interface ToolResultPart {
  readonly type: "tool-result";
  readonly callId: string;
  readonly content: readonly (TextPart | ImagePart)[];
  readonly isError: boolean;
}

/** Thinking of an earlier turn. `signature` and `redacted` go back to the upstream that made them untouched, or not at all. */
export interface ReasoningPart {
  readonly type: "reasoning";
  readonly text: string;
  readonly signature?: string;
  /** Encrypted thinking, base64; `text` is empty then. */
  readonly redacted?: string;
}

export type Part = TextPart | ImagePart | ToolCallPart | ToolResultPart | ReasoningPart;

export interface Message {
  readonly role: Role;
  /** The speaker's name within the role, if the client gave one. */
  readonly name?: string;
  readonly parts: readonly Part[];
}

/** A tool the model may call. `parameters` is a JSON Schema object. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly strict?: boolean;
}

export type ToolChoice =
  { readonly type: "auto" | "none" | "required" } | { readonly type: "tool"; readonly name: string };

export type ReasoningEffort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh";

/** What the client said about thinking; an empty object means nothing was said and the upstream's default holds. */
export interface ReasoningRequest {
  readonly effort?: ReasoningEffort;
  /** Set by a client that switches thinking on or off without a level. */
  readonly enabled?: boolean;
  readonly budgetTokens?: number;
}

export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json" }
  | {
      readonly type: "json-schema";
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly strict: boolean;
    };

/** What the model is told where an upstream has no way of its own to hold an answer to plain JSON. */
export const JSON_ONLY = "Answer with one valid JSON object and nothing else: no other words, no code fence.";

export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly seed?: number;
}

export interface ChatRequest {
  /** The gateway's id of this request (`req_…`): log, headers and error texts carry it. */
  readonly id: string;
  /** Epoch ms at which the request arrived. */
  readonly receivedAt: number;
  /** The model as the client wrote it, or undefined when it named none. */
  readonly model?: string;
  /** In order; may begin with any role and may repeat a role. Never empty. */
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  readonly sampling: Sampling;
  /** The most tokens the answer may have, thinking included; undefined means no limit was asked for. */
  readonly maxOutputTokens?: number;
  readonly stop: readonly string[];
  readonly reasoning: ReasoningRequest;
  readonly responseFormat: ResponseFormat;
  readonly stream: boolean;
  /** A streaming client asked for a usage frame. */
  readonly includeUsage: boolean;
}

/** The text of a message's text parts, joined without a separator; other parts do not count. */
export function textOf(parts: readonly Part[]): string {
  let text = "";
  for (const part of parts) if (part.type === "text") text += part.text;
  return text;
}
