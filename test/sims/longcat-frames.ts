/**
 * Frames of longcat.chat in both formats: V2 (`event.type` objects) and legacy (`choices[].delta` beside a cumulative
 * `content`), as public clients of 2025 and 2026 describe them.
 */

/** What names a turn in its frames. */
export type TurnIds = { conversationId: string; messageId: number; parentId: number };

/** A V2 event frame. `extra` adds or overrides top-level keys such as `lastOne` or `tokenInfo`. */
export function v2Frame(
  ids: TurnIds,
  type: string,
  event: Record<string, unknown> = {},
  extra: Record<string, unknown> = {},
) {
  return {
    ...ids,
    model: "LongCat",
    event: { eventId: `${ids.messageId}-${type}`, type, content: null, status: "PROCESSING", ...event },
    tokenInfo: null,
    lastOne: false,
    ...extra,
  };
}

/** What one legacy frame carries: the new text in `delta`, all text so far in `content`; undefined leaves it null. */
export type LegacyPart = {
  delta?: string | undefined;
  content?: string | undefined;
  reasoningDelta?: string | undefined;
  reasonContent?: string | undefined;
  finish?: boolean;
  lastOne?: boolean;
  sensitive?: boolean;
  tokens?: Tokens | undefined;
};

/** Token counts as an upstream reports them. */
export type Tokens = { input: number; output: number };

/** The three keys of `tokenInfo`. */
export function tokenInfo({ input, output }: Tokens) {
  return { promptTokens: input, completionTokens: output, totalTokens: input + output };
}

/** A legacy frame with all the keys the service sends, most of them null. */
export function legacyFrame(ids: TurnIds, part: LegacyPart) {
  return {
    id: `chat-${ids.messageId}`,
    ...ids,
    object: "chat.completion.chunk",
    created: 1_756_883_097,
    model: "LongCat",
    choices: [
      {
        delta: {
          role: "assistant",
          content: part.delta ?? null,
          reasoningContent: part.reasoningDelta ?? null,
          functionCall: null,
        },
        index: 0,
        finishReason: part.finish ? "stop" : "",
      },
    ],
    content: part.content ?? null,
    reasonContent: part.reasonContent ?? null,
    searchEnabled: false,
    reasonEnabled: part.reasonContent !== undefined,
    title: null,
    reasonStatus: "",
    searchStatus: null,
    contentStatus: part.finish ? "FINISHED" : "PROCESSING",
    searchResults: null,
    tokenInfo: {
      ...tokenInfo(part.tokens ?? { input: 0, output: 0 }),
      hasTokens: part.tokens !== undefined,
    },
    pluginInfo: null,
    loadingStatus: false,
    sensitive: part.sensitive ?? false,
    lastOne: part.lastOne ?? false,
  };
}

/** Every shape in which search hits were seen as `event.content`. */
export const SEARCH_SHAPES = {
  text: "1 result: Cats, https://cats.example",
  snippets: [{ title: "Cats", url: "https://cats.example", snippet: "Long cats are long." }],
  contents: [{ title: "Cats", url: "https://cats.example", content: "Long cats are long." }],
  query: { query: "long cats" },
  resultList: { resultList: [{ title: "Cats", url: "https://cats.example", snippet: "Long cats are long." }] },
} as const;

/** The event types under which search hits come. */
export const SEARCH_TYPES = ["common_search", "general_search", "local_life_search", "search"] as const;
