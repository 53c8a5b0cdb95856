export { prepare } from "./capabilities.ts";
export { inputTokensOf } from "./usage.ts";
