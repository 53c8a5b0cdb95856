/** What longcat.chat checks by itself before it answers a call, and what it answers when nothing is scripted. */
import { randomUUID } from "node:crypto";
import { answer, envelope, fail, TEXTS, type Behaviour, type Call, type Kind } from "./longcat-script.ts";
import type { SeenRequest, SimAccount, SimConversation } from "./longcat-state.ts";

/** What an account says when nothing is scripted. */
export const DEFAULT_ANSWER = "Hello from LongCat 🐈 你好，世界";

export type LongcatSimOptions = {
  /** The status that a V2 call meets on a server that knows only the legacy path. */
  v2Status?: 404 | 405;
  /** The HTTP status of a signed-out session-create or chat; both were seen. Default 200 with code 401. */
  signedOutStatus?: 200 | 401;
  /** Least time between two session-creates of one account; a sooner one is too fast. Default 0: no limit. */
  createEveryMs?: number;
  /** Epoch ms, for every time the sim records or compares. Default: the system clock. */
  now?: () => number;
};

/** All that the rules look at and change. */
export type World = {
  options: LongcatSimOptions;
  now: () => number;
  conversations: SimConversation[];
  /** Epoch ms of each account's last good session-create. */
  createdAt: Map<string, number>;
  violations: string[];
};

/** One endpoint. */
export type Route = { kind: Kind; method: string; path: "v2" | "legacy" };

export const ROUTES: Record<string, Route> = {
  "/api/v1/session-create": { kind: "create", method: "POST", path: "v2" },
  "/api/v1/chat-completion-V2": { kind: "chat", method: "POST", path: "v2" },
  "/api/v1/chat-completion": { kind: "chat", method: "POST", path: "legacy" },
  "/api/v1/session-delete": { kind: "delete", method: "GET", path: "v2" },
  "/api/v1/user-current": { kind: "user", method: "GET", path: "v2" },
  "/api/v1/login-info": { kind: "login", method: "GET", path: "v2" },
};

/** How the service refuses a call; undefined when it takes it. */
export function refuse(
  world: World,
  call: Call,
  seen: SeenRequest,
  route: Route | undefined,
  account: SimAccount | undefined,
): Behaviour | undefined {
  const { options } = world;
  if (!route) return wrong(world, 404, `no such path: ${seen.method} ${seen.path}`);
  if (route.kind === "chat" && route.path === "v2" && options.v2Status)
    return fail.status(options.v2Status, "Not Found");
  if (seen.method !== route.method) return wrong(world, 405, `${seen.method} on ${seen.path}`);
  for (const name of ["x-requested-with", "x-client-language"])
    if (!seen.headers[name]) return wrong(world, 400, `${seen.path} without ${name}`);
  if (!seen.body) return wrong(world, 400, `${seen.path} with a body that is no JSON object`);
  if (route.kind === "user" || route.kind === "login") return undefined;
  if (seen.token === "") return fail.status(401, TEXTS.noCookie[call.language]);
  if (!account?.signedIn) return fail.signedOut(options.signedOutStatus);
  if (route.kind === "create") return refuseCreate(world, seen);
  return route.kind === "chat" ? refuseTurn(world, call, account) : undefined;
}

function refuseCreate({ options, now, createdAt, ...world }: World, seen: SeenRequest): Behaviour | undefined {
  if (typeof seen.body?.["agentId"] !== "string") return wrong(world, 400, "session-create without agentId");
  const last = createdAt.get(seen.token) ?? Number.NEGATIVE_INFINITY;
  return now() - last < (options.createEveryMs ?? 0) ? fail.tooFast() : undefined;
}

function refuseTurn(world: World, call: Call, account: SimAccount): Behaviour | undefined {
  const fault = turnFault(call.body, call.path);
  if (fault) return wrong(world, 400, fault);
  const conversation = ownConversation(world, call.ids.conversationId, account.token, "turn");
  if (!conversation) return fail.unknownConversation();
  if (conversation.turns.some(({ outcome }) => outcome === "running")) {
    world.violations.push("two turns at once on one conversation");
    return fail.tooFast();
  }
  return account.turnsNow >= account.maxTurns ? fail.tooFast() : undefined;
}

/** What is wrong with a chat body, in words; undefined when the service would take it. */
function turnFault(body: Record<string, unknown>, path: Route["path"]): string | undefined {
  if (typeof body["conversationId"] !== "string") return "chat without conversationId";
  if (typeof body["content"] !== "string" || body["content"] === "") return "chat without content";
  for (const name of ["reasonEnabled", "searchEnabled"])
    if (body[name] !== 0 && body[name] !== 1) return `chat with ${name} other than 0 or 1`;
  return path === "v2" && typeof body["agentId"] !== "string" ? "chat without agentId" : undefined;
}

function ownConversation(world: World, id: string, token: string, what: string): SimConversation | undefined {
  const conversation = world.conversations.find((other) => other.id === id && !other.deleted);
  if (conversation && conversation.token !== token) {
    world.violations.push(`a ${what} on another account's conversation`);
    return undefined;
  }
  return conversation;
}

function wrong({ violations }: Pick<World, "violations">, status: number, words: string): Behaviour {
  violations.push(words);
  return fail.status(status, words);
}

/** What the service itself answers to a call it takes. */
export function usual(world: World, call: Call, seen: SeenRequest, account: SimAccount | undefined): Behaviour {
  const signedIn = account?.signedIn === true;
  if (call.kind === "chat") return answer(DEFAULT_ANSWER);
  if (call.kind === "create") return create(world, seen.token);
  if (call.kind === "delete") return remove(world, seen);
  if (call.kind === "login") return success({ loginInfo: signedIn ? 1 : 0 });
  // An anonymous user-current also answers code 0: only the data tell.
  return success(
    signedIn
      ? { userId: `user-${seen.token}`, email: null, loginStatus: 1, token: null }
      : { userId: null, email: null, loginStatus: 0, token: null },
  );
}

function remove(world: World, seen: SeenRequest): Behaviour {
  const conversation = ownConversation(world, seen.query["conversationId"] ?? "", seen.token, "delete");
  if (!conversation) return fail.unknownConversation();
  conversation.deleted = true;
  return success(null);
}

function create({ conversations, createdAt, now }: World, token: string): Behaviour {
  const at = now();
  const id = randomUUID();
  createdAt.set(token, at);
  conversations.push({ id, token, turns: [], deleted: false });
  return success({
    conversationId: id,
    model: "LongCat",
    agent: "1",
    title: "新对话",
    titleType: "SYSTEM",
    currentMessageId: 0,
    capabilities: ["search", "think", "file", "voiceCall"],
    label: "今天",
    createAt: at,
    updateAt: at,
  });
}

function success(data: unknown): Behaviour {
  return envelope(200, 0, "success", { data });
}
