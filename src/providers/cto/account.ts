/** What one process knows of the accounts it serves: sessions in memory, and the little that is remembered on disk. */
import { isObject } from "../../lib/json.ts";
import type { ProviderAccount } from "../provider.ts";
import { ClerkSession, type CtoContext } from "./clerk.ts";
import type { CtoCredential } from "./credential.ts";
import { ModelGate } from "./model-gate.ts";
import { type CtoModel, restoreModels } from "./models.ts";
import type { Protocol } from "./wire.ts";

/** Small JSON, kept with the account. */
interface Memory {
  readonly protocol?: Protocol;
  /** Epoch ms at which the protocol was seen to work. */
  readonly protocolAt?: number;
  readonly models?: readonly CtoModel[];
  /** Epoch ms. */
  readonly modelsAt?: number;
  /** Chats that were begun again under another id, oldest first. */
  readonly moved?: readonly (readonly [from: string, to: string])[];
}

const DAY_MS = 86_400_000;
const MOST_ACCOUNTS = 1000;
const MOST_MOVED = 20;

/** What this process knows of one account: its session with Clerk, the gate of its models, and the notes kept with it. */
export class CtoAccount {
  readonly clerk: ClerkSession;
  readonly gate = new ModelGate();
  #memory: Memory;

  constructor(account: ProviderAccount<CtoCredential>, clerkUrl: () => string) {
    this.clerk = new ClerkSession(account.credential, clerkUrl);
    this.#memory = restoreMemory(account.memory);
  }

  /** The protocol that worked within the last day; undefined when none is known. */
  protocol(now: number): Protocol | undefined {
    const { protocol, protocolAt = 0 } = this.#memory;
    return Math.abs(now - protocolAt) < DAY_MS ? protocol : undefined;
  }

  worksWith(protocol: Protocol, context: CtoContext): void {
    const now = context.clock.now();
    if (this.protocol(now) !== protocol) this.#remember({ protocol, protocolAt: now }, context);
  }

  /** The models the account listed; undefined before it was asked, or where the service has no list. */
  get models(): readonly CtoModel[] | undefined {
    return this.#memory.models;
  }

  /** How old the list is, ms. */
  modelsAgeMs(now: number): number {
    return Math.abs(now - (this.#memory.modelsAt ?? 0));
  }

  /** @param models undefined where the service has no list; one that was known before stays */
  setModels(models: readonly CtoModel[] | undefined, context: CtoContext): void {
    this.#remember({ ...(models ? { models } : {}), modelsAt: context.clock.now() }, context);
  }

  /** The chat that took the place of another one. */
  currentChat(chatId: string): string {
    return this.#memory.moved?.findLast(([from]) => from === chatId)?.[1] ?? chatId;
  }

  /** The router goes on calling the chat by the id it knows. */
  moveChat(from: string, to: string, context: CtoContext): void {
    this.#remember({ moved: [...(this.#memory.moved ?? []), [from, to] as const].slice(-MOST_MOVED) }, context);
  }

  #remember(change: Memory, context: CtoContext): void {
    this.#memory = { ...this.#memory, ...change };
    context.remember(this.#memory);
  }
}

/** The accounts in use, by id; those that rest longest are forgotten first. */
export class CtoAccounts {
  readonly #clerkUrl: () => string;
  readonly #byId = new Map<string, CtoAccount>();

  constructor(clerkUrl: () => string) {
    this.#clerkUrl = clerkUrl;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#byId.size;
  }

  of(context: CtoContext): CtoAccount {
    const { account } = context;
    const known = this.#byId.get(account.id) ?? new CtoAccount(account, this.#clerkUrl);
    known.clerk.adopt(account.credential);
    this.#byId.delete(account.id);
    this.#byId.set(account.id, known);
    if (this.#byId.size > MOST_ACCOUNTS) this.#forgetOne();
    return known;
  }

  #forgetOne(): void {
    for (const [id, { clerk }] of this.#byId) {
      if (!clerk.idle) continue;
      this.#byId.delete(id);
      return;
    }
  }
}

/** Narrows what the store gave back. */
export function restoreMemory(stored: unknown): Memory {
  if (!isObject(stored)) return {};
  const { protocol, protocolAt, modelsAt, moved } = stored;
  const models = restoreModels(stored["models"]);
  return {
    ...(protocol === "v1" || protocol === "v2" ? { protocol } : {}),
    ...(typeof protocolAt === "number" ? { protocolAt } : {}),
    ...(models ? { models } : {}),
    ...(typeof modelsAt === "number" ? { modelsAt } : {}),
    ...(Array.isArray(moved) ? { moved: moved.filter(isMove) } : {}),
  };
}

function isMove(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((id) => typeof id === "string");
}
