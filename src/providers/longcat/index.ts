/** LongCat, the web chat at longcat.chat, through accounts that the user owns. What it does stands in protocol.md. */
import { GatewayError } from "../../chat/error.ts";
import type { Provider, TurnContext } from "../provider.ts";
import { AccountHeaders } from "./account-headers.ts";
import { AnswerStream } from "./answer-stream.ts";
import { credential, type LongcatCredential } from "./credential.ts";
import { matchModel, modeOf, MODELS } from "./models.ts";
import { checkSignedIn, createChat, deleteChat, openTurn, type Caller, type Turn } from "./session.ts";
import { turnBody, type ChatPath } from "./wire.ts";

export type { LongcatCredential } from "./credential.ts";

/** Read at each use: getters make a setting live. */
export interface LongcatOptions {
  /** Default `https://longcat.chat`. */
  readonly url?: string;
  /** The language of the service's own texts; default zh. */
  readonly language?: "zh" | "en";
  /** The wait before a chat is deleted, ms, a range; default 3000 to 5000. */
  readonly sessionDeleteDelayMs?: readonly [number, number];
  /** Whether a chat serves the follow-up of its history; default "ephemeral". */
  readonly keep?: "ephemeral" | "reuse";
  /** The cap of one event, characters. Default 4 MiB: the last frame repeats the whole answer. */
  readonly maxEventChars?: number;
  /** At least 0, below 1. */
  readonly random?: () => number;
}

export function createLongcat(options: LongcatOptions = {}): Provider<LongcatCredential> {
  let place = placeOf(options.url);
  const currentPlace = () => (place.given === options.url ? place : (place = placeOf(options.url)));
  const caller: Caller = {
    get url() {
      return currentPlace().url;
    },
    get origin() {
      return currentPlace().origin;
    },
    get language() {
      return options.language ?? "zh";
    },
    headers: new AccountHeaders(),
    random: options.random ?? Math.random,
  };
  return {
    name: "longcat",
    title: "LongCat",
    capabilities: {
      history: "prompt",
      tools: false,
      images: "none",
      stop: false,
      maxOutputTokens: false,
      responseFormat: false,
    },
    credential,
    models: MODELS,
    match: matchModel,
    chat(request, context) {
      const mode = modeOf(context.model, request.reasoning);
      const chatId = context.chat?.id;
      if (chatId === undefined) throw new GatewayError("internal", "A LongCat turn needs a conversation.");
      const body = (path: ChatPath) => turnBody(path, chatId, request, mode);
      return new AnswerStream(() => startTurn(caller, context, chatId, body), mode, context, options.maxEventChars);
    },
    async probe(context) {
      await checkSignedIn(caller, context);
      return {};
    },
    chats: {
      open: (context, model) => createChat(caller, context, modeOf(model, {}).agentId),
      remove: (context, chatId) => deleteChat(caller, context, chatId),
      ready: true,
      get keep() {
        return options.keep ?? "ephemeral";
      },
      get deleteDelayMs() {
        return options.sessionDeleteDelayMs ?? ([3000, 5000] as const);
      },
    },
    firstEventMs(request) {
      const { reason } = modeOf(matchModel(request.model ?? "") ?? "LongCat", request.reasoning);
      return reason ? 120_000 : 60_000;
    },
  };
}

/** Where the service is. */
function placeOf(given: string | undefined) {
  const url = (given ?? "https://longcat.chat").replace(/\/+$/, "");
  return { given, url, origin: new URL(url).origin };
}

/** Sends the turn where this server takes it: V2, or the path of 2025 on a server that knows no other. */
function startTurn(
  caller: Caller,
  context: TurnContext<LongcatCredential>,
  chatId: string,
  body: (path: ChatPath) => string,
): Promise<Turn> {
  const { memory } = context.account;
  const legacy = typeof memory === "object" && memory !== null && "path" in memory && memory.path === "legacy";
  const [usual, other]: readonly [ChatPath, ChatPath] = legacy ? ["legacy", "v2"] : ["v2", "legacy"];
  const atOther = async (): Promise<Turn> => {
    const turn = await openTurn(caller, context, other, chatId, body(other));
    if (!turn) {
      const text = "LongCat knows neither of its chat paths any more.";
      throw new GatewayError("upstream-changed", text, { field: "path" });
    }
    context.remember({ path: other });
    return turn;
  };
  return openTurn(caller, context, usual, chatId, body(usual)).then((turn) => turn ?? atOther());
}
