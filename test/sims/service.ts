/** What the sims of OpenAI- and Anthropic-compatible services share: scripts per key, a record of calls, ways to answer. */
import type { Gate } from "./gate.ts";
import { type Exchange, startRawHttp } from "./raw-http.ts";
import { playBody, type Step, type Wire } from "./sse-body.ts";

/** One call that passed the service's own checks. */
export interface ServiceCall {
  readonly exchange: Exchange;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed JSON body; empty for GET. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answers one call; returning without an end leaves the socket silent. */
export type Behaviour = (call: ServiceCall) => Promise<void> | void;

/** How one kind of service reads its calls. */
export interface ServiceRules {
  /** Below the server's origin. */
  readonly chatPath: string;
  readonly modelsPath: string;
  /** The key of a call, "" without one. */
  keyOf(headers: Readonly<Record<string, string>>): string;
  /** What the service would refuse in a turn, in words; none for a proper one. */
  faultsOf(body: Readonly<Record<string, unknown>>): string[];
  /** The answers when nothing is scripted. */
  readonly chat: Behaviour;
  readonly models: Behaviour;
}

/** What happens to one key. */
export interface ServiceAccount {
  /** Answers the next turns, each once, in this order. */
  next(...behaviours: Behaviour[]): void;
  /** Forgets the scripts of turns that did not come. */
  clear(): void;
  /** Answers the next question for models. */
  nextModels(...behaviours: Behaviour[]): void;
  /** Turns that arrived, in order. */
  readonly turns: readonly ServiceCall[];
}

export interface ServiceSim {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  account(key: string): ServiceAccount;
  /** Turns that broke the format's rules; a test ends with none, unless it wanted some. */
  readonly violations: string[];
  /** Everything that arrived anywhere, as `POST /path`. */
  readonly hits: string[];
  /** Turns whose answer is not over. */
  openStreams(): number;
  /** Resolves once `condition` holds; looks at every turn of the event loop. */
  until(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startServiceSim(rules: ServiceRules): Promise<ServiceSim> {
  const scripts = new Map<string, { chat: Behaviour[]; models: Behaviour[]; turns: ServiceCall[] }>();
  const scriptOf = (key: string) => {
    const script = scripts.get(key) ?? { chat: [], models: [], turns: [] };
    scripts.set(key, script);
    return script;
  };
  const violations: string[] = [];
  const hits: string[] = [];
  let open = 0;

  const server = await startRawHttp(async (exchange) => {
    const { method, path, headers } = exchange.request;
    hits.push(`${method} ${path}`);
    const script = scriptOf(rules.keyOf(headers));
    const text = exchange.request.body.toString();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    const call: ServiceCall = { exchange, method, path, headers, body };
    if (path === rules.modelsPath && method === "GET") return (script.models.shift() ?? rules.models)(call);
    if (path !== rules.chatPath || method !== "POST") return json(404, { error: { message: "no such path" } })(call);
    violations.push(...rules.faultsOf(body));
    script.turns.push(call);
    open++;
    void exchange.closed.then(() => open--);
    return (script.chat.shift() ?? rules.chat)(call);
  });
  return {
    url: server.url,
    violations,
    hits,
    account: (key) => ({
      next: (...behaviours) => void scriptOf(key).chat.push(...behaviours),
      clear: () => void scriptOf(key).chat.splice(0),
      nextModels: (...behaviours) => void scriptOf(key).models.push(...behaviours),
      get turns() {
        return scriptOf(key).turns;
      },
    }),
    openStreams: () => open,
    async until(condition) {
      while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
    },
    stop: () => server.stop(),
  };
}

/** A stream of exactly these steps. */
export function stream(steps: readonly Step[], { wire, gate }: { wire?: Wire; gate?: Gate } = {}): Behaviour {
  return async ({ exchange }) => {
    await exchange.head(200, { "content-type": "text/event-stream" });
    await playBody(exchange, [...steps], wire, gate);
  };
}

/** A plain answer with any status, headers and text. */
export function plain(status: number, headers: Record<string, string>, text: string): Behaviour {
  return ({ exchange }) => exchange.answer(status, headers, text);
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  return plain(status, { "content-type": "application/json", ...headers }, JSON.stringify(body));
}

/** The head of an answer, and then nothing. */
export const silent: Behaviour = ({ exchange }) => exchange.head(200, { "content-type": "text/event-stream" });

/** The connection is reset before any answer. */
export const reset: Behaviour = ({ exchange }) => exchange.reset();
