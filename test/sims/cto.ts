/**
 * A simulator of cto.new over real sockets: Clerk, the REST service and its WebSocket on one port, strict where they are
 * strict, scripted per account.
 *
 *     await using sim = await startCtoSim({ protocol: "v2", now: () => clock.now() });
 *     const ann = sim.account("ann");                 // signed in; `ann.client` is her __client
 *     ann.says(answer(["He", "llo"]));                // her next turn
 *     ann.next("chat", json(429, { message: "limit" }));   // what her next calls meet
 *     // point clerkUrl, apiUrl and socketUrl at sim.url
 *     expect(sim.violations).toEqual([]);
 *
 * By itself it checks: the cookie (an old `__client` lives only `graceMs` after it was superseded), the session id, the
 * form and Origin of Clerk's calls, that a JWT was issued here and is younger than 60 s, bodies of each protocol, that a
 * v2 project exists and belongs to the account, the socket's token, and its cookie in v2. A frame that is sent while
 * nobody listens is lost. Mistakes that no right client makes stand in `violations`.
 */
import { jwt, type Kind, type Seen, SimAccount, type Step, type Turn } from "./cto-state.ts";

export * from "./cto-script.ts";
export { Gate } from "./gate.ts";
export * from "./cto-state.ts";

export type CtoSimOptions = {
  protocol?: "v1" | "v2";
  /** Epoch ms of the service, whose clock may differ from ours. */
  now?: () => number;
  /** How long a superseded cookie is still taken. Default 0. */
  graceMs?: number;
  /** The live list of models; v1 has none. */
  adapters?: readonly unknown[];
  /** What a socket hears as soon as it is open, besides the idle state. */
  greeting?: readonly Step[];
  /** What it hears right after the idle state: a past that is replayed late. */
  replay?: readonly Step[];
  /** "any": a v2 server takes v1's sockets too, and refuses only its turns. "cookies": a v1 server wants v2's cookies. */
  sockets?: "strict" | "any" | "cookies";
  /** Say nothing at all before a turn, not even the idle state. */
  silent?: boolean;
};

type Line = { chatHistoryId: string; account: string };
type Peer = Bun.ServerWebSocket<Line>;

export type CtoSim = AsyncDisposable & {
  readonly url: string;
  readonly requests: readonly Seen[];
  readonly turns: readonly Turn[];
  readonly violations: string[];
  /** Texts that clients sent over sockets, and the codes with which sockets ended. */
  readonly heard: readonly string[];
  readonly closes: readonly number[];
  openSockets(): number;
  account(name: string): SimAccount;
  count(kind: Kind): number;
  /** Resolves as soon as the condition holds; asked again whenever the sim sees something. */
  until(condition: () => boolean): Promise<void>;
  /** Forgets a chat. */
  forget(chatHistoryId: string): void;
  stop(): Promise<void>;
};

const ROUTES: readonly (readonly [Kind, string, RegExp])[] = [
  ["client", "GET", /^\/v1\/client$/],
  ["tokens", "POST", /^\/v1\/client\/sessions\/([^/]+)\/tokens$/],
  ["chat", "POST", /^\/engine-agent\/chat$/],
  ["offers", "POST", /^\/engine-agent\/offers$/],
  ["create", "POST", /^\/projects\/create-hosted$/],
  ["model", "PATCH", /^\/teams\/preferred-model$/],
  ["adapters", "GET", /^\/chat\/adapters$/],
  ["billing", "GET", /^\/billing$/],
  ["delete", "DELETE", /^\/engine-agent\/chat-histories\/([^/]+)$/],
  ["socket", "GET", /^\/engine-agent\/chat-histories\/([^/]+)\/buffer\/stream$/],
];

