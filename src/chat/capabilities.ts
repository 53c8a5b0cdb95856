/** What an upstream takes by itself. What it lacks, `emulate/` supplies or refuses in words. */
export interface Capabilities {
  /** "prompt": one text a turn; `emulate/transcript.ts` folds the history into a single user message. */
  readonly history: "messages" | "prompt";
  readonly tools: boolean;
  readonly images: boolean;
  readonly stop: boolean;
  readonly maxOutputTokens: boolean;
  readonly responseFormat: boolean;
}
