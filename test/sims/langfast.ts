/**
 * A LangFast for tests, over real sockets: the Supabase project as raw HTTP, the prompt runner as a Socket.IO server.
 *
 *     const sim = await startLangfastSim();
 *     sim.next("run", { status: 429, body: { error: "daily limit reached" } });   // the next call of that kind
 *     sim.play(async (run) => { run.chunk("Hel"); run.chunk("Hello", "completed"); });
 *
 * Strict where the service is: keys and tokens are checked, a parameter that the model's row lacks is refused, events go
 * to every socket of the account and are never repeated for one that comes later.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import { loadModels, type ModelTable } from "../../src/providers/langfast/models.ts";
import { AuthSim, bearer, fault, type SimReply } from "./langfast-auth.ts";
import { startRawHttp, type Exchange, type RawRequest } from "./raw-http.ts";

export type CallKind = "signup" | "refresh" | "password" | "user" | "prompt" | "run";

/** One run that was started. */
export interface SimRun {
  readonly userId: string;
  readonly runId: string;
  readonly jobId: string;
  readonly body: Record<string, unknown>;
  readonly meta: Record<string, unknown>;
  /** Emits any event to all sockets of the account. */
  emit(name: string, payload: unknown): void;
  /** A chunk with the whole text so far. */
  chunk(content: string | null, status?: string, more?: Record<string, unknown>): void;
}

type Script = (run: SimRun) => Promise<void> | void;

export interface LangfastSimOptions {
  /** Epoch ms; default the machine's clock. */
  readonly now?: () => number;
  readonly lifetimeS?: number;
  readonly pingIntervalMs?: number;
}

const ANON_KEY = "sb_publishable_sim";

/** The default answer: pieces, then the end. */
const hello: Script = (run) => {
  run.chunk("Hel");
  run.chunk("Hello");
  run.chunk("Hello", "completed", { finish_reason: "stop" });
};

