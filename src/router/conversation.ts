import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { Abortable, Aborter } from "../lib/abort.ts";
import { Agenda, type Due } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Lease } from "../pool/lease.ts";
import type { Pool } from "../pool/pool.ts";
import type { ChatKeeping, UpstreamChat } from "../providers/provider.ts";
import type { ConversationRecord, Conversations as ConversationStore } from "../store/store.ts";
import { Background } from "./background.ts";
import { Chat, type ChatKeeper, type ChatUse, type HeldChat, type Speaker } from "./chat.ts";

/** A ready chat that nobody took for so long is deleted. */
const READY_IDLE_MS = 5 * 60_000;
const MOST_TRIES = 6;
const FIRST_RETRY_MS = 30_000;
/** Of kept chats beyond the number, those used longest ago are forgotten. */
const MOST_KEPT = 20_000;
const SWEEP_MS = 3_600_000;
/** How long the last deletions may take when the gateway stops. */
const LAST_DELETIONS_MS = 2000;
/** Deletions taken up after a restart begin so long after each other, or sooner where the last would wait too long. */
const RECOVERY_PACE_MS = 20;
const LONGEST_RECOVERY_MS = 10_000;

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

/** A chat that was kept for the follow-up of its history, taken for one turn. */
export type KeptChat = Pick<ConversationRecord, "upstreamId" | "accountId" | "key" | "dueAt">;

export interface TakeOptions {
  /** A new chat, because the upstream has lost another. */
  readonly fresh?: boolean;
  /** Already holds all but the messages of this turn. */
  readonly kept?: KeptChat | undefined;
}

/** An empty chat of one account and model that waits for a turn. */
class ReadyChat implements Due {
  readonly key: string;
  readonly #unused: (ready: ReadyChat) => void;
  /** Undefined until it is there. */
  chat: Chat | undefined;
  /** Gives undefined when it could not be made. */
  opened: Promise<Chat | undefined> | undefined;
  dueAt = 0;
  place = -1;

  constructor(key: string, unused: (ready: ReadyChat) => void) {
    this.key = key;
    this.#unused = unused;
  }

  due(): void {
    this.#unused(this);
  }
}

/** What was last done with a chat, and what is next. */
type Stage = Pick<ConversationRecord, "state" | "dueAt"> & { readonly key?: string };

/**
 * The chats that upstreams keep: opens one per turn, deletes it afterwards whatever became of the turn, and keeps an
 * empty one ready so that `open` costs the next client no time: the next one is made while its account works. Chats of
 * stored accounts stand in the store before they are used, so that a crash leaves none behind. Where a provider says so,
 * a chat is kept instead of deleted, and found again by the history it holds.
 */
