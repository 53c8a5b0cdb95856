import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatStream } from "../chat/event.ts";
import type { ChatRequest, Message } from "../chat/request.ts";
import { supply } from "../emulate/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Lease } from "../pool/lease.ts";
import type { TurnContext } from "../providers/provider.ts";
import type { HeldChat } from "./chat.ts";
import type { Conversations, TakeOptions } from "./conversation.ts";
import { AnswerDraft } from "./history.ts";
import { settledStream, type TurnEnd } from "./settled-stream.ts";
import { follow, untilAborted } from "./signals.ts";
import { seconds, WatchedStream } from "./watch.ts";

export interface AttemptInput {
  readonly lease: Lease;
  /** The upstream's model. */
  readonly model: string;
  /** As the upstream can take it; without what `kept` holds already. */
  readonly request: ChatRequest;
  /** Aborts when the client left, the gateway stops or the turn has taken too long; its reason is a GatewayError. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Which of the upstream's chats to use. */
  readonly chat: TakeOptions;
  /** The key under which the chat is kept once it holds this answer too; undefined keeps no chat. */
  readonly keyAfter: ((answer: Message) => string) | undefined;
  /** Called exactly once, when the attempt is over: before its first event, at its end, or in between. */
  readonly ended: (end: TurnEnd) => void;
}

export interface AttemptDeps {
  readonly clock: Clock;
  readonly conversations: Conversations;
  /** Undefined for the provider's own deadline. */
  readonly firstEventMs: number | undefined;
  readonly idleMs: number;
}

/**
 * One try at one account. Resolves at the first event; the stream then goes on to its end and calls `ended`.
 * @throws GatewayError when it failed before its first event; `ended` has been called by then
 */
export async function attempt(input: AttemptInput, deps: AttemptDeps): Promise<ChatStream> {
  const { lease, model, request, log, keyAfter } = input;
  const { clock, conversations } = deps;
  const { provider } = lease;
  const firstEventMs = deps.firstEventMs ?? provider.firstEventMs(request);
  const controller = new AbortController();
  const { signal } = controller;
  const unfollow = follow(input.signal, controller);
  const cancelDeadline = clock.after(firstEventMs, () => {
    const text = `${provider.title} did not begin to answer within ${seconds(firstEventMs)}.`;
    controller.abort(new GatewayError("upstream-timeout", text));
  });

  let held: HeldChat | undefined;
  const draft = keyAfter && new AnswerDraft(request.stream);
  const ended = (end: TurnEnd): void => {
    unfollow();
    // Also ends an upstream whose answer nobody has begun to read.
    if (end.failure) controller.abort(end.failure);
    const worked = !end.failure;
    held?.release(worked, worked && draft ? keyAfter?.(draft.message()) : undefined);
    input.ended(end);
  };

  try {
    const taken = conversations.take(input, signal, input.chat);
    held = taken instanceof Promise ? await untilAborted(taken, signal) : taken;
    const context: TurnContext<unknown> = Object.assign(lease.context(signal, log), {
      model,
      ...(held ? { chat: held.upstream } : {}),
    });
    const watched = new WatchedStream(provider.chat(request, context), clock, controller, deps.idleMs, provider.title);
    await watched.begin();
    lease.began();
    const answer = supply(watched, request, provider.capabilities);
    return settledStream(answer, signal, ended, draft && ((event) => draft.add(event)));
  } catch (error) {
    const failure = toGatewayError(error);
    ended({ failure, usage: undefined, characters: 0 });
    throw failure;
  } finally {
    cancelDeadline();
  }
}
