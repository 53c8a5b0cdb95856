/** Anthropic, and any service that speaks its Messages format. What services do stands in protocol.md. */
import type { ServiceLogin } from "../../lib/service-login.ts";
import type { MessagesRequest } from "../../wire/anthropic-messages.ts";
import type { Provider } from "../provider.ts";
import type { Caller } from "../service-calls.ts";
import { createServiceProvider, type ServiceFormat } from "../service.ts";
import { Answer } from "./answer.ts";
import { bodyOf } from "./body.ts";
import { credential } from "./credential.ts";
import { failureOf } from "./failure.ts";
import { formAfter, noteOf, readForm, type Form } from "./quirks.ts";

/** The version of the format that every service knows. */
const VERSION = "2023-06-01";

const FORMAT: ServiceFormat<MessagesRequest, Form> = {
  name: "anthropic",
  title: "Anthropic",
  capabilities: {
    history: "messages",
    tools: true,
    images: "any",
    // The service takes no blank sequences; those it takes are sent all the same, to end its work there.
    stop: false,
    maxOutputTokens: true,
    responseFormat: true,
  },
  credential,
  turnPath: "/messages",
  modelsPath: "/models?limit=1000",
  headersFor: (login) => ({ "anthropic-version": VERSION, ...keyHeaders(login) }),
  answerList: "content",
  failureOf,
  startAnswer: (asked, now) => new Answer(asked, now),
  bodyOf,
  formOf: readForm,
  noteOf,
  formAfter,
};

export function createAnthropic(options: Caller = {}): Provider<ServiceLogin> {
  return createServiceProvider(FORMAT, options);
}

/** Anthropic takes its key in a header of its own; other services want it there or as a bearer, and take both. */
function keyHeaders({ baseUrl, apiKey }: ServiceLogin): Readonly<Record<string, string>> {
  if (apiKey === "") return {};
  const isAnthropic = /(^|\.)anthropic\.com$/.test(new URL(baseUrl).hostname);
  return { "x-api-key": apiKey, ...(isAnthropic ? {} : { authorization: `Bearer ${apiKey}` }) };
}
