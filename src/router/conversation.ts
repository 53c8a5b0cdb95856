import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Lease } from "../pool/lease.ts";
import type { Pool } from "../pool/pool.ts";
import type { AccountContext, ChatKeeping, UpstreamChat } from "../providers/provider.ts";
import type { ConversationRecord, Conversations as ConversationStore } from "../store/store.ts";

/** A ready chat that nobody took for so long is deleted. */
const READY_IDLE_MS = 5 * 60_000;
/** The longest an `open` or `remove` in the background may take. */
const BACKGROUND_MS = 30_000;
const MOST_TRIES = 6;
const FIRST_RETRY_MS = 30_000;
/** Deletions taken up after a restart begin within this time of each other's. */
const RECOVERY_SPREAD_MS = 10_000;

export interface ConversationDeps {
  readonly store: ConversationStore;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Keep one empty chat ready per account in use. */
  readonly ready: () => boolean;
}

/** The chat of one turn. */
export interface HeldChat {
  readonly chat: UpstreamChat;
  /** The turn is over: the chat will be deleted, and another made ready when the account works. */
  release(worked: boolean): void;
}

interface Chat {
  readonly id: string;
  readonly accountId: string;
  /** False for a caller's own account. */
  readonly stored: boolean;
  readonly keeping: ChatKeeping<unknown>;
  /** Undefined when the account is gone. */
  context(signal: AbortSignal): AccountContext<unknown> | undefined;
}

interface ReadyChat {
  /** Undefined when it could not be made. */
  readonly opened: Promise<Chat | undefined>;
  cancelIdle(): void;
}

/**
 * The chats that upstreams keep: opens one per turn, deletes it afterwards whatever became of the turn, and keeps an
 * empty one ready so that `open` costs the next client no time. Chats of stored accounts stand in the store before they
 * are used, so that a crash leaves none behind.
 */
