/** Any service that speaks OpenAI's Chat Completions. What services do differently stands in protocol.md. */
import type { ServiceLogin } from "../../lib/service-login.ts";
import type { ChatCompletionRequest } from "../../wire/openai-chat.ts";
import type { Provider } from "../provider.ts";
import type { Caller } from "../service-calls.ts";
import { createServiceProvider, type ServiceFormat } from "../service.ts";
import { Answer } from "./answer.ts";
import { bodyOf } from "./body.ts";
import { credential } from "./credential.ts";
import { failureOf } from "./failure.ts";
import { formAfter, readForm, type Form } from "./quirks.ts";

const FORMAT: ServiceFormat<ChatCompletionRequest, Form> = {
  name: "openai-compatible",
  title: "OpenAI-compatible",
  capabilities: {
    history: "messages",
    tools: true,
    images: "any",
    stop: true,
    maxOutputTokens: true,
    responseFormat: true,
  },
  credential,
  turnPath: "/chat/completions",
  modelsPath: "/models",
  headersFor: ({ apiKey }): Readonly<Record<string, string>> =>
    apiKey === "" ? {} : { authorization: `Bearer ${apiKey}` },
  answerList: "choices",
  failureOf,
  startAnswer: (asked, now) => new Answer(asked, now),
  bodyOf,
  formOf: readForm,
  noteOf: (form) => [...form],
  formAfter,
};

export function createOpenaiCompatible(options: Caller = {}): Provider<ServiceLogin> {
  return createServiceProvider(FORMAT, options);
}
