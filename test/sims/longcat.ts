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
 * whether its account is signed in, the chat body, that the conversation exists, is not deleted and is the account's
 * own, and that no other turn is running on it. A call that fails these checks takes nothing from the script; the
 * mistakes that only a wrong client makes are listed in `violations`.
 *
 * Behaviours (longcat-script.ts): `answer`, `echo`, `stream`, `held`, `plain`, `envelope`, `fail.*`, `hostile.*`; a
 * function of the call is a behaviour too. Gates (gate.ts) release frames by hand. `Wire` (sse-body.ts) cuts the bytes.
 */
import { randomUUID } from "node:crypto";
import { answer, envelope, fail, TEXTS, type Behaviour, type Call, type Kind } from "./longcat-script.ts";
import { startRawHttp, type RawRequest } from "./raw-http.ts";

export { Gate } from "./gate.ts";
export type { AnswerOptions, Format } from "./longcat-answer.ts";
export { legacyFrame, SEARCH_SHAPES, SEARCH_TYPES, v2Frame } from "./longcat-frames.ts";
export * from "./longcat-script.ts";
export type { Step, Wire } from "./sse-body.ts";

/** What an account says when nothing is scripted. */
export const DEFAULT_ANSWER = "Hello from LongCat 🐈 你好，世界";

/** One request as it came in. `token` is the `passport_token_key` value, empty without one; `at` is epoch ms. */
export type SeenRequest = {
  kind: Kind | undefined;
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: Record<string, unknown>;
  token: string;
  at: number;
};

/** One turn. `outcome` stays "running" until its end was sent, the client left, or the stream broke. */
export type SeenTurn = {
  content: string;
  request: SeenRequest;
  outcome: "running" | "finished" | "aborted" | "broken";
};

/** One conversation the service keeps. `token` names its account. */
export type SimConversation = { id: string; token: string; turns: SeenTurn[]; deleted: boolean };

/** One account: its counters, and the script its next calls meet. */
export type SimAccount = {
  readonly token: string;
  signedIn: boolean;
  /** Calls by kind that carried this token, refused ones too. */
  readonly counts: Record<Kind, number>;
  /** Queues behaviours for the next calls of a kind, first come first served. */
  next(kind: Kind, ...behaviours: Behaviour[]): SimAccount;
  /** What calls of a kind meet when the queue is empty; undefined restores the service's own way. */
  always(kind: Kind, behaviour: Behaviour | undefined): SimAccount;
};

export type LongcatSimOptions = {
  /** The status that a V2 call meets on a server that knows only the legacy path. */
  v2Status?: 404 | 405;
  /** The HTTP status of a signed-out session-create or chat; both were seen. Default 200 with code 401. */
  signedOutStatus?: 200 | 401;
  /** Epoch ms, for `at`. */
  now?: () => number;
};

