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
/** Of kept chats beyond the number, those used longest ago are forgotten. */
const MOST_KEPT = 20_000;
const SWEEP_MS = 3_600_000;
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
  /** A kept chat that nobody went on with for so long is forgotten. */
  readonly keptIdleMs: () => number;
}

/** The chat of one turn. */
export interface HeldChat {
  readonly chat: UpstreamChat;
  /**
   * The turn is over: the chat is kept under `key`, the hash of the history it holds now, or will be deleted; another is
   * made ready when the account works.
   */
  release(worked: boolean, key?: string): void;
}

/** A chat that was kept for the follow-up of its history, taken for one turn. */
export type KeptChat = Pick<ConversationRecord, "upstreamId" | "accountId" | "key" | "dueAt">;

export interface TakeOptions {
  /** A new chat, because the upstream has lost another. */
  readonly fresh?: boolean;
  /** Already holds all but the messages of this turn. */
  readonly kept?: KeptChat | undefined;
}

interface Chat {
  readonly id: string;
  readonly accountId: string;
  /** False for a caller's own account. */
  readonly stored: boolean;
  readonly keeping: ChatKeeping<unknown>;
  /** Resolves when its row is committed; undefined when it is, or when there is none. */
  saved?: Promise<void> | undefined;
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
 * are used, so that a crash leaves none behind. Where a provider says so, a chat is kept instead of deleted, and found
 * again by the history it holds.
 */
export class Conversations {
  readonly #deps: ConversationDeps;
  readonly #ready = new Map<string, ReadyChat>();
  readonly #timers = new Set<() => void>();
  readonly #closing = new AbortController();
  /** One for each call in the background. */
  readonly #working = new Set<AbortController>();

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
  }

  /** Takes up the chats that an earlier process left behind. Call it once, before the first turn. */
  async recover(): Promise<void> {
    const { store, clock, random } = this.#deps;
    for (const row of await store.all()) {
      if (row.state === "kept") continue;
      const chat = this.#restored(row);
      if (!chat) store.drop(row.accountId, row.upstreamId);
      else {
        const waitMs = Math.max(row.dueAt - clock.now(), 0) + random() * RECOVERY_SPREAD_MS;
        this.#later(waitMs, () => this.#remove(chat, row.tries));
      }
    }
    await this.#sweep();
  }

  /** The chat that holds this history, for one turn; undefined when there is none. Give it back, or take it. */
  async claim(key: string): Promise<KeptChat | undefined> {
    try {
      return await this.#deps.store.claim(key, this.#deps.clock.now());
    } catch (error) {
      // Without it the turn sends its whole history to a new chat.
      this.#deps.log.warn("chat-unclaimed", { reason: toGatewayError(error).message });
      return undefined;
    }
  }

  /** Keeps a claimed chat as it was: its account could not be had. */
  async giveBack({ upstreamId, accountId, key, dueAt }: KeptChat): Promise<void> {
    await this.#unharmed(this.#deps.store.put({ upstreamId, accountId, key, dueAt, state: "kept", tries: 0 }));
  }

