/** The request as the service takes it; protocol.md, "Request". JSON nulls are refused: absent fields are left out. */

/** Two forms of one service: `legacy` at amazonaws.com, `runtime` at kiro.dev. */
export type KiroDialect = "legacy" | "runtime";

export interface KiroImage {
  readonly format: "png" | "jpeg" | "gif" | "webp";
  readonly source: { readonly bytes: string };
}

interface KiroToolUse {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface KiroToolResult {
  readonly toolUseId: string;
  readonly content: readonly { readonly text: string }[];
  readonly status: "success" | "error";
}

export interface KiroTool {
  readonly toolSpecification: {
    readonly name: string;
    readonly description: string;
    readonly inputSchema: { readonly json: Readonly<Record<string, unknown>> };
  };
}

export type KiroReasoning =
  | { readonly reasoningText: { readonly text: string; readonly signature: string } }
  | { readonly redactedContent: string };

export interface KiroUserMessage {
  readonly content: string;
  readonly modelId: string;
  readonly origin: "AI_EDITOR";
  readonly images?: readonly KiroImage[];
  readonly userInputMessageContext?: {
    readonly tools?: readonly KiroTool[];
    readonly toolResults?: readonly KiroToolResult[];
  };
}

export interface KiroAssistantMessage {
  readonly content: string;
  readonly toolUses?: readonly KiroToolUse[];
  readonly reasoningContent?: KiroReasoning;
}

export type KiroHistoryItem =
  { readonly userInputMessage: KiroUserMessage } | { readonly assistantResponseMessage: KiroAssistantMessage };

export interface KiroRequest {
  readonly profileArn?: string;
  readonly agentMode?: "vibe";
  readonly additionalModelRequestFields?: Readonly<Record<string, unknown>>;
  readonly conversationState: {
    /** "AUTO" is refused. */
    readonly chatTriggerType: "MANUAL";
    readonly conversationId: string;
    readonly rootConversationId?: string;
    readonly agentTaskType: "vibe";
    readonly agentContinuationId: string;
    readonly history?: readonly KiroHistoryItem[];
    readonly currentMessage: { readonly userInputMessage: KiroUserMessage };
  };
}
