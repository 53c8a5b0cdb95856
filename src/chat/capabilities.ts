/** What an upstream takes by itself. What it lacks, `emulate/` supplies or refuses in words. */
export interface Capabilities {
  /** "prompt": one text a turn; `emulate/transcript.ts` folds the history into a single user message. */
  readonly history: "messages" | "prompt";
  readonly tools: boolean;
  /** "base64": bytes and no addresses; `router/images.ts` fetches what an address leads to. "any": both. */
  readonly images: "none" | "base64" | "any";
  readonly stop: boolean;
  readonly maxOutputTokens: boolean;
  readonly responseFormat: boolean;
}
