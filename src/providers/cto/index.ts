/** cto.new, the coding agent of EngineLabs, through accounts that the user owns. What it does stands in protocol.md. */
import { GatewayError } from "../../chat/error.ts";
import { nextUtcDay } from "../../lib/utc-day.ts";
import type { UpstreamStream } from "../../chat/event.ts";
import { textOf, type ChatRequest } from "../../chat/request.ts";
import type { Provider, TurnContext } from "../provider.ts";
import { type CtoAccount, CtoAccounts, restoreMemory } from "./account.ts";
import { Api } from "./api.ts";
import { chatIdOf, chatOf, type CtoChat, deleteChat, openChat } from "./chats.ts";
import type { CtoContext } from "./clerk.ts";
import { credential, type CtoCredential } from "./credential.ts";
import { type CtoModel, matchModel, modelInfo, TABLE } from "./models.ts";
import { BrokenEarly, runTurn, WrongProtocol } from "./turn.ts";
import type { Protocol } from "./wire.ts";

export type { CtoCredential } from "./credential.ts";

/** Read at each use: getters make a setting live. Addresses without a slash at their end. */
export interface CtoOptions {
  /** Default `https://clerk.cto.new`. */
  readonly clerkUrl?: string;
  /** Default `https://api.enginelabs.ai`. */
  readonly apiUrl?: string;
  /** Default `wss://api.enginelabs.ai`. */
  readonly socketUrl?: string;
  /** "auto" (default) begins with v1, changes to v2 when that is refused, and remembers per account what worked. */
  readonly protocol?: "auto" | Protocol;
  /** The longest body of a turn, bytes; default 32,768. A longer one is refused, never cut. */
  readonly maxPromptBytes?: number;
  /** Whether chats that are no longer needed are deleted at the service; default false. */
  readonly deleteChats?: boolean;
}

const MAX_PROMPT_BYTES = 32_768;
const FIRST_EVENT_MS = 180_000;
const MODELS_FRESH_MS = 600_000;
const HOUR_MS = 3_600_000;
/** Models that accounts listed beside the table. */
const MOST_KNOWN = 500;

