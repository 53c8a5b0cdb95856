/** One turn: the socket first, then the prompt, then the answer up to the idle state that ends it (protocol.md, "A turn"). */
import { setImmediate as nextTick } from "node:timers/promises";
import { abortReason, GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import { openSocket, SocketError, type TextSocket } from "../../lib/socket.ts";
import type { TurnContext } from "../provider.ts";
import type { CtoAccount } from "./account.ts";
import type { Api, Call } from "./api.ts";
import type { CtoChat } from "./chats.ts";
import { SITE } from "./clerk.ts";
import type { CtoCredential } from "./credential.ts";
import { challenge, errorInside, failureOf, isOk, refusalOf } from "./failure.ts";
import type { CtoModel } from "./models.ts";
import { checkSize, isIdle, type StreamAddress, streamUrl, turnBody, TurnReader } from "./wire.ts";

export interface Turn {
  readonly api: Api;
  readonly account: CtoAccount;
  readonly context: TurnContext<CtoCredential>;
  readonly chat: CtoChat;
  readonly model: CtoModel;
  readonly prompt: string;
  readonly socketUrl: string;
  readonly maxPromptBytes: number;
  /** Refusals that the other protocol might not meet are thrown as WrongProtocol. */
  readonly mayBeV2: boolean;
}

/** This server does not take v1's calls, or does not take them from this account. */
export class WrongProtocol extends Error {
  override readonly name = "WrongProtocol";
}

/** The connection broke before the answer had any text: the turn may be sent again, in another chat. */
export class BrokenEarly extends Error {
  override readonly name = "BrokenEarly";
}

const OPEN_MS = 12_000;
/** How long the state that a connection begins with may take; it came at once wherever it was seen. */
const GREETING_MS = 300;
const HEARTBEAT = { text: "ping", everyMs: 30_000 } as const;
/** A connection that is refused after it opened: a policy, or a code of the service's own. */
const REFUSING_CLOSE = /^(1008|4\d{3})$/;
/** Statuses with which a server of the newer protocol may refuse the older one. */
const V1_REFUSED: readonly number[] = [400, 403, 404];

/**
 * @throws GatewayError as the contract says; WrongProtocol or BrokenEarly before the first text
 */
export async function* runTurn(turn: Turn): AsyncGenerator<readonly UpstreamEvent[]> {
  const { context, account, chat, prompt, model, maxPromptBytes } = turn;
  const body = turnBody(chat.protocol, prompt, chat.chatHistoryId, model.adapterName);
  checkSize(body, maxPromptBytes);
  const leave = chat.protocol === "v2" ? await account.gate.enter(model.modelKey, context.signal) : () => {};
  let socket: TextSocket | undefined;
  try {
    if (chat.protocol === "v2") await prelude(turn);
    socket = await openStream(turn);
    await passPast(turn, socket);
    await post(turn, body);
    account.worksWith(chat.protocol, context);
    yield* readAnswer(turn, socket, leave);
  } finally {
    socket?.close();
    leave();
  }
}

async function* readAnswer(
  turn: Turn,
  socket: TextSocket,
  leave: () => void,
): AsyncGenerator<readonly UpstreamEvent[]> {
  const reader = new TurnReader();
  let spoken = false;
  try {
    for await (const messages of socket) {
      const events: UpstreamEvent[] = [];
      for (const message of messages) reader.read(message, events);
      if (reader.begun) leave();
      spoken ||= events.some(({ type }) => type !== "progress");
      if (reader.ended) {
        socket.close();
        yield* ended(turn, reader, events);
        return;
      }
      if (events.length > 0) yield events;
    }
  } catch (error) {
    throw spoken ? brokenAnswer(error, turn) : brokenEarly(error, turn);
  }
}

async function* ended(
  { api, account, context }: Turn,
  reader: TurnReader,
  events: UpstreamEvent[],
): AsyncGenerator<readonly UpstreamEvent[]> {
  if (!reader.hasText) throw await api.emptyAnswer(context, account);
  if (reader.cancelled) context.log.warn("turn-stopped-upstream", { account: context.account.id });
  events.push({ type: "end", reason: "stop", usage: undefined });
  yield events;
}

/** What v2 wants before each turn: the team's model, and a look at its offers. */
async function prelude({ api, account, context, chat, model }: Turn): Promise<void> {
  const preferred: Call = {
    method: "PATCH",
    path: "/teams/preferred-model",
    body: JSON.stringify({ modelKey: model.modelKey }),
  };
  const answer = await api.call(context, account, preferred);
  if (!isOk(answer)) {
    const failure = await api.refused(context, account, answer);
    const isUnknown = answer.status === 400 || answer.status === 422;
    if (isUnknown && failure.kind === "upstream-changed" && failure.field === "body")
      throw new GatewayError("model-unavailable", `cto.new does not offer the model ${model.id} to this account.`, {
        field: "model",
        cause: failure,
      });
    throw failure.kind === "conversation-lost" ? failureOf("ours", answer, context.clock.now()) : failure;
  }
  const body = JSON.stringify({ chatHistoryId: chat.chatHistoryId, surface: "ENGINE_AGENT" });
  const offers = await api.call(context, account, { method: "POST", path: "/engine-agent/offers", body });
  if (!isOk(offers)) context.log.debug("offers-refused", { account: context.account.id, status: offers.status });
}

async function openStream(turn: Turn): Promise<TextSocket> {
  const { account, context, chat } = turn;
  const { clerk } = account;
  for (let again = false; ; again = true) {
    const identity = await clerk.identity(context);
    const jwt = await clerk.token(context);
    const { user, organisation } = identity;
    const address: StreamAddress = { ...chat, user, organisation };
    try {
      return await openSocket(streamUrl(turn.socketUrl, address), {
        headers: {
          origin: SITE,
          "user-agent": context.account.userAgent,
          // v1's client sends none, but nobody knows that its server looks at none.
          cookie: `${clerk.cookies}; __session=${jwt}`,
        },
        proxy: context.proxy,
        signal: context.signal,
        clock: context.clock,
        openMs: OPEN_MS,
        heartbeat: HEARTBEAT,
      });
    } catch (error) {
      if (!(error instanceof SocketError)) throw error instanceof GatewayError ? error : abortReason(context.signal);
      const unwelcome = error.status === 401 || error.status === 403;
      if (turn.mayBeV2 && (unwelcome || V1_REFUSED.includes(error.status ?? 0))) throw new WrongProtocol();
      if (unwelcome && again && (await turn.api.meetsChallenge(context, streamUrl(turn.socketUrl, address))))
        throw challenge();
      if (!unwelcome || again) throw notOpened(error);
      await clerk.renewAll(context, { identity, jwt });
    }
  }
}

/**
 * Every connection begins with the chat's state, perhaps before or after its past. None of that belongs to the turn, and
 * only before the prompt is posted can it be told apart. What came together with the state is passed over with it.
 */
async function passPast(turn: Turn, socket: TextSocket): Promise<void> {
  const { clock } = turn.context;
  let cancel = (): void => {};
  const late = new Promise<"late">((resolve) => (cancel = clock.after(GREETING_MS, () => resolve("late"))));
  try {
    while ((await Promise.race([socket.arrival(), late])) !== "late") {
      if (!socket.take().some(isIdle)) continue;
      await nextTick();
      socket.take();
      return;
    }
  } catch (error) {
    const isRefusal = error instanceof SocketError && REFUSING_CLOSE.test(String(error.code));
    throw isRefusal && turn.mayBeV2 ? new WrongProtocol() : brokenEarly(error, turn);
  } finally {
    cancel();
  }
}

async function post({ api, account, context, chat, mayBeV2 }: Turn, body: string): Promise<void> {
  const call: Call = { method: "POST", path: "/engine-agent/chat", body, keepForbidden: mayBeV2 };
  const said = await api.call(context, account, call);
  const answer = errorInside(said);
  if (!answer) return;
  const refusal = refusalOf(answer);
  const isOther = !["challenge", "too-long", "quota", "busy"].includes(refusal);
  if (mayBeV2 && isOther && V1_REFUSED.includes(answer.status)) throw new WrongProtocol();
  // The chat is busy with a turn that nobody waits for: a new one is free.
  if (refusal === "busy" && context.chat?.continued)
    throw new GatewayError("conversation-lost", "cto.new is still busy with this conversation.");
  if (answer.status === 404 && chat.protocol === "v2" && !context.chat?.continued)
    throw failureOf("ours", answer, context.clock.now());
  throw await api.refused(context, account, answer);
}

function notOpened(error: SocketError): GatewayError {
  const { status, fault } = error;
  if (status === 401 || status === 403)
    return new GatewayError("auth-rejected", `cto.new refuses this account's connection with HTTP ${status}.`, {
      cause: error,
    });
  if (status === 404) return failureGone(error);
  if (status === 429)
    return new GatewayError("rate-limited", "cto.new limits how many connections this account may open.", {
      cause: error,
    });
  const kind = fault === "timeout" ? "upstream-timeout" : "upstream-broken";
  return new GatewayError(kind, `cto.new could not be connected: ${error.message}.`, { cause: error });
}

function failureGone(cause: SocketError): GatewayError {
  return new GatewayError("conversation-lost", "cto.new no longer knows this conversation.", { cause });
}

function brokenAnswer(error: unknown, { context }: Turn): unknown {
  if (!(error instanceof SocketError)) return error instanceof GatewayError ? error : abortReason(context.signal);
  return new GatewayError("upstream-broken", `The connection to cto.new broke within the answer: ${error.message}.`, {
    cause: error,
  });
}

function brokenEarly(error: unknown, turn: Turn): unknown {
  const isBreak = error instanceof SocketError && error.fault === "closed";
  return isBreak ? new BrokenEarly(error.message, { cause: error }) : brokenAnswer(error, turn);
}
