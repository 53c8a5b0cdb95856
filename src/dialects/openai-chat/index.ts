import { ChatCompletionRequest } from "../../wire/openai-chat.ts";
import type { Dialect } from "../dialect.ts";
import { decode } from "./decode.ts";
import { ChunkEncoder, encodeWhole } from "./encode.ts";
import { failureBody } from "./failure.ts";

/** OpenAI's Chat Completions. */
export const openaiChat: Dialect = {
  name: "openai-chat",
  path: "/chat/completions",
  body: {
    schema: ChatCompletionRequest,
    example: { model: "demo", messages: [{ role: "user", content: "Hello" }] },
  },
  decode: (body, _headers, head) => decode(body, head),
  encodeStream: (request, head) => new ChunkEncoder(request, head),
  encodeWhole: (result, _request, head) => encodeWhole(result, head),
  encodeFailure: failureBody,
};