export type LongcatSim = AsyncDisposable & {
  readonly url: string;
  /** Every request so far, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  readonly conversations: readonly SimConversation[];
  /** Chat requests whose client hung up before the turn was over. */
  readonly aborted: readonly SeenRequest[];
  /** What a correct client never does, in words. */
  readonly violations: readonly string[];
  /** Chat streams in progress now. */
  openStreams(): number;
  /** Open client sockets, idle ones too. */
  connections(): number;
  /** Conversations not deleted. */
  liveConversations(): SimConversation[];
  /** Registers an account, or gives the one already known. */
  account(token: string): SimAccount;
  /** Forgets a conversation, as an upstream does after a while. */
  forget(conversationId: string): void;
  /** Resolves as soon as the condition holds; asked again whenever the sim sees something. */
  until(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
};

type Account = SimAccount & { take(kind: Kind): Behaviour | undefined };

const ROUTES: Record<string, { kind: Kind; method: string; path: "v2" | "legacy" }> = {
  "/api/v1/session-create": { kind: "create", method: "POST", path: "v2" },
  "/api/v1/chat-completion-V2": { kind: "chat", method: "POST", path: "v2" },
  "/api/v1/chat-completion": { kind: "chat", method: "POST", path: "legacy" },
  "/api/v1/session-delete": { kind: "delete", method: "GET", path: "v2" },
  "/api/v1/user-current": { kind: "user", method: "GET", path: "v2" },
  "/api/v1/login-info": { kind: "login", method: "GET", path: "v2" },
};

/** Starts the simulator on 127.0.0.1 at a free port. */
export async function startLongcatSim(options: LongcatSimOptions = {}): Promise<LongcatSim> {
  const now = options.now ?? Date.now;
  const accounts = new Map<string, Account>();
  const conversations: SimConversation[] = [];
  const requests: SeenRequest[] = [];
  const aborted: SeenRequest[] = [];
  const violations: string[] = [];
  const watchers = new Set<() => void>();
  let streams = 0;
  let messageId = 0;

  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  const server = await startRawHttp(async (exchange) => {
    const route = ROUTES[exchange.request.path];
    const seen = see(exchange.request, route?.kind, now());
    requests.push(seen);
    const account = accounts.get(seen.token);
    if (route && account) account.counts[route.kind]++;
    changed();
    const call: Call = {
      kind: route?.kind ?? "user",
      exchange,
      body: seen.body,
      language: seen.headers["x-client-language"] === "en" ? "en" : "zh",
      path: route?.path ?? "v2",
      content: textOf(seen.body["content"]),
      ids: { conversationId: textOf(seen.body["conversationId"]), messageId: ++messageId, parentId: 0 },
      done: () => {},
      usual: () => Promise.resolve(),
    };
    const refusal = refuse(call, seen, route, account);
    if (refusal) await refusal(call);
    else if (call.kind === "chat" && account) await turn(call, seen, account);
    else await single(call, seen, account);
    changed();
  });

  function refuse(
    call: Call,
    seen: SeenRequest,
    route: (typeof ROUTES)[string] | undefined,
    account: Account | undefined,
  ): Behaviour | undefined {
    if (!route) return wrong(404, `no such path: ${seen.method} ${seen.path}`);
    if (call.kind === "chat" && call.path === "v2" && options.v2Status)
      return fail.status(options.v2Status, "Not Found");
    if (seen.method !== route.method) return wrong(405, `${seen.method} on ${seen.path}`);
    for (const name of ["x-requested-with", "x-client-language"])
      if (!seen.headers[name]) return wrong(400, `${seen.path} without ${name}`);
    if (call.kind === "user" || call.kind === "login") return undefined;
    if (seen.token === "") return fail.status(401, TEXTS.noCookie[call.language]);
    if (!account?.signedIn) return fail.signedOut(options.signedOutStatus);
    if (call.kind === "create")
      return typeof seen.body["agentId"] === "string" ? undefined : wrong(400, "session-create without agentId");
    return call.kind === "chat" ? refuseTurn(call, seen) : undefined;
  }

  function refuseTurn({ body, path }: Call, seen: SeenRequest): Behaviour | undefined {
    const fault = turnFault(body, path);
    if (fault) return wrong(400, fault);
    const conversation = conversations.find(({ id }) => id === body["conversationId"]);
    if (conversation && conversation.token !== seen.token) violations.push("a turn on another account's conversation");
    if (!conversation || conversation.deleted || conversation.token !== seen.token) return fail.unknownConversation();
    if (conversation.turns.some(({ outcome }) => outcome === "running")) {
      violations.push("two turns at once on one conversation");
      return fail.tooFast();
    }
    return undefined;
  }

  function wrong(status: number, words: string): Behaviour {
    violations.push(words);
    return fail.status(status, words);
  }

  async function turn(call: Call, seen: SeenRequest, account: Account): Promise<void> {
    const conversation = conversations.find(({ id }) => id === call.ids.conversationId);
    const entry: SeenTurn = { content: call.content, request: seen, outcome: "running" };
    conversation?.turns.push(entry);
    streams++;
    changed();
    call.done = () => {
      if (entry.outcome === "running") entry.outcome = "finished";
      changed();
    };
    call.usual = async () => answer(DEFAULT_ANSWER)(call);
    void call.exchange.closed.then(() => {
      if (entry.outcome === "running" && call.exchange.hungUp) {
        entry.outcome = "aborted";
        aborted.push(seen);
      } else if (entry.outcome === "running") entry.outcome = "broken";
      streams--;
      changed();
    });
    await (account.take("chat") ?? answer(DEFAULT_ANSWER))(call);
  }

  async function single(call: Call, seen: SeenRequest, account: Account | undefined): Promise<void> {
    call.usual = async () => usual(call, seen, account)(call);
    const scripted = account?.take(call.kind);
    await (scripted ? scripted(call) : call.usual());
  }

  function usual(call: Call, seen: SeenRequest, account: Account | undefined): Behaviour {
    const signedIn = account?.signedIn === true;
    if (call.kind === "login") return success({ loginInfo: signedIn ? 1 : 0 });
    // An anonymous call also answers code 0: only loginStatus tells.
    if (call.kind === "user")
      return success({
        userId: signedIn ? `user-${seen.token}` : null,
        email: null,
        loginStatus: signedIn ? 1 : 0,
        token: null,
      });
    if (call.kind === "create") {
      const conversation = { id: randomUUID(), token: seen.token, turns: [], deleted: false };
      conversations.push(conversation);
      return success(createdData(conversation.id, now()));
    }
    const conversation = conversations.find(({ id }) => id === seen.query["conversationId"]);
    if (conversation && conversation.token !== seen.token)
      violations.push("a delete of another account's conversation");
    if (!conversation || conversation.deleted || conversation.token !== seen.token) return fail.unknownConversation();
    conversation.deleted = true;
    return success(null);
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

function newAccount(token: string): Account {
  const queues = new Map<Kind, Behaviour[]>();
  const defaults = new Map<Kind, Behaviour>();
  return {
    token,
    signedIn: true,
    counts: { create: 0, chat: 0, delete: 0, user: 0, login: 0 },
    next(kind, ...behaviours) {
      queues.set(kind, [...(queues.get(kind) ?? []), ...behaviours]);
      return this;
    },
    always(kind, behaviour) {
      if (behaviour) defaults.set(kind, behaviour);
      else defaults.delete(kind);
      return this;
    },
    take: (kind) => queues.get(kind)?.shift() ?? defaults.get(kind),
  };
}

function see(request: RawRequest, kind: Kind | undefined, at: number): SeenRequest {
  const { method, path, headers } = request;
  const token = /(?:^|;\s*)passport_token_key=([^;]*)/.exec(headers["cookie"] ?? "")?.[1] ?? "";
  return { kind, method, path, query: Object.fromEntries(request.query), headers, body: jsonBody(request), token, at };
}

function jsonBody({ body }: RawRequest): Record<string, unknown> {
  if (body.length === 0) return {};
  const value: unknown = JSON.parse(body.toString());
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function success(data: unknown): Behaviour {
  return envelope(200, 0, "success", { data });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What is wrong with a chat body, in words; undefined when the service would take it. */
function turnFault(body: Record<string, unknown>, path: Call["path"]): string | undefined {
  if (typeof body["conversationId"] !== "string") return "chat without conversationId";
  if (typeof body["content"] !== "string" || body["content"] === "") return "chat without content";
  for (const name of ["reasonEnabled", "searchEnabled"])
    if (body[name] !== 0 && body[name] !== 1) return `chat with ${name} other than 0 or 1`;
  return path === "v2" && typeof body["agentId"] !== "string" ? "chat without agentId" : undefined;
}

function createdData(conversationId: string, at: number) {
  return {
    conversationId,
    model: "LongCat",
    agent: "1",
    title: "新对话",
    titleType: "SYSTEM",
    currentMessageId: 0,
    capabilities: ["search", "think", "file", "voiceCall"],
    label: "今天",
    createAt: at,
    updateAt: at,
  };
}
