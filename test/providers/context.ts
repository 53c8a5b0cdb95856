/** What a provider gets for one account in tests: a real fetch, time that stands still, and a record of what it kept. */
import type { ChatRequest, Message } from "../../src/chat/request.ts";
import type { UpstreamEvent, UpstreamStream } from "../../src/chat/event.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import type { AccountContext, TurnContext } from "../../src/providers/provider.ts";
import { createUpstreamFetch } from "../../src/providers/upstream-fetch.ts";
import { VirtualClock } from "../virtual-clock.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

export interface TestContext<C> extends AccountContext<C> {
  readonly clock: VirtualClock;
  /** Every value given to `remember`. */
  readonly remembered: unknown[];
  /** Every credential given to `save`. */
  readonly saved: C[];
  /** The same account with a chat and model. */
  turn(model: string, chatId?: string): TurnContext<C> & { clock: VirtualClock };
}

export interface TestContextOptions {
  readonly memory?: unknown;
  readonly signal?: AbortSignal;
  readonly clock?: VirtualClock;
  /** The clock of the connect deadline; by default it stands still. */
  readonly fetchClock?: Clock;
}

/** A context for `credential`; `memory` is what an earlier turn remembered. */
export function testContext<C>(credential: C, options: TestContextOptions = {}): TestContext<C> {
  const clock = options.clock ?? new VirtualClock();
  const remembered: unknown[] = [];
  const saved: C[] = [];
  const context: AccountContext<C> & { clock: VirtualClock } = {
    account: { id: "acc_1", label: "cat", credential, memory: options.memory, userAgent: "TestBrowser/1.0" },
    fetch: createUpstreamFetch({ clock: options.fetchClock ?? clock, connectMs: 10_000 }),
    clock,
    signal: options.signal ?? new AbortController().signal,
    log: silent,
    async save(next) {
      saved.push(next);
    },
    renew: (stale) => Promise.resolve(stale),
    remember: (memory) => void remembered.push(memory),
  };
  return {
    ...context,
    remembered,
    saved,
    turn: (model, chatId) => ({
      ...context,
      model,
      ...(chatId === undefined ? {} : { chat: { id: chatId, continued: false } }),
    }),
  };
}

/** A request with defaults: one user message. */
export function chatRequest(text: string, over: Partial<ChatRequest> = {}): ChatRequest {
  const message: Message = { role: "user", parts: [{ type: "text", text }] };
  return {
    id: "req_1",
    receivedAt: 0,
    messages: [message],
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: true,
    sampling: {},
    stop: [],
    reasoning: {},
    responseFormat: { type: "text" },
    stream: true,
    includeUsage: false,
    ...over,
  };
}

/** What a stream said, and what it threw. */
export interface Told {
  readonly text: string;
  readonly reasoning: string;
  readonly events: UpstreamEvent[];
  readonly end: Extract<UpstreamEvent, { type: "end" }> | undefined;
  readonly error: unknown;
}

/** Reads a stream to its end or its error. */
export async function listen(stream: UpstreamStream): Promise<Told> {
  const events: UpstreamEvent[] = [];
  let error: unknown;
  try {
    for await (const batch of stream) events.push(...batch);
  } catch (thrown) {
    error = thrown;
  }
  const joined = (type: "text-delta" | "reasoning-delta") =>
    events.reduce((text, event) => (event.type === type ? text + event.text : text), "");
  const end = events.find((event) => event.type === "end");
  return { text: joined("text-delta"), reasoning: joined("reasoning-delta"), events, end, error };
}
