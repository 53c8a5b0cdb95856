import type { Abortable } from "../lib/abort.ts";
import type { Due } from "../lib/agenda.ts";
import type { Log } from "../lib/log.ts";
import type { Lease } from "../pool/lease.ts";
import type { AccountContext, ChatKeeping, UpstreamChat } from "../providers/provider.ts";

/** The chat of one turn. */
export interface HeldChat {
  readonly upstream: UpstreamChat;
  /**
   * The turn is over: the chat is kept under `key`, the hash of the history it holds now, or will be deleted; another is
   * made ready when the account works.
   */
  release(worked: boolean, key?: string): void;
}

/** The turn that uses a chat. */
export interface ChatUse {
  readonly lease: Lease;
  /** The upstream's model. */
  readonly model: string;
  readonly log: Log;
}

/** Whoever may speak for a chat's account: a lease, or the pool. */
export interface Speaker {
  /** Undefined when the account is gone. */
  context(signal: Abortable, log: Log): AccountContext<unknown> | undefined;
}

/** What becomes of chats. */
export interface ChatKeeper {
  released(chat: Chat, use: ChatUse, worked: boolean, key: string | undefined): void;
  /** Its time to be deleted has come. */
  leaves(chat: Chat): void;
}

/** One chat at an upstream, from its opening to its deletion. */
export class Chat implements HeldChat, Due {
  upstream: UpstreamChat;
  readonly accountId: string;
  /** False for a caller's own account. */
  readonly stored: boolean;
  readonly keeping: ChatKeeping<unknown>;
  readonly speaker: Speaker;
  /** Deletions that failed so far. */
  tries = 0;
  /** Resolves when it outlives a kill; undefined when it does, or need not. */
  saved: Promise<void> | undefined;
  dueAt = 0;
  place = -1;
  #use: ChatUse | undefined;
  readonly #keeper: ChatKeeper;

  constructor(
    upstream: UpstreamChat,
    of: { readonly id: string; readonly stored: boolean } | undefined,
    keeping: ChatKeeping<unknown>,
    speaker: Speaker,
    keeper: ChatKeeper,
  ) {
    this.upstream = upstream;
    this.accountId = of?.id ?? "";
    this.stored = of?.stored ?? false;
    this.keeping = keeping;
    this.speaker = speaker;
    this.#keeper = keeper;
  }

  get id(): string {
    return this.upstream.id;
  }

  /** What can neither be deleted nor kept need not be stored. */
  get isStored(): boolean {
    return this.stored && (this.keeping.remove !== undefined || this.keeping.keep === "reuse");
  }

  get isKept(): boolean {
    return this.stored && this.keeping.keep === "reuse";
  }

  /** Belongs to one turn until it is released. */
  heldFor(use: ChatUse): this {
    this.#use = use;
    return this;
  }

  release(worked: boolean, key?: string): void {
    const use = this.#use;
    this.#use = undefined;
    if (use) this.#keeper.released(this, use, worked, key);
  }

  due(): void {
    this.#keeper.leaves(this);
  }
}