export class Conversations implements ChatKeeper {
  readonly #deps: ConversationDeps;
  readonly #agenda: Agenda;
  readonly #background: Background;
  readonly #ready = new Map<string, ReadyChat>();
  /** Chats of callers' own accounts that are still to be deleted: no restart would find them. */
  readonly #unstored = new Set<Chat>();
  #cancelSweep = (): void => {};
  #closed = false;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#agenda = new Agenda(deps.clock);
    this.#background = new Background(this.#agenda);
  }

  /** Takes up the chats that an earlier process left behind. Call it once, before the first turn. */
  async recover(): Promise<void> {
    const { store, clock } = this.#deps;
    const rows = (await store.all()).filter(({ state }) => state !== "kept");
    const paceMs = Math.min(RECOVERY_PACE_MS, LONGEST_RECOVERY_MS / rows.length);
    for (const [index, row] of rows.entries()) {
      const chat = this.#restored(row);
      if (!chat) store.drop(row.accountId, row.upstreamId);
      else {
        const waitMs = Math.max(row.dueAt - clock.now(), 0) + index * paceMs;
        this.#agenda.add(chat, waitMs);
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
    try {
      await this.#deps.store.put({ upstreamId, accountId, key, dueAt, state: "kept", tries: 0 });
    } catch (error) {
      this.#unsaved(error);
    }
  }

  /**
   * A chat for one turn: the kept one, else the ready one, else a new one. Undefined where the upstream keeps none.
   * Whoever no longer waits for it must `abandon` it.
   * @param signal ends the opening
   * @throws GatewayError what `open` throws
   */
  take(use: ChatUse, signal: Abortable, options: TakeOptions): HeldChat | Promise<HeldChat> | undefined {
    const { lease, model } = use;
    const keeping = lease.provider.chats;
    if (!keeping || !lease.account) return undefined;
    const { kept, fresh } = options;
    if (kept) return this.#chatOf(lease, keeping, { id: kept.upstreamId, continued: true }).heldFor(use);
    const ready = fresh ? undefined : this.#ready.get(readyKey(lease.account.id, model));
    if (ready) {
      this.#forget(ready);
      // The account has worked before: the next chat is made while this turn runs, but not before it is sent.
      setImmediate(() => this.#makeReady(use, keeping));
    }
    return ready?.chat && !ready.chat.saved ? ready.chat.heldFor(use) : this.#acquire(use, keeping, signal, ready);
  }

  /**
   * Whoever took a chat gives up before it is there. It is opened to its end all the same, and then deleted: cut short, it
   * would stay at the upstream under an id nobody knows.
   * @param aborter with which it was taken
   */
  abandon(taken: Promise<HeldChat>, aborter: Aborter): void {
    this.#background.takeOver(taken, aborter);
    taken.then(
      (held) => held.release(false),
      (error: unknown) => this.#deps.log.debug("chat-unopened", { reason: toGatewayError(error).message }),
    );
  }

  /** Stops what runs in the background. What is still to be deleted stands in the store, or is deleted now. */
  async close(): Promise<void> {
    if (this.#unstored.size > 0) await this.#removeUnstored();
    this.#closed = true;
    this.#agenda.close();
    this.#cancelSweep();
    this.#background.stop(new GatewayError("stopping", "The gateway is stopping."));
  }

  released(chat: Chat, use: ChatUse, worked: boolean, key: string | undefined): void {
    if (worked) this.#makeReady(use, chat.keeping);
    if (worked && key !== undefined && chat.isKept) {
      const dueAt = this.#deps.clock.now() + this.#deps.keptIdleMs();
      void this.#put(chat, { state: "kept", key, dueAt });
      return;
    }
    if (!chat.stored && chat.keeping.remove) this.#unstored.add(chat);
    const { deleteDelayMs } = chat.keeping;
    const least = deleteDelayMs[0]; // not taken apart as a list is: that alone kept all this from being compiled
    this.#agenda.add(chat, least + this.#deps.random() * (deleteDelayMs[1] - least));
  }

  leaves(chat: Chat): void {
    void this.#remove(chat);
  }

  async #acquire(
    use: ChatUse,
    keeping: ChatKeeping<unknown>,
    signal: Abortable,
    ready: ReadyChat | undefined,
  ): Promise<HeldChat> {
    const chat = (await ready?.opened) ?? (await this.#open(use, keeping, signal, "busy"));
    if (chat.saved) await chat.saved;
    return chat.heldFor(use);
  }

  #makeReady(use: ChatUse, keeping: ChatKeeping<unknown>): void {
    const { account } = use.lease;
    if (!keeping.ready || !account?.stored || !this.#deps.ready() || this.#closed) return;
    const key = readyKey(account.id, use.model);
    if (this.#ready.has(key)) return;
    const ready = new ReadyChat(key, this.#unused);
    this.#ready.set(key, ready);
    this.#agenda.add(ready, READY_IDLE_MS);
    ready.opened = this.#fill(ready, use, keeping);
  }

  #fill(ready: ReadyChat, use: ChatUse, keeping: ChatKeeping<unknown>): Promise<Chat | undefined> {
    return this.#open(use, keeping, this.#background.signal, "ready").then(
      (chat) => (ready.chat = chat),
      (error: unknown) => {
        // The next turn opens its own and learns what is wrong.
        const reason = toGatewayError(error).message;
        use.log.debug("ready-chat-failed", { account: use.lease.account?.id, reason });
        this.#forget(ready);
        return undefined;
      },
    );
  }

  #forget(ready: ReadyChat): void {
    this.#agenda.remove(ready);
    if (this.#ready.get(ready.key) === ready) this.#ready.delete(ready.key);
  }

  readonly #unused = (ready: ReadyChat): void => {
    this.#forget(ready);
    void ready.opened?.then((chat) => chat && this.#remove(chat));
  };

  async #open(
    { lease, model, log }: ChatUse,
    keeping: ChatKeeping<unknown>,
    signal: Abortable,
    state: "ready" | "busy",
  ): Promise<Chat> {
    const id = await keeping.open(lease.context(signal, log), model);
    const chat = this.#chatOf(lease, keeping, { id, continued: false });
    void this.#put(chat, { state, dueAt: this.#deps.clock.now() });
    return chat;
  }

  #chatOf(lease: Lease, keeping: ChatKeeping<unknown>, upstream: UpstreamChat): Chat {
    return new Chat(upstream, lease.account, keeping, lease, this);
  }

  /** The chat of a row; undefined when its account, or its provider's memory, is gone. */
  #restored({ upstreamId: id, accountId, tries }: ConversationRecord): Chat | undefined {
    const { pool } = this.#deps;
    const keeping = pool.all().find((account) => account.id === accountId)?.provider.chats;
    if (!keeping) return undefined;
    const speaker: Speaker = { context: (signal, log) => pool.context(accountId, signal, log) };
    const chat = new Chat({ id, continued: false }, { id: accountId, stored: true }, keeping, speaker, this);
    chat.tries = tries;
    return chat;
  }

  /** Forgets kept chats that are idle for too long or too many. */
  async #sweep(): Promise<void> {
    const { store, clock, log } = this.#deps;
    try {
      const kept = (await store.all()).filter(({ state }) => state === "kept").toSorted((a, b) => b.dueAt - a.dueAt);
      const idle = kept.filter(({ dueAt }, index) => dueAt <= clock.now() || index >= MOST_KEPT);
      for (const row of idle) {
        const chat = this.#restored(row);
        if (chat) await this.#remove(chat);
        else store.drop(row.accountId, row.upstreamId);
      }
    } catch (error) {
      log.warn("chats-unswept", { reason: toGatewayError(error).message });
    }
    if (!this.#closed) this.#cancelSweep = clock.after(SWEEP_MS, () => void this.#sweep());
  }

  async #remove(chat: Chat): Promise<void> {
    try {
      const context = chat.speaker.context(this.#background.signal, this.#deps.log);
      if (context) await chat.keeping.remove?.(context, chat.id);
      this.#drop(chat);
    } catch (error) {
      if (!this.#closed) await this.#removeLater(chat, toGatewayError(error).message);
    }
  }

  async #removeUnstored(): Promise<void> {
    const removals = Promise.all([...this.#unstored].map((chat) => this.#remove(chat)));
    const { promise: passed, resolve } = Promise.withResolvers<void>();
    const cancelTimer = this.#deps.clock.after(LAST_DELETIONS_MS, resolve);
    await Promise.race([removals, passed]);
    cancelTimer();
    this.#unstored.clear();
  }

  async #removeLater(chat: Chat, reason: string): Promise<void> {
    const { clock, log } = this.#deps;
    const waitMs = FIRST_RETRY_MS * 2 ** chat.tries;
    chat.tries += 1;
    const { tries } = chat;
    const account = chat.stored ? chat.accountId : undefined;
    if (tries >= MOST_TRIES) {
      log.warn("chat-left-behind", { account, tries, reason });
      return this.#drop(chat);
    }
    log.debug("chat-deletion-failed", { account, tries, reason });
    await this.#put(chat, { state: "leaving", dueAt: clock.now() + waitMs });
    this.#agenda.add(chat, waitMs);
  }

  /** Chat goes on while nothing can be stored; at worst a chat stays at the upstream. Never rejects. */
  #put(chat: Chat, { state, dueAt, key }: Stage): Promise<void> | undefined {
    if (!chat.isStored) return undefined;
    const { id: upstreamId, accountId, tries } = chat;
    const saving = this.#deps.store.put({ upstreamId, accountId, key, state, dueAt, tries });
    if (!saving) return undefined;
    const saved = () => {
      chat.saved = undefined;
    };
    const unsaved = (error: unknown) => {
      saved();
      this.#unsaved(error);
    };
    return (chat.saved = saving.then(saved, unsaved));
  }

  #drop(chat: Chat): void {
    this.#unstored.delete(chat);
    if (chat.isStored) this.#deps.store.drop(chat.accountId, chat.id);
  }

  #unsaved(error: unknown): void {
    this.#deps.log.warn("chat-unsaved", { reason: toGatewayError(error).message });
  }
}

function readyKey(accountId: string, model: string): string {
  return `${accountId} ${model}`;
}
