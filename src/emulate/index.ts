export { prepare, supply, type UpstreamCapabilities } from "./capabilities.ts";
export { foldMessages, type Transcript } from "./transcript.ts";
export { inputTokensOf } from "./usage.ts";
