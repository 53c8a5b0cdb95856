import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect } from "../../src/chat/collect.ts";
import { GatewayError } from "../../src/chat/error.ts";
import { textOf, type ChatRequest } from "../../src/chat/request.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { FetchImage } from "../../src/lib/fetch-image.ts";
import type { Log, LogFields } from "../../src/lib/log.ts";
import { Pool, type PoolDeps, type PoolSettings } from "../../src/pool/pool.ts";
import { UsageSync } from "../../src/pool/usage-sync.ts";
import type { Provider } from "../../src/providers/provider.ts";
import { createUpstreamFetch } from "../../src/providers/upstream-fetch.ts";
import { Conversations } from "../../src/router/conversation.ts";
import { Resolver, type ResolverDeps } from "../../src/router/resolve.ts";
import { Router, type Answer, type RouterSettings, type RunOptions } from "../../src/router/run.ts";
import { openStore } from "../../src/store/open.ts";
import { VirtualClock } from "../virtual-clock.ts";

export interface Line extends LogFields {
  readonly event: string;
}

export const request: ChatRequest = {
  id: "req_test",
  receivedAt: 0,
  model: "model",
  messages: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }],
  tools: [],
  toolChoice: { type: "auto" },
  parallelToolCalls: true,
  sampling: {},
  stop: [],
  reasoning: {},
  responseFormat: { type: "text" },
  stream: true,
  includeUsage: false,
};

export interface WorldOptions {
  readonly providers: readonly Provider[];
  readonly dataDir?: string;
  readonly clock?: VirtualClock;
  readonly pool?: Partial<PoolSettings>;
  readonly router?: Partial<RouterSettings>;
  readonly createFetch?: PoolDeps["createFetch"];
  readonly proxy?: PoolDeps["proxy"] & object;
  readonly resolver?: Partial<ResolverDeps>;
  readonly ready?: boolean;
  /** Default: no image may be fetched. */
  readonly fetchImage?: FetchImage;
}

/** A pool and a router over a real database and fake time. */
export async function openWorld(options: WorldOptions) {
  const clock = options.clock ?? new VirtualClock();
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "sluice-router-")));
  const lines: Line[] = [];
  const log = logInto(lines);
  const { store } = await openStore({ dataDir, clock, log });
  const poolSettings: PoolSettings = {
    strategy: () => "sticky",
    rotationUses: 3,
    rotationMaxFailures: 5,
    queueMs: 30_000,
    concurrency: 2,
    longestProbePauseMs: 3_600_000,
    breaker: { failures: 5, windowMs: 30_000, openMs: 30_000 },
    userAgents: "account",
    ...options.pool,
  };
  const routerSettings: RouterSettings = {
    maxAttempts: 3,
    firstEventMs: undefined,
    idleMs: 180_000,
    turnMs: undefined,
    rotationUses: 3,
    rotationMaxFailures: 5,
    ...options.router,
  };
  const random = () => 0;
  const pool = await Pool.open({
    store,
    providers: options.providers,
    clock,
    log,
    userAgents: ["Browser 1", "Browser 2", "Browser 3"],
    random,
    settings: () => ({ ...poolSettings, ...options.pool }), // a test may change its own while the pool runs
    createFetch: options.createFetch ?? (() => plainFetch),
    ...(options.proxy ? { proxy: options.proxy } : {}),
  });
  const everyMs = () => 600_000;
  const usage = new UsageSync({ books: pool.books, accounts: () => pool.all(), clock, log, random, everyMs });
  const ready = () => options.ready ?? false;
  const keptIdleMs = () => 72 * 3_600_000;
  const conversations = new Conversations({ store: store.conversations, pool, clock, log, random, ready, keptIdleMs });
  await conversations.recover();
  const resolver = new Resolver({
    providers: options.providers,
    defaultModel: () => "model",
    knownModels: () => undefined,
    accountModels: (name) => pool.models(name),
    services: () => pool.services(),
    revision: () => pool.revision,
    ...options.resolver,
  });
  const router = new Router({
    pool,
    resolver,
    conversations,
    attempts: store.attempts,
    clock,
    log,
    fetchImage: options.fetchImage ?? (() => Promise.reject(new Error("no image is to be fetched"))),
    settings: () => routerSettings,
  });
  const never = new AbortController().signal;

  const run = (over: Partial<RunOptions> = {}, asked: Partial<ChatRequest> = {}): Promise<Answer> =>
    router.run({ ...request, ...asked }, { signal: never, dialect: "openai-chat", caller: { kind: "open" }, ...over });

  return {
    clock,
    store,
    pool,
    usage,
    router,
    conversations,
    resolver,
    lines,
    dataDir,
    run,
    /** The whole answer's text, or the kind of failure. */
    async ask(over: Partial<RunOptions> = {}, asked: Partial<ChatRequest> = {}): Promise<string> {
      try {
        const { stream } = await run(over, asked);
        const { parts } = await collect(stream);
        return textOf(parts.filter((part) => part.type === "text"));
      } catch (error) {
        return error instanceof GatewayError ? error.kind : String(error);
      }
    },
    add: (words: string, provider = options.providers[0]?.name ?? "") => pool.roster.add(provider, words.split(",")),
    view(label: string) {
      const view = pool.views().find((each) => each.label === label || each.hint === `…${label}`);
      if (!view) throw new Error(`no account ${label}`);
      return view;
    },
    /** Stops as a program does that ends well. */
    async close() {
      await conversations.close();
      await pool.close();
      await store.close();
    },
    async [Symbol.asyncDispose]() {
      await conversations.close();
      await pool.close();
      await store.close().catch(() => {});
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const plainFetch = createUpstreamFetch({ clock: systemClock, connectMs: 10_000 });

function logInto(lines: Line[], more: LogFields = {}): Log {
  const write = (event: string, fields: LogFields = {}) => void lines.push({ event, ...more, ...fields });
  return {
    debug: write,
    info: write,
    warn: write,
    error: write,
    with: (fields) => logInto(lines, { ...more, ...fields }),
  };
}
