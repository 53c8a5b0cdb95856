/** The provider for services of the user's own choosing that speak one public format, made of what is the format's own. */
import { isDeepStrictEqual } from "node:util";
import type { Capabilities } from "../chat/capabilities.ts";
import { GatewayError } from "../chat/error.ts";
import type { UpstreamEvent } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import { readAnswer, type AnswerReader } from "../lib/answer-stream.ts";
import type { EventBody } from "../lib/event-body.ts";
import { isObject, parseJson } from "../lib/json.ts";
import { upstreamModel, type ServiceLogin } from "../lib/service-login.ts";
import type { AccountContext, CredentialKind, Provider, TurnContext } from "./provider.ts";
import { fetchModels, openTurn, readFailure, type Caller, type CallRules } from "./service-calls.ts";
import { modelsOf, readMemory, readModelList } from "./service-models.ts";
import { refusalOf, type Asked, type Refusal } from "./service-refusal.ts";

/** One answer under way. */
export interface ServiceAnswer extends AnswerReader<UpstreamEvent> {
  /** Reads an answer as a service sends it that does not stream. Appends to `out`. @throws GatewayError */
  readWhole(answer: Readonly<Record<string, unknown>>, out: UpstreamEvent[]): void;
}

/**
 * A public format. A `Form` is how a turn differs from the plain form of its body, for models and services that refuse
 * something of it.
 */
export interface ServiceFormat<Body, Form> extends CallRules {
  readonly name: string;
  readonly title: string;
  readonly capabilities: Capabilities;
  readonly credential: CredentialKind<ServiceLogin>;
  /** The list that every whole answer holds: `choices`. */
  readonly answerList: string;
  failureOf(refusal: Refusal, asked: Asked): GatewayError;
  /** @param now epoch ms */
  startAnswer(asked: Asked, now: () => number): ServiceAnswer;
  /** @param model the service's own name of it */
  bodyOf(request: ChatRequest, model: string, form: Form): Body;
  /** The form to begin with. @param note what was remembered for the model: of `noteOf`, or nothing that can be read */
  formOf(note: unknown): Form;
  /** What of a form that worked is remembered for the model: small JSON. */
  noteOf(form: Form): unknown;
  /** The form in which to send the turn again after this refusal; undefined when nothing that is known helps. */
  formAfter(refusal: Refusal, body: Body, form: Form): Form | undefined;
}

const FIRST_EVENT_MS = 120_000;
/** More forms of one turn than a service can have refusals for. */
const MOST_FORMS = 8;

/** A provider that speaks `format`. */
export function createServiceProvider<Body, Form>(
  format: ServiceFormat<Body, Form>,
  options: Caller,
): Provider<ServiceLogin> {
  return {
    name: format.name,
    title: format.title,
    capabilities: format.capabilities,
    credential: format.credential,
    models: [],
    // Names come from the accounts: see `modelsOf`.
    match: () => undefined,
    async *chat(request, context) {
      const { name, apiKey } = context.account.credential;
      const model = upstreamModel(context.account.credential, context.model);
      const asked: Asked = { name, apiKey, model };
      const body = await startTurn(format, options, context, asked, request, model);
      const answer = format.startAnswer(asked, () => context.clock.now());
      if (body.kind === "events")
        yield* readAnswer(body.stream, answer, { clock: context.clock, wrap: (error) => readFailure(error, context) });
      else yield readWhole(format, body.text, answer, asked, context.clock.now());
    },
    async probe(context) {
      try {
        await keepModels(format, options, context);
      } catch (error) {
        // A service without a list works all the same when the account names its models.
        const hasNoList = error instanceof GatewayError && error.field === "models";
        if (!hasNoList || !context.account.credential.models) throw error;
      }
      return {};
    },
    serviceOf: ({ baseUrl }) => new URL(baseUrl).origin,
    modelsOf: ({ credential: login, memory }) => modelsOf(login, readMemory(memory)),
    refreshModels: (context) => keepModels(format, options, context),
    forgetLacks(context) {
      const memory = readMemory(context.account.memory);
      if (memory.lacking.length > 0) context.remember({ ...memory, lacking: [] });
    },
    firstEventMs: () => FIRST_EVENT_MS,
  };
}

/** @throws GatewayError, with the field "models" when the service has no list at all */
async function keepModels<Body, Form>(
  format: ServiceFormat<Body, Form>,
  caller: Caller,
  context: AccountContext<ServiceLogin>,
): Promise<void> {
  const { name, apiKey } = context.account.credential;
  const asked: Asked = { name, apiKey, model: undefined };
  const fetched = await fetchModels(format, caller, context, asked);
  if ("refusal" in fetched) {
    const { status } = fetched.refusal;
    if (status !== 404 && status !== 405) throw format.failureOf(fetched.refusal, asked);
    const text = `${name} gives no list of models: check the account's base URL, or name them in its "models".`;
    throw new GatewayError("upstream-changed", text, { field: "models" });
  }
  const models = readModelList(fetched.text);
  if (!models) {
    const text = `${name} answered no list of models: check the account's base URL.`;
    throw new GatewayError("upstream-changed", text, { field: "data" });
  }
  context.remember({ ...readMemory(context.account.memory), models, lacking: [] });
}

/** Sends the turn, again in another form where one is refused; what helped is remembered for the model. */
async function startTurn<Body, Form>(
  format: ServiceFormat<Body, Form>,
  caller: Caller,
  context: TurnContext<ServiceLogin>,
  asked: Asked,
  request: ChatRequest,
  model: string,
): Promise<EventBody> {
  const memory = readMemory(context.account.memory);
  const known = format.formOf(memory.notes[model]);
  let form = known;
  for (let forms = 1; ; forms++) {
    const sent = format.bodyOf(request, model, form);
    const opened = await openTurn(format, caller, context, asked, JSON.stringify(sent));
    if ("body" in opened) {
      const note = format.noteOf(form);
      if (!isDeepStrictEqual(note, format.noteOf(known))) {
        context.remember({ ...memory, notes: { ...memory.notes, [model]: note } });
      }
      return opened.body;
    }
    const next = forms < MOST_FORMS ? format.formAfter(opened.refusal, sent, form) : undefined;
    if (!next) {
      const failure = format.failureOf(opened.refusal, asked);
      if (failure.kind === "model-unavailable") {
        context.remember({ ...memory, lacking: [...new Set([...memory.lacking, model])] });
      }
      throw failure;
    }
    form = next;
  }
}

/** An answer that came in one piece, or an error with status 200. @param now epoch ms */
function readWhole<Body, Form>(
  format: ServiceFormat<Body, Form>,
  text: string,
  answer: ServiceAnswer,
  asked: Asked,
  now: number,
): UpstreamEvent[] {
  const parsed = parseJson(text);
  const whole = parsed.ok && isObject(parsed.value) ? parsed.value : {};
  if (!Array.isArray(whole[format.answerList])) {
    const refusal = refusalOf(undefined, undefined, text, now);
    if ("error" in whole || refusal.status !== undefined) throw format.failureOf(refusal, asked);
    const words = `${asked.name} answered a turn with JSON that is neither an answer nor an error.`;
    throw new GatewayError("upstream-changed", words, { field: format.answerList });
  }
  const out: UpstreamEvent[] = [];
  answer.readWhole(whole, out);
  answer.end(out);
  return out;
}