  /**
   * A chat for one turn of this lease: the kept one, else the ready one, else a new one.
   * @throws GatewayError what `open` throws
   */
  async take(
    lease: Lease,
    model: string,
    signal: AbortSignal,
    log: Log,
    options: TakeOptions = {},
  ): Promise<HeldChat | undefined> {
    const keeping = lease.provider.chats;
    if (!keeping || !lease.account) return undefined;
    const { kept, fresh } = options;
    const key = readyKey(lease.account.id, model);
    const ready = fresh || kept ? undefined : this.#ready.get(key);
    if (ready) {
      this.#ready.delete(key);
      ready.cancelIdle();
    }
    const chat = kept
      ? this.#chatOf(lease, keeping, kept.upstreamId)
      : ((await ready?.opened) ??
        // To its end also when whoever asked leaves: cut short, it would stay at the upstream under an id nobody knows.
        (await this.#inBackground((own) => this.#open(lease, keeping, model, own, log, "busy"), signal)));
    if (chat.saved) {
      this.#deps.store.hurry();
      await chat.saved;
    }
    const release = (worked: boolean, history?: string): void => {
      if (worked) this.#makeReady(lease, keeping, model, log);
      if (worked && history !== undefined && isKept(chat)) {
        const dueAt = this.#deps.clock.now() + this.#deps.keptIdleMs();
        void this.#put(chat, { state: "kept", key: history, dueAt, tries: 0 });
        return;
      }
      const [least, most] = keeping.deleteDelayMs;
      this.#later(least + this.#deps.random() * (most - least), () => this.#remove(chat, 0));
    };
    // Whoever asked may have given up meanwhile; the chat is there all the same.
    if (signal.aborted) {
      release(false);
      throw toGatewayError(signal.reason);
    }
    return { chat: { id: chat.id, continued: kept !== undefined }, release };
  }

  /** Stops what runs in the background. What is still to be deleted stands in the store. */
  close(): void {
    const stopping = new GatewayError("stopping", "The gateway is stopping.");
    this.#closing.abort(stopping);
    for (const controller of this.#working) controller.abort(stopping);
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
    const chat = this.#chatOf(lease, keeping, await keeping.open(lease.context(signal, log), model));
    chat.saved = this.#put(chat, { state, dueAt: this.#deps.clock.now(), tries: 0 }).then(() => {
      chat.saved = undefined;
    });
    return chat;
  }

  #chatOf(lease: Lease, keeping: ChatKeeping<unknown>, id: string): Chat {
    const { id: accountId = "", stored = false } = lease.account ?? {};
    return { id, accountId, stored, keeping, context: (signal) => lease.context(signal, this.#deps.log) };
  }

  /** The chat of a row; undefined when its account, or its provider's memory, is gone. */
  #restored({ upstreamId: id, accountId }: ConversationRecord): Chat | undefined {
    const { pool, log } = this.#deps;
    const keeping = pool.all().find((account) => account.id === accountId)?.provider.chats;
    return (
      keeping && { id, accountId, stored: true, keeping, context: (signal) => pool.context(accountId, signal, log) }
    );
  }

  /** Forgets kept chats that are idle for too long or too many. */
  async #sweep(): Promise<void> {
    const { store, clock, log } = this.#deps;
    try {
      const kept = (await store.all()).filter(({ state }) => state === "kept").toSorted((a, b) => b.dueAt - a.dueAt);
      const idle = kept.filter(({ dueAt }, index) => dueAt <= clock.now() || index >= MOST_KEPT);
      for (const row of idle) {
        const chat = this.#restored(row);
        if (chat) await this.#remove(chat, 0);
        else store.drop(row.accountId, row.upstreamId);
      }
    } catch (error) {
      log.warn("chats-unswept", { reason: toGatewayError(error).message });
    }
    this.#later(SWEEP_MS, () => this.#sweep());
  }

  async #remove(chat: Chat, tries: number): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      await this.#inBackground(async (signal) => {
        const context = chat.context(signal);
        if (context) await chat.keeping.remove?.(context, chat.id);
      });
      this.#drop(chat);
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

  async #put(chat: Chat, row: Pick<ConversationRecord, "state" | "dueAt" | "tries"> & { key?: string }): Promise<void> {
    if (!isStored(chat)) return;
    const { id: upstreamId, accountId } = chat;
    await this.#unharmed(this.#deps.store.put({ upstreamId, accountId, key: undefined, ...row }));
  }

  #drop(chat: Chat): void {
    if (isStored(chat)) this.#deps.store.drop(chat.accountId, chat.id);
  }

  /** Chat goes on while nothing can be stored; at worst a chat stays at the upstream. */
  async #unharmed(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      this.#deps.log.warn("chat-unsaved", { reason: toGatewayError(error).message });
    }
  }

  /** @param asker whose own deadline holds until it aborts; the one here begins then, without it at once */
  async #inBackground<T>(work: (signal: AbortSignal) => Promise<T>, asker?: AbortSignal): Promise<T> {
    const { clock } = this.#deps;
    const controller = new AbortController();
    this.#working.add(controller);
    let cancelDeadline = () => {};
    const begin = () => {
      const text = `The upstream did not answer in ${BACKGROUND_MS / 1000} s.`;
      cancelDeadline = clock.after(BACKGROUND_MS, () => controller.abort(new GatewayError("upstream-timeout", text)));
    };
    if (!asker || asker.aborted) begin();
    else asker.addEventListener("abort", begin, { once: true });
    try {
      return await work(controller.signal);
    } finally {
      asker?.removeEventListener("abort", begin);
      cancelDeadline();
      this.#working.delete(controller);
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

/** A caller's own chats are never stored, and what can neither be deleted nor kept need not be. */
function isStored({ stored, keeping }: Chat): boolean {
  return stored && (keeping.remove !== undefined || keeping.keep === "reuse");
}

function isKept({ stored, keeping }: Chat): boolean {
  return stored && keeping.keep === "reuse";
}

function readyKey(accountId: string, model: string): string {
  return `${accountId} ${model}`;
}
