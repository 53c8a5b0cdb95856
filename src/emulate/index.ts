export { prepare, supply } from "./capabilities.ts";
export { foldMessages, type Transcript } from "./transcript.ts";
export { inputTokensOf } from "./usage.ts";
