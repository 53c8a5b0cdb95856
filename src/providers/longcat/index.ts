/** LongCat, the web chat at longcat.chat, through accounts that the user owns. What it does stands in protocol.md. */
import { GatewayError } from "../../chat/error.ts";
import { isFirstEvent, type UpstreamEvent } from "../../chat/event.ts";
import type { Clock } from "../../lib/clock.ts";
import { BodyTooLarge } from "../../lib/body.ts";
import type { UpstreamBody } from "../../lib/fetch.ts";
import { EventTooLarge } from "../../lib/sse.ts";
import type { Provider, TurnContext } from "../provider.ts";
import { Answer } from "./answer.ts";
import { credential, type LongcatCredential } from "./credential.ts";
import { matchModel, modeOf, MODELS, type Mode } from "./models.ts";
import { checkSignedIn, createChat, deleteChat, openTurn, readFailure, type Caller, type Turn } from "./session.ts";
import { pickUserAgent } from "./user-agents.ts";
import { turnBody, type ChatPath } from "./wire.ts";

export type { LongcatCredential } from "./credential.ts";

/** Read at each use: getters make a setting live. */
export interface LongcatOptions {
  /** Default `https://longcat.chat`. */
  readonly url?: string;
  /** The language of the service's own texts; default zh. */
  readonly language?: "zh" | "en";
  /** "account" (default): the account's own browser string; "request": another one each time. */
  readonly userAgents?: "account" | "request";
  /** The wait before a chat is deleted, ms, a range; default 3000 to 5000. */
  readonly sessionDeleteDelayMs?: readonly [number, number];
  /** Keep one empty chat ready per account; default true. */
  readonly ready?: boolean;
  /** Whether a chat serves the follow-up of its history; default "ephemeral". */
  readonly keep?: "ephemeral" | "reuse";
  /** Overrides the wait for the first event, ms: by default 60 s, with thinking 120 s. */
  readonly firstEventMs?: number | undefined;
  /** The cap of one event, characters. Default 4 MiB: the last frame repeats the whole answer. */
  readonly maxEventChars?: number;
  /** At least 0, below 1. */
  readonly random?: () => number;
}

/** How long `lastOne` may lag behind the finish before the answer counts as over. */
const LINGER_MS = 2000;
const DRAIN_MS = 1000;
const MAX_EVENT_CHARS = 4_194_304;
/** The most decoded bytes in a row without a word of the answer: comments and padding that unpack without end. */
const MAX_SILENT_BYTES = 33_554_432;

export function createLongcat(options: LongcatOptions = {}): Provider<LongcatCredential> {
  const random = options.random ?? Math.random;
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
    userAgent: ({ account }) => (options.userAgents === "request" ? pickUserAgent(random()) : account.userAgent),
    random,
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
      return readAnswer(() => startTurn(caller, context, chatId, body), mode, context, options);
    },
    async probe(context) {
      await checkSignedIn(caller, context);
      return {};
    },
    chats: {
      open: (context, model) => createChat(caller, context, modeOf(model, {}).agentId),
      remove: (context, chatId) => deleteChat(caller, context, chatId),
      get ready() {
        return options.ready ?? true;
      },
      get keep() {
        return options.keep ?? "ephemeral";
      },
      get deleteDelayMs() {
        return options.sessionDeleteDelayMs ?? ([3000, 5000] as const);
      },
    },
    firstEventMs(request) {
      const { reason } = modeOf(matchModel(request.model ?? "") ?? "LongCat", request.reasoning);
      return options.firstEventMs ?? (reason ? 120_000 : 60_000);
    },
  };
}

/** Where the service is. */
function placeOf(given: string | undefined) {
  const url = (given ?? "https://longcat.chat").replace(/\/+$/, "");
  return { given, url, origin: new URL(url).origin };
}

/** Sends the turn where this server takes it: V2, or the path of 2025 on a server that knows no other. */
async function startTurn(
  caller: Caller,
  context: TurnContext<LongcatCredential>,
  chatId: string,
  body: (path: ChatPath) => string,
): Promise<Turn> {
  const { memory } = context.account;
  const legacy = typeof memory === "object" && memory !== null && "path" in memory && memory.path === "legacy";
  const paths: readonly ChatPath[] = legacy ? ["legacy", "v2"] : ["v2", "legacy"];
  for (const path of paths) {
    const turn = await openTurn(caller, context, path, chatId, body(path));
    if (!turn) continue;
    if (path !== paths[0]) context.remember({ path });
    return turn;
  }
  throw new GatewayError("upstream-changed", "LongCat knows neither of its chat paths any more.", { field: "path" });
}

/** One batch of events per network read. */
async function* readAnswer(
  start: () => Promise<Turn>,
  mode: Mode,
  context: TurnContext<LongcatCredential>,
  { maxEventChars = MAX_EVENT_CHARS }: LongcatOptions,
): AsyncGenerator<readonly UpstreamEvent[]> {
  const { body, first } = await start();
  const answer = new Answer(mode, maxEventChars);
  const linger = new Linger(context.clock);
  let out: UpstreamEvent[] = [];
  let silentBytes = 0;
  try {
    for (
      let bytes: Uint8Array | undefined = first;
      bytes;
      bytes = linger.hasBegun ? await linger.read(body) : await body.read()
    ) {
      answer.read(bytes, out);
      silentBytes = out.some(isFirstEvent) ? 0 : silentBytes + bytes.length;
      if (silentBytes > MAX_SILENT_BYTES) throw new BodyTooLarge(`${silentBytes} bytes without an answer.`);
      if (answer.progress === "last") break;
      if (answer.progress === "finished") linger.begin();
      if (out.length > 0) yield out;
      out = [];
    }
    answer.end(out);
    yield out;
  } catch (error) {
    // What came before the fault in the same read is part of the answer.
    if (out.length > 0) yield out;
    if (error instanceof EventTooLarge)
      throw new GatewayError("upstream-broken", "LongCat sent an event longer than an answer can be.", {
        cause: error,
      });
    throw readFailure(error, context);
  } finally {
    linger.stop();
    if (answer.progress === "last") void drain(body, context.clock);
    else body.cancel();
  }
}

/** Reads on after the finish, but only for so long: the socket may stay open with nothing more to say. */
class Linger {
  readonly #clock: Clock;
  #over: Promise<undefined> | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasBegun(): boolean {
    return this.#over !== undefined;
  }

  begin(): void {
    this.#over ??= new Promise((resolve) => (this.#cancel = this.#clock.after(LINGER_MS, () => resolve(undefined))));
  }

  stop(): void {
    this.#cancel?.();
  }

  /** The next bytes; undefined at the end of the body, or once the time after the finish is up. */
  read(body: UpstreamBody): Promise<Uint8Array | undefined> {
    // The answer is whole: a connection that breaks now ends it as well as any other.
    const next = body.read().catch(() => undefined);
    return Promise.race([next, this.#over ?? next]);
  }
}

/** After `lastOne` the end of the body is due at once; read up to it, the connection can serve the next call. */
async function drain(body: UpstreamBody, clock: Clock): Promise<void> {
  const stop = clock.after(DRAIN_MS, () => body.cancel());
  try {
    while (await body.read());
  } catch {
    // The answer is already told; a connection that breaks here is only not used again.
  } finally {
    stop();
  }
}