export async function startCtoSim(options: CtoSimOptions = {}): Promise<CtoSim> {
  const { protocol = "v1", graceMs = 0 } = options;
  const now = options.now ?? Date.now;
  const accounts = new Map<string, SimAccount>();
  const requests: Seen[] = [];
  const turns: Turn[] = [];
  const violations: string[] = [];
  const heard: string[] = [];
  const closes: number[] = [];
  const forgotten = new Set<string>();
  const peers = new Set<Peer>();
  const watchers = new Set<() => void>();
  /** Tokens issued, with their account. */
  const issued = new Map<string, string>();
  let tokens = 0;

  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  const wrong = (status: number, words: string): Response => {
    violations.push(words);
    return Response.json({ message: words, statusCode: status }, { status });
  };
  const clerkRefuses = (status: number, code: string): Response =>
    Response.json({ errors: [{ message: code, long_message: code, code }], clerk_trace_id: "t" }, { status });

  const byCookie = (cookie: string): SimAccount | undefined => {
    const value = /(?:^|;\s*)__client=([^;]*)/.exec(cookie)?.[1] ?? "";
    for (const account of accounts.values()) {
      if (!account.signedIn) continue;
      if (account.client === value || (account.graceUntil.get(value) ?? -1) >= now()) return account;
    }
    return undefined;
  };

  /** Clerk's clock stands in every answer, and a rotation in the answer that caused it. */
  const dressed = (response: Response, account: SimAccount | undefined, kind: "client" | "tokens"): Response => {
    response.headers.set("date", new Date(now()).toUTCString());
    const isDue = account?.rotateOn === "always" || (account?.rotateOn === "tokens" && kind === "tokens");
    if (account && isDue) {
      account.graceUntil.set(account.client, now() + graceMs);
      account.generation++;
      response.headers.append("set-cookie", `__client=${account.client}; Path=/; HttpOnly; Secure; SameSite=Lax`);
      response.headers.append("set-cookie", `__client_uat=${Math.floor(now() / 1000)}; Path=/; Secure`);
    }
    return response;
  };

  const clerk = async (seen: Seen, kind: "client" | "tokens", session: string): Promise<Response> => {
    const account = byCookie(seen.headers["cookie"] ?? "");
    seen.account = account?.name;
    if (seen.headers["origin"] !== "https://cto.new") return wrong(400, "a Clerk call without the site's Origin");
    if (!seen.query["__clerk_api_version"]) return wrong(400, "a Clerk call without its version");
    if (!account) return dressed(clerkRefuses(401, "signed_out"), undefined, kind);
    account.clerkPeak = Math.max(account.clerkPeak, ++account.clerkNow);
    try {
      const scripted = await account.take(kind)?.(seen);
      if (scripted) return dressed(scripted, account, kind);
      const answer = kind === "client" ? clientOf(account) : token(seen, account, session);
      return dressed(answer, account, kind);
    } finally {
      account.clerkNow--;
    }
  };

  const clientOf = (account: SimAccount): Response =>
    Response.json({
      response: {
        object: "client",
        id: `client_${account.name}`,
        sessions: account.sessions.map(({ id, status, user, organisation }) => ({
          object: "session",
          id,
          status,
          last_active_organization_id: account.lastActiveOrganisation,
          user: { id: user, organization_memberships: organisation ? [{ organization: { id: organisation } }] : [] },
          last_active_token: { object: "token", jwt: jwt({ sid: id, exp: 1, first: true }) },
        })),
        last_active_session_id: account.lastActiveSession,
      },
      client: null,
    });

  const token = (seen: Seen, account: SimAccount, sessionId: string): Response => {
    const session = account.sessions.find(({ id, status }) => id === sessionId && status === "active");
    if (!session) return clerkRefuses(404, "resource_not_found");
    if (!/urlencoded/.test(seen.headers["content-type"] ?? "")) return wrong(400, "a token call that is no form");
    const organisation = new URLSearchParams(seen.body).get("organization_id");
    if (organisation && organisation !== session.organisation)
      return clerkRefuses(404, "organization_not_found_or_unauthorized");
    const iat = Math.floor(now() / 1000);
    const o = organisation ? { o: { id: organisation, rol: "admin" } } : {};
    const made = jwt({ v: 2, n: ++tokens, iat, nbf: iat, exp: iat + 60, sid: session.id, sub: session.user, ...o });
    issued.set(made, account.name);
    return Response.json({ object: "token", jwt: made });
  };

  /** The account whose token a REST call or a v2 socket carries; undefined when it has lapsed or was never issued. */
  const byToken = (made: string): SimAccount | undefined => {
    const account = accounts.get(issued.get(made) ?? "");
    const payload = JSON.parse(Buffer.from(made.split(".")[1] ?? "e30", "base64url").toString()) as { exp?: number };
    return account && (payload.exp ?? 0) * 1000 > now() ? account : undefined;
  };

  const rest = async (seen: Seen, kind: Kind | undefined, id: string): Promise<Response> => {
    const account = byToken((seen.headers["authorization"] ?? "").replace(/^Bearer /, "") || "x.e30.x");
    seen.account = account?.name;
    if (!kind) return wrong(404, `no such path: ${seen.method} ${seen.path}`);
    if (seen.headers["origin"] !== "https://cto.new") return wrong(400, `${seen.path} without the site's Origin`);
    if (!account) return Response.json({ message: "Unauthorized", statusCode: 401 }, { status: 401 });
    const scripted = account.take(kind);
    if (scripted) return scripted(seen);
    if (kind === "billing") return Response.json({ currentBillingTier: account.tier, ...account.billing });
    if (kind === "delete") {
      account.deleted.push(id);
      return new Response(null, { status: forgotten.has(id) ? 404 : 204 });
    }
    const notHere = () => Response.json({ message: "Not Found", statusCode: 404 }, { status: 404 });
    if (kind === "chat") return postTurn(seen, account);
    if (protocol === "v1") return notHere();
    if (kind === "adapters") return options.adapters ? Response.json({ chatAdapters: options.adapters }) : notHere();
    const body = JSON.parse(seen.body) as Record<string, unknown>;
    if (kind === "create") {
      if (typeof body["projectName"] !== "string") return wrong(400, "body must have required property projectName");
      const projectId = `proj_${account.name}_${account.projects.size + 1}`;
      account.projects.add(projectId);
      const workspace = { workspaceId: `ws_${account.name}`, workspaceName: "scratch" };
      return Response.json({ message: "ok", projectId, projectShortCode: "P1", ...workspace }, { status: 201 });
    }
    if (kind === "model") {
      if (typeof body["modelKey"] !== "string") return wrong(500, "body must have required property modelKey");
      account.preferredModel = body["modelKey"];
      return new Response(null, { status: 204 });
    }
    if (body["surface"] !== "ENGINE_AGENT") return wrong(400, "offers without their surface");
    return Response.json({ offers: [] });
  };

  const postTurn = (seen: Seen, account: SimAccount): Response => {
    const body = JSON.parse(seen.body) as Record<string, unknown>;
    const { chatHistoryId, prompt, adapterName } = body;
    if (typeof prompt !== "string" || typeof chatHistoryId !== "string") return wrong(400, "a turn without its prompt");
    if (protocol === "v2") {
      if (body["encoded"] !== true) return Response.json({ message: "prompt must be encoded" }, { status: 400 });
      if (!account.projects.has(chatHistoryId)) return Response.json({ message: "Not Found" }, { status: 404 });
    } else {
      if (body["encoded"]) return wrong(400, "base64 for a v1 server");
      if (typeof adapterName !== "string") return wrong(400, "body must have required property adapterName");
    }
    if (forgotten.has(chatHistoryId)) return Response.json({ message: "Not Found" }, { status: 404 });
    const listeners = [...peers].filter((peer) => peer.data.chatHistoryId === chatHistoryId);
    turns.push({
      chatHistoryId,
      prompt: protocol === "v2" ? Buffer.from(prompt, "base64").toString() : prompt,
      model: protocol === "v2" ? account.preferredModel : String(adapterName),
      account: account.name,
      subscribed: listeners.length > 0,
    });
    const steps = account.takeTurn();
    changed();
    // Whoever listens now hears the turn; the others have missed it.
    if (steps) for (const peer of listeners) void play(peer, steps);
    return protocol === "v2" ? new Response(null, { status: 202 }) : Response.json({ ok: true }, { status: 200 });
  };

  const play = async (peer: Peer, steps: readonly Step[]): Promise<void> => {
    const gone = new Promise<void>((resolve) => {
      const watcher = () => {
        if (peers.has(peer)) return;
        watchers.delete(watcher);
        resolve();
      };
      watchers.add(watcher);
      watcher();
    });
    for (const step of steps) {
      if (!peers.has(peer)) return;
      if ("frame" in step) peer.send(JSON.stringify(step.frame));
      else if ("text" in step) peer.send(step.text);
      else if ("gate" in step) await step.gate.pass(gone);
      else if ("close" in step) peer.close(step.close);
      else if ("break" in step) peer.terminate();
      else await step.run();
    }
  };

  const handshake = async (seen: Seen, id: string): Promise<Response | Line> => {
    const [user = "", organisation] = (seen.query["token"] ?? "").split(":");
    const account = [...accounts.values()].find(({ sessions }) => sessions.some((session) => session.user === user));
    seen.account = account?.name;
    const scripted = await account?.take("socket")?.(seen);
    if (scripted) return scripted;
    if (!account) return new Response("", { status: 401 });
    if (options.sockets === "cookies" && byCookie(seen.headers["cookie"] ?? "") !== account)
      return new Response("", { status: 401 });
    if (protocol === "v2" && options.sockets !== "any") {
      const { __session: session = "" } = Object.fromEntries(
        (seen.headers["cookie"] ?? "")
          .split("; ")
          .map((pair) => [pair.split("=")[0] ?? "", pair.slice(pair.indexOf("=") + 1)]),
      );
      if (!account.sessions.some((other) => other.organisation === organisation))
        return new Response("", { status: 403 });
      if (byToken(session) !== account || byCookie(seen.headers["cookie"] ?? "") !== account)
        return new Response("", { status: 401 });
      if (seen.query["workspaceId"] !== `ws_${account.name}`) return new Response("", { status: 403 });
    }
    return { chatHistoryId: id, account: account.name };
  };

  const server = Bun.serve<Line>({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request, self) {
      const { pathname, searchParams } = new URL(request.url);
      const route = ROUTES.find(([, method, path]) => method === request.method && path.test(pathname));
      const [kind, , path] = route ?? [];
      const id = decodeURIComponent(path?.exec(pathname)?.[1] ?? "");
      const seen: Seen = {
        kind,
        method: request.method,
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
        account: undefined,
      };
      requests.push(seen);
      changed();
      if (kind === "client" || kind === "tokens") return clerk(seen, kind, id);
      if (kind !== "socket") return rest(seen, kind, id);
      const line = await handshake(seen, id);
      if (line instanceof Response) return line;
      return self.upgrade(request, { data: line }) ? undefined : new Response("", { status: 400 });
    },
    websocket: {
      open(peer) {
        peers.add(peer);
        // Every connection begins with an idle state, long before its own turn.
        const idle: Step = { frame: { type: "state", state: { inProgress: false, cancelled: false } } };
        if (!options.silent) void play(peer, [...(options.greeting ?? []), idle, ...(options.replay ?? [])]);
        changed();
      },
      message(peer, text) {
        heard.push(String(text));
        if (String(text) === "ping") peer.send("pong");
        else violations.push("a client message other than ping");
        changed();
      },
      close(peer, code) {
        peers.delete(peer);
        closes.push(code);
        changed();
      },
    },
  });

  const stop = () => server.stop(true);
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    turns,
    violations,
    heard,
    closes,
    openSockets: () => peers.size,
    account(name) {
      const known = accounts.get(name) ?? new SimAccount(name);
      accounts.set(name, known);
      return known;
    },
    count: (kind) => requests.filter((seen) => seen.kind === kind).length,
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
    forget: (chatHistoryId) => void forgotten.add(chatHistoryId),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