export async function startLangfastSim(options: LangfastSimOptions = {}) {
  const now = options.now ?? Date.now;
  const auth = new AuthSim({ anonKey: ANON_KEY, now, lifetimeS: options.lifetimeS ?? 3600 });
  const table = loadModels({});
  const scripted = new Map<CallKind, (SimReply | ((exchange: Exchange) => Promise<void>))[]>();
  const scripts: Script[] = [];
  const calls: { kind: CallKind | "unknown"; request: RawRequest }[] = [];
  const runs: SimRun[] = [];
  const prompts: { userId: string; id: string; body: Record<string, unknown> }[] = [];
  const state = { givesJobs: true, keepsPrompts: true, handshakes: 0, refuse: undefined as string | undefined };
  const faults: unknown[] = [];

  const runner = createServer();
  const io = new Server(runner, { pingInterval: options.pingIntervalMs ?? 25_000, pingTimeout: 20_000 });
  io.use((socket, next) => {
    const { token } = socket.handshake.auth as { token?: string };
    const userId = auth.who(token);
    state.handshakes += 1;
    if (state.refuse !== undefined) return next(new Error(state.refuse));
    if (!userId) return next(new Error("Authentication error: invalid token"));
    socket.data = { userId };
    next();
  });
  io.on("connection", (socket) => void socket.join((socket.data as { userId: string }).userId));
  await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", () => resolve()));

  const startRun = (userId: string, body: Record<string, unknown>): SimReply => {
    const meta = body["prompt_meta"] as Record<string, unknown>;
    const wrong = refusalOf(meta, table);
    if (wrong) return wrong;
    const jobId = crypto.randomUUID();
    const emit = (name: string, payload: unknown): void => void io.to(userId).emit(name, payload);
    const run: SimRun = {
      userId,
      runId: String(body["run_id"]),
      jobId,
      body,
      meta,
      emit,
      chunk: (content, status = "in_progress", more = {}) =>
        emit("execution:chunk", { executionId: jobId, status, content, finish_reason: null, ...more }),
    };
    runs.push(run);
    const script = scripts.shift() ?? hello;
    // The run may be over before its caller has the answer: chunks are on their way first.
    Promise.resolve(script(run)).catch((error: unknown) => faults.push(error));
    return { status: 200, body: { run_id: run.runId, jobs: state.givesJobs ? [{ job_id: jobId }] : [] } };
  };

  const answer = (kind: CallKind | "unknown", request: RawRequest): SimReply => {
    if (!request.headers["apikey"]) return { status: 401, body: { message: "No API key found in request" } };
    if (request.headers["apikey"] !== ANON_KEY) return { status: 401, body: { message: "Invalid API key" } };
    if (kind !== "prompt" && kind !== "run") return auth.answer(request);
    const userId = auth.who(bearer(request));
    if (!userId) {
      return kind === "prompt"
        ? { status: 401, body: { code: "PGRST303", message: "JWT expired" } }
        : { status: 401, body: { code: 401, message: "Invalid JWT" } };
    }
    const body = JSON.parse(request.body.toString()) as Record<string, unknown>;
    if (kind === "prompt") {
      if (!state.keepsPrompts)
        return { status: 404, body: { code: "PGRST202", message: "Could not find the function" } };
      const id = crypto.randomUUID();
      prompts.push({ userId, id, body });
      return { status: 200, body: id };
    }
    if (body["created_by"] !== userId) return { status: 400, body: { error: "created_by must be the caller" } };
    const known = prompts.some(({ id }) => id === body["prompt_id"]) || !state.keepsPrompts;
    if (!known) return { status: 404, body: { error: "Prompt not found" } };
    return startRun(userId, body);
  };

  const http = await startRawHttp(async (exchange) => {
    const { request } = exchange;
    const kind = kindOf(request);
    calls.push({ kind, request });
    const script = kind === "unknown" ? undefined : scripted.get(kind)?.shift();
    if (typeof script === "function") return script(exchange);
    const { status, body, headers = {} } = script ?? answer(kind, request);
    const text = typeof body === "string" && headers["content-type"] ? body : JSON.stringify(body);
    await exchange.answer(status, { "content-type": "application/json", ...headers }, text);
  });

  const sockets = (): Socket[] => [...io.sockets.sockets.values()];
  return {
    url: http.url,
    socketUrl: `ws://127.0.0.1:${(runner.address() as AddressInfo).port}`,
    anonKey: ANON_KEY,
    auth,
    calls,
    runs,
    prompts,
    state,
    sockets,
    count: (kind: CallKind) => calls.filter((call) => call.kind === kind).length,
    /** How the next call of this kind is answered: a reply, or an exchange to do with as one likes. */
    next(kind: CallKind, reply: SimReply | ((exchange: Exchange) => Promise<void>)): void {
      scripted.set(kind, [...(scripted.get(kind) ?? []), reply]);
    },
    /** What the next run does. */
    play: (script: Script): void => void scripts.push(script),
    /** Breaks every socket's connection; `once` a client is back, it is in its rooms again. */
    drop(): void {
      for (const socket of sockets()) socket.conn.close();
    },
    /** Resolves at the next connection that is taken. */
    connected: () => new Promise<void>((resolve) => io.once("connection", () => resolve())),
    async stop(): Promise<void> {
      await io.close();
      await http.stop();
      if (faults.length > 0) throw faults[0];
    },
  };
}

function kindOf({ path, query }: RawRequest): CallKind | "unknown" {
  if (path === "/auth/v1/signup") return "signup";
  if (path === "/auth/v1/user") return "user";
  if (path === "/auth/v1/token") return query.get("grant_type") === "password" ? "password" : "refresh";
  if (path === "/rest/v1/rpc/create_prompt") return "prompt";
  return path === "/functions/v1/initiate-prompt-run" ? "run" : "unknown";
}

/** What the service has against a `prompt_meta`. */
function refusalOf(meta: Record<string, unknown>, table: ModelTable): SimReply | undefined {
  const row = table.rows.find(({ slug }) => slug === meta["model"]);
  if (!row) return { status: 400, body: { error: `Model ${String(meta["model"])} not found` } };
  for (const name of Object.keys(meta)) {
    if (name === "model" || name === "messages" || row.takes.has(name)) continue;
    return { status: 400, body: { error: `Unsupported parameter: '${name}' is not supported with this model.` } };
  }
  const messages = meta["messages"] as { role: string; content: unknown }[];
  const stray = messages.find(({ role, content }) => !row.roles.includes(role) || typeof content !== "string");
  if (stray) return { status: 400, body: { error: `Unsupported value: 'messages' does not support '${stray.role}'` } };
  const limit = meta["max_completion_tokens"];
  if (typeof limit === "number" && limit > (row.maxTokens ?? 0))
    return fault(400, "", "max_completion_tokens is too large");
  return undefined;
}