export class Conversations {
  readonly #deps: ConversationDeps;
  readonly #ready = new Map<string, ReadyChat>();
  readonly #timers = new Set<() => void>();
  readonly #closing = new AbortController();

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
  }

  /** Takes up the chats that an earlier process left behind. Call it once, before the first turn. */
  async recover(): Promise<void> {
    const { store, pool, clock, log, random } = this.#deps;
    const providers = new Map(pool.all().map((account) => [account.id, account.provider]));
    for (const row of await store.all()) {
      if (row.state === "kept") continue;
      const keeping = providers.get(row.accountId)?.chats;
      if (!keeping) {
        await store.drop(row.accountId, row.upstreamId);
        continue;
      }
      const chat: Chat = {
        id: row.upstreamId,
        accountId: row.accountId,
        stored: true,
        keeping,
        context: (signal) => pool.context(row.accountId, signal, log),
      };
      this.#later(Math.max(row.dueAt - clock.now(), 0) + random() * RECOVERY_SPREAD_MS, () =>
        this.#remove(chat, row.tries),
      );
    }
  }

  /**
   * A chat for one turn of this lease: the ready one, or a new one. `fresh` wants a new one, because the upstream has
   * lost another.
   * @throws GatewayError what `open` throws
   */
  async take(lease: Lease, model: string, signal: AbortSignal, log: Log, fresh = false): Promise<HeldChat | undefined> {
    const keeping = lease.provider.chats;
    if (!keeping || !lease.account) return undefined;
    const key = readyKey(lease.account.id, model);
    const ready = fresh ? undefined : this.#ready.get(key);
    if (ready) {
      this.#ready.delete(key);
      ready.cancelIdle();
    }
    const chat = (await ready?.opened) ?? (await this.#open(lease, keeping, model, signal, log, "busy"));
    const release = (worked: boolean): void => {
      const [least, most] = keeping.deleteDelayMs;
      this.#later(least + this.#deps.random() * (most - least), () => this.#remove(chat, 0));
      if (worked) this.#makeReady(lease, keeping, model, log);
    };
    // Whoever asked may have given up meanwhile; the chat is there all the same.
    if (signal.aborted) {
      release(false);
      throw toGatewayError(signal.reason);
    }
    return { chat: { id: chat.id, continued: false }, release };
  }

  /** Stops what runs in the background. What is still to be deleted stands in the store. */
  close(): void {
    this.#closing.abort(new GatewayError("stopping", "The gateway is stopping."));
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #makeReady(lease: Lease, keeping: ChatKeeping<unknown>, model: string, log: Log): void {
    const { account } = lease;
    if (!keeping.ready || !account?.stored || !this.#deps.ready() || this.#closing.signal.aborted) return;
    const key = readyKey(account.id, model);
    if (this.#ready.has(key)) return;
    const opened = this.#inBackground(async (signal) => {
      try {
        return await this.#open(lease, keeping, model, signal, log, "ready");
      } catch (error) {
        // The next turn opens its own and learns what is wrong.
        log.debug("ready-chat-failed", { account: account.id, reason: toGatewayError(error).message });
        if (this.#ready.get(key) === ready) this.#ready.delete(key);
        cancelIdle();
        return undefined;
      }
    });
    const cancelIdle = this.#later(READY_IDLE_MS, async () => {
      if (this.#ready.get(key) !== ready) return;
      this.#ready.delete(key);
      const chat = await opened;
      if (chat) await this.#remove(chat, 0);
    });
    const ready: ReadyChat = { opened, cancelIdle };
    this.#ready.set(key, ready);
  }

  async #open(
    lease: Lease,
    keeping: ChatKeeping<unknown>,
    model: string,
    signal: AbortSignal,
    log: Log,
    state: "ready" | "busy",
  ): Promise<Chat> {
    const { id: accountId = "", stored = false } = lease.account ?? {};
    const id = await keeping.open(lease.context(signal, log), model);
    const chat: Chat = { id, accountId, stored, keeping, context: (own) => lease.context(own, this.#deps.log) };
    await this.#put(chat, { state, dueAt: this.#deps.clock.now(), tries: 0 });
    return chat;
  }

  async #remove(chat: Chat, tries: number): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      await this.#inBackground(async (signal) => {
        const context = chat.context(signal);
        if (context) await chat.keeping.remove?.(context, chat.id);
      });
      await this.#drop(chat);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const failed = tries + 1;
      const reason = toGatewayError(error).message;
      if (failed >= MOST_TRIES) {
        log.warn("chat-left-behind", { account: chat.stored ? chat.accountId : undefined, tries: failed, reason });
        return this.#drop(chat);
      }
      const waitMs = FIRST_RETRY_MS * 2 ** tries;
      log.debug("chat-deletion-failed", { account: chat.stored ? chat.accountId : undefined, tries: failed, reason });
      await this.#put(chat, { state: "leaving", dueAt: clock.now() + waitMs, tries: failed });
      this.#later(waitMs, () => this.#remove(chat, failed));
    }
  }

  async #put(chat: Chat, row: Pick<ConversationRecord, "state" | "dueAt" | "tries">): Promise<void> {
    if (!chat.stored || !chat.keeping.remove) return;
    const { id: upstreamId, accountId } = chat;
    await this.#unharmed(this.#deps.store.put({ upstreamId, accountId, key: undefined, ...row }));
  }

  async #drop(chat: Chat): Promise<void> {
    if (chat.stored && chat.keeping.remove) await this.#unharmed(this.#deps.store.drop(chat.accountId, chat.id));
  }

  /** Chat goes on while nothing can be stored; at worst a chat stays at the upstream. */
  async #unharmed(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      this.#deps.log.warn("chat-unsaved", { reason: toGatewayError(error).message });
    }
  }

  async #inBackground<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#deps;
    const controller = new AbortController();
    const stop = () => controller.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    const cancelDeadline = clock.after(BACKGROUND_MS, () =>
      controller.abort(
        new GatewayError("upstream-timeout", `The upstream did not answer in ${BACKGROUND_MS / 1000} s.`),
      ),
    );
    try {
      return await work(controller.signal);
    } finally {
      cancelDeadline();
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  #later(ms: number, run: () => Promise<void>): () => void {
    if (this.#closing.signal.aborted) return () => {};
    const cancel = this.#deps.clock.after(ms, () => {
      this.#timers.delete(stop);
      void run();
    });
    const stop = () => {
      this.#timers.delete(stop);
      cancel();
    };
    this.#timers.add(stop);
    return stop;
  }
}

function readyKey(accountId: string, model: string): string {
  return `${accountId} ${model}`;
}
