/**
 * A LongCat simulator over real sockets, strict where longcat.chat is, scripted per account.
 *
 *     await using sim = await startLongcatSim();
 *     const cat = sim.account("token-a");                    // known and signed in; any other token is signed out
 *     cat.next("chat", answer(["He", "llo"]), fail.status(429, "slow down", { retryAfter: 5 }));  // the next two turns
 *     cat.always("chat", echo());                            // and all later ones
 *     // point the provider at sim.url, then:
 *     await sim.until(() => cat.counts.delete === 1);        // resolves on the event: no sleeps
 *     expect(sim.violations).toEqual([]);                    // nothing the service would object to was sent
 *
 * What it checks by itself, before any script: path and method, `X-Requested-With`, `X-Client-Language`, the cookie and
 * whether its account is signed in, the bodies, that a conversation exists, is not deleted and is the account's own, and
 * that no other turn is running on it. A call that fails these checks takes nothing from the script; the mistakes that
 * only a wrong client makes are listed in `violations`.
 *
 * Behaviours (longcat-script.ts): `answer`, `echo`, `stream`, `held`, `plain`, `envelope`, `fail.*`, `hostile.*`; a
 * function of the call is a behaviour too. What an answer may say and how it may end: `AnswerOptions`
 * (longcat-answer.ts). Gates (gate.ts) release frames by hand. `Wire` (sse-body.ts) cuts the bytes.
 */
import { refuse, ROUTES, usual, type LongcatSimOptions, type World } from "./longcat-rules.ts";
import type { Call } from "./longcat-script.ts";
import {
  newAccount,
  see,
  type SeenRequest,
  type SeenTurn,
  type SimAccount,
  type SimConversation,
} from "./longcat-state.ts";
import { startRawHttp, type Exchange } from "./raw-http.ts";

export { Gate } from "./gate.ts";
export type { AnswerOptions, Format } from "./longcat-answer.ts";
export { SEARCH_SHAPES, v2Frame } from "./longcat-frames.ts";
export { DEFAULT_ANSWER, type LongcatSimOptions } from "./longcat-rules.ts";
export * from "./longcat-script.ts";
export type { SeenRequest, SimAccount, SimConversation } from "./longcat-state.ts";
export type { Step, Wire } from "./sse-body.ts";

export type LongcatSim = AsyncDisposable & {
  readonly url: string;
  /** Every request so far, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  readonly conversations: readonly SimConversation[];
  /** Chat requests whose client hung up before the turn was over. */
  readonly aborted: readonly SeenRequest[];
  /** What a correct client never does, in words. */
  readonly violations: readonly string[];
  /** Chat answers in progress now: from the request until the body ended or the client left. */
  openStreams(): number;
  /** Open client sockets, idle ones too. */
  connections(): number;
  /** Conversations not deleted. */
  liveConversations(): SimConversation[];
  /** Registers an account, or gives the one already known. */
  account(token: string): SimAccount;
  /** Forgets a conversation, as an upstream does after a while. Throws when there is none of that id. */
  forget(conversationId: string): void;
  /** Resolves as soon as the condition holds; asked again whenever the sim sees something. */
  until(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
};

/** Starts the simulator on 127.0.0.1 at a free port. */
export async function startLongcatSim(options: LongcatSimOptions = {}): Promise<LongcatSim> {
  const now = options.now ?? Date.now;
  const world: World = { options, now, conversations: [], createdAt: new Map(), violations: [] };
  const { conversations, violations } = world;
  const accounts = new Map<string, SimAccount>();
  const requests: SeenRequest[] = [];
  const aborted: SeenRequest[] = [];
  const watchers = new Set<() => void>();
  let streams = 0;

  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  const server = await startRawHttp(async (exchange) => {
    const route = ROUTES[exchange.request.path];
    const seen = see(exchange.request, route?.kind, now());
    requests.push(seen);
    const account = accounts.get(seen.token);
    if (route && account) account.counts[route.kind]++;
    const call: Call = {
      kind: route?.kind ?? "user",
      exchange,
      body: seen.body ?? {},
      language: seen.headers["x-client-language"] === "en" ? "en" : "zh",
      path: route?.path ?? "v2",
      content: textOf(seen.body?.["content"]),
      ids: { conversationId: textOf(seen.body?.["conversationId"]), messageId: requests.length, parentId: 0 },
      done: () => {},
      usual: async () => usual(world, call, seen, account)(call),
    };
    const refusal = refuse(world, call, seen, route, account);
    const behaviour = refusal ?? account?.take(call.kind) ?? (() => call.usual());
    if (!refusal && call.kind === "chat" && account) openTurn(call, seen, account);
    changed();
    await behaviour(call);
    changed();
  });

  function openTurn(call: Call, seen: SeenRequest, account: SimAccount): void {
    const turn: SeenTurn = { content: call.content, request: seen, outcome: "running" };
    conversations.find(({ id }) => id === call.ids.conversationId)?.turns.push(turn);
    account.turnsPeak = Math.max(account.turnsPeak, ++account.turnsNow);
    streams++;
    const settle = (outcome: SeenTurn["outcome"]) => {
      if (turn.outcome !== "running") return;
      turn.outcome = outcome;
      turn.endedAt = now();
      account.turnsNow--;
      if (outcome === "aborted") aborted.push(seen);
      changed();
    };
    call.done = () => settle("finished");
    void whenClosed(call.exchange).then((hungUp) => {
      streams--;
      settle(hungUp ? "aborted" : "broken");
      changed();
    });
  }

  const stop = () => server.stop();
  return {
    url: server.url,
    requests,
    conversations,
    aborted,
    violations,
    openStreams: () => streams,
    connections: () => server.connections(),
    liveConversations: () => conversations.filter(({ deleted }) => !deleted),
    account(token) {
      const known = accounts.get(token) ?? newAccount(token);
      accounts.set(token, known);
      return known;
    },
    forget(conversationId) {
      const conversation = conversations.find(({ id }) => id === conversationId);
      if (!conversation) throw new Error(`no such conversation: ${conversationId}`);
      conversation.deleted = true;
    },
    until(condition) {
      if (condition()) return Promise.resolve();
      return new Promise((resolve) => {
        const watcher = () => {
          if (!condition()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
      });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function whenClosed(exchange: Exchange): Promise<boolean> {
  await exchange.closed;
  return exchange.hungUp;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
