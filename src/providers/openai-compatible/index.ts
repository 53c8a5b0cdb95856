/** Any service that speaks OpenAI's Chat Completions. What services do differently stands in protocol.md. */
import { GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import type { ChatRequest } from "../../chat/request.ts";
import { readAnswer } from "../../lib/answer-stream.ts";
import type { EventBody } from "../../lib/event-body.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { upstreamModel, type ServiceLogin } from "../../lib/service-login.ts";
import type { AccountContext, Provider, TurnContext } from "../provider.ts";
import { Answer } from "./answer.ts";
import { bodyOf } from "./body.ts";
import { credential } from "./credential.ts";
import { failureOf, meaningOf, refusalOf, type Asked } from "./failure.ts";
import { readMemory } from "./memory.ts";
import { modelsOf, readModelList } from "./models.ts";
import { quirkOf, type Quirk } from "./quirks.ts";
import { fetchModels, openTurn, readFailure, type Caller } from "./service.ts";

/** Read at each use: getters make a setting live. */
export interface OpenaiCompatibleOptions extends Caller {
  /** Overrides the wait for the first event, ms; default 120 s. */
  readonly firstEventMs?: number | undefined;
}

const FIRST_EVENT_MS = 120_000;

export function createOpenaiCompatible(options: OpenaiCompatibleOptions = {}): Provider<ServiceLogin> {
  return {
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
    models: [],
    // Names come from the accounts: see `modelsOf`.
    match: () => undefined,
    async *chat(request, context) {
      const { name, apiKey } = context.account.credential;
      const model = upstreamModel(context.account.credential, context.model);
      const asked: Asked = { name, apiKey, model };
      const body = await startTurn(options, context, asked, request, model);
      const answer = new Answer(asked, () => context.clock.now());
      if (body.kind === "events")
        yield* readAnswer(body.stream, answer, { clock: context.clock, wrap: (error) => readFailure(error, context) });
      else yield readWhole(body.text, answer, asked, context);
    },
    async probe(context) {
      try {
        await keepModels(options, context);
      } catch (error) {
        // A service without a list works all the same when the account names its models.
        const hasNoList = error instanceof GatewayError && error.field === "models";
        if (!hasNoList || !context.account.credential.models) throw error;
      }
      return {};
    },
    modelsOf: ({ credential: login, memory }) => modelsOf(login, readMemory(memory)),
    refreshModels: (context) => keepModels(options, context),
    firstEventMs: () => options.firstEventMs ?? FIRST_EVENT_MS,
  };
}

async function keepModels(caller: Caller, context: AccountContext<ServiceLogin>): Promise<void> {
  const models = readModelList(await fetchModels(caller, context));
  if (!models) {
    const text = `${context.account.credential.name} answered no list of models: check the account's base URL.`;
    throw new GatewayError("upstream-changed", text, { field: "data" });
  }
  context.remember({ ...readMemory(context.account.memory), models, lacking: [] });
}

/** Sends the turn, again without what the service refuses of the format; what helped is remembered for the model. */
async function startTurn(
  caller: Caller,
  context: TurnContext<ServiceLogin>,
  asked: Asked,
  request: ChatRequest,
  model: string,
): Promise<EventBody> {
  const memory = readMemory(context.account.memory);
  const known = memory.quirks[model] ?? [];
  const quirks = new Set<Quirk>(known);
  for (;;) {
    const sent = bodyOf(request, model, quirks);
    const opened = await openTurn(caller, context, asked, JSON.stringify(sent));
    if ("body" in opened) {
      if (quirks.size > known.length) {
        context.remember({ ...memory, quirks: { ...memory.quirks, [model]: [...quirks] } });
      }
      return opened.body;
    }
    const quirk = quirkOf(opened.refusal, sent, quirks);
    if (quirk === undefined) {
      if (meaningOf(opened.refusal).lacksModel) {
        context.remember({ ...memory, lacking: [...new Set([...memory.lacking, model])] });
      }
      throw failureOf(opened.refusal, asked);
    }
    quirks.add(quirk);
  }
}

/** An answer that came in one piece, or an error with status 200. */
function readWhole(text: string, answer: Answer, asked: Asked, context: TurnContext<ServiceLogin>): UpstreamEvent[] {
  const parsed = parseJson(text);
  if (!parsed.ok || !isObject(parsed.value) || !Array.isArray(parsed.value["choices"])) {
    const refusal = refusalOf(undefined, undefined, text, context.clock.now());
    const says = parsed.ok && isObject(parsed.value) && ("error" in parsed.value || refusal.status !== undefined);
    if (says) throw failureOf(refusal, asked);
    const words = `${asked.name} answered a turn with JSON that is neither an answer nor an error.`;
    throw new GatewayError("upstream-changed", words, { field: "choices" });
  }
  const out: UpstreamEvent[] = [];
  answer.readFrame(parsed.value, out);
  answer.end(out);
  return out;
}
