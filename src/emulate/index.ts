export { prepare, supply } from "./capabilities.ts";
export { inputTokensOf } from "./usage.ts";