export function createCto(options: CtoOptions = {}): Provider<CtoCredential> {
  const accounts = new CtoAccounts(() => options.clerkUrl ?? "https://clerk.cto.new");
  const api = new Api(() => options.apiUrl ?? "https://api.enginelabs.ai");
  const known = new Map<string, CtoModel>();
  const learn = (models: readonly CtoModel[]): void => {
    for (const model of models) if (known.size < MOST_KNOWN) known.set(model.id, model);
  };

  /** The protocol of a new chat. */
  const protocolOf = (account: CtoAccount, { clock }: CtoContext): Protocol => {
    const { protocol = "auto" } = options;
    return protocol === "auto" ? (account.protocol(clock.now()) ?? "v1") : protocol;
  };

  const listModels = async (context: CtoContext, account: CtoAccount): Promise<void> => {
    const models = await api.models(context, account);
    account.setModels(models, context);
    if (models) learn(models);
  };

  /** The model's names at the service. v2 knows what it offers, so there a model that is not listed is refused. */
  const modelFor = async (context: TurnContext<CtoCredential>, account: CtoAccount, protocol: Protocol) => {
    const stale = account.modelsAgeMs(context.clock.now()) > MODELS_FRESH_MS;
    const find = () => account.models?.find(({ id }) => id === context.model);
    if (protocol === "v2" && !find() && stale) await listModels(context, account).catch(tableWillDo(context));
    const model =
      find() ?? (protocol === "v2" && account.models ? undefined : matchModel(context.model, known.values()));
    if (model) return model;
    throw new GatewayError("model-unavailable", `cto.new does not offer the model ${context.model} to this account.`, {
      field: "model",
    });
  };

  return {
    name: "cto",
    title: "cto.new",
    capabilities: {
      history: "prompt",
      tools: false,
      images: "none",
      stop: false,
      maxOutputTokens: false,
      responseFormat: false,
    },
    credential,
    models: TABLE.map(modelInfo),
    match: (name) => matchModel(name, known.values())?.id,
    chat: (request, context) => answer(request, context),
    async probe(context) {
      const account = accounts.of(context);
      await account.clerk.check(context);
      const bill = await api.bill(context, account);
      return {
        ...(bill?.quota ? { quota: bill.quota } : {}),
        ...(bill?.reached ? { exhaustedUntil: soon(bill.daily, context) } : {}),
      };
    },
    chats: {
      async open(context) {
        const account = accounts.of(context);
        return chatIdOf(await openChat(api, context, account, protocolOf(account, context)));
      },
      async remove(context, chatId) {
        if (!options.deleteChats) return;
        const account = accounts.of(context);
        await deleteChat(api, context, account, chatOf(account.currentChat(chatId)));
      },
      // A v1 chat costs nothing to open, and an unused v2 chat would stay behind as an empty project.
      ready: false,
      keep: "reuse",
      deleteDelayMs: [1000, 3000],
    },
    modelsOf({ memory }) {
      const { models } = restoreMemory(memory);
      if (models) learn(models);
      return models?.map(modelInfo);
    },
    refreshModels: (context) => listModels(context, accounts.of(context)),
    firstEventMs: () => FIRST_EVENT_MS,
  };

  /** A turn in the chat that the router holds, or in the one that takes its place: once for each reason. */
  async function* answer(request: ChatRequest, context: TurnContext<CtoCredential>): UpstreamStream {
    const { chat: held } = context;
    if (!held) throw new GatewayError("internal", "A cto.new turn needs a conversation.");
    const account = accounts.of(context);
    const prompt = request.messages.map(({ parts }) => textOf(parts)).join("\n");
    const move = async (protocol: Protocol): Promise<CtoChat> => {
      // A chat that holds the history has no other in its place: only the router has the whole history.
      if (held.continued) throw new GatewayError("conversation-lost", "cto.new cannot go on with this conversation.");
      const next = await openChat(api, context, account, protocol);
      account.moveChat(held.id, chatIdOf(next), context);
      return next;
    };
    let chat = chatOf(account.currentChat(held.id));
    const { protocol: fixed = "auto" } = options;
    const due = fixed === "auto" ? account.protocol(context.clock.now()) : fixed;
    if (due !== undefined && chat.protocol !== due && (fixed !== "auto" || due === "v2")) chat = await move(due);
    let switched = false;
    let sentAgain = false;
    for (;;) {
      const { protocol } = chat;
      const mayBeV2 = fixed === "auto" && protocol === "v1" && due !== "v1" && !switched;
      try {
        const model = await modelFor(context, account, protocol);
        const { maxPromptBytes = MAX_PROMPT_BYTES, socketUrl = "wss://api.enginelabs.ai" } = options;
        yield* runTurn({ api, account, context, chat, model, prompt, socketUrl, maxPromptBytes, mayBeV2 });
        return;
      } catch (error) {
        if (error instanceof WrongProtocol) switched = true;
        else if (!(error instanceof BrokenEarly)) throw error;
        else if (sentAgain) throw brokenTwice(error);
        else sentAgain = true;
      }
      chat = await move(switched ? "v2" : protocol);
    }
  }
}

/** A list that cannot be read now costs no turn; whatever is wrong with the account, the turn itself will meet. */
function tableWillDo({ account, log, signal }: CtoContext): (error: unknown) => void {
  return (error) => {
    if (signal.aborted || !(error instanceof GatewayError)) throw error;
    log.debug("models-unread", { account: account.id, reason: error.message });
  };
}

function soon(daily: boolean, { clock }: CtoContext): number {
  return daily ? nextUtcDay(clock.now()) : clock.now() + HOUR_MS;
}

function brokenTwice(cause: Error): GatewayError {
  return new GatewayError("upstream-broken", `The connection to cto.new broke before the answer: ${cause.message}.`, {
    cause,
  });
}
