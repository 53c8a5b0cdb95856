import type { Dialect } from "./dialect.ts";
import { openaiChat } from "./openai-chat/index.ts";

/** The API formats that clients may speak. */
export const dialects: readonly [Dialect, ...Dialect[]] = [openaiChat];
