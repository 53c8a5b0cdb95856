import { orAborted, type Abortable } from "../../lib/abort.ts";
import { isObject } from "../../lib/json.ts";
import type { AccountContext } from "../provider.ts";
import type { LangfastCredential } from "./credential.ts";

/** What is remembered of an account, on disk. Times are epoch ms. */
export interface Notes {
  /** Whose notes they are: another login's prompt is of no use. */
  readonly userId: string;
  readonly promptId?: string;
  /** The service keeps no prompts: runs go without one of their own until then. */
  readonly noPromptsUntil?: number;
  /** Runs come back without a job id, so that only one at a time can be told apart. */
  readonly noJobsUntil?: number;
  /** Models that the account's plan was found to lack. */
  readonly lacking: readonly string[];
  /** Days since 1970 in UTC, and the runs begun on that day. */
  readonly day: number;
  readonly runs: number;
}

const DAY_MS = 86_400_000;
const MOST_ACCOUNTS = 1000;
const MOST_SEEN = 64;

/** Narrows what the store gives back; what it cannot read is forgotten, as it only saves time. */
export function readNotes(memory: unknown): Notes {
  const fields = isObject(memory) ? memory : {};
  const { userId, promptId, noPromptsUntil, noJobsUntil, lacking, day, runs } = fields;
  return {
    userId: typeof userId === "string" ? userId : "",
    ...(typeof promptId === "string" && promptId !== "" ? { promptId } : {}),
    ...(typeof noPromptsUntil === "number" ? { noPromptsUntil } : {}),
    ...(typeof noJobsUntil === "number" ? { noJobsUntil } : {}),
    lacking: Array.isArray(lacking) ? lacking.filter((model): model is string => typeof model === "string") : [],
    day: typeof day === "number" ? day : 0,
    runs: typeof runs === "number" ? runs : 0,
  };
}

/** One account within this process: its notes as they stand now, and the runs under way. */
export class AccountDesk {
  notes: Notes;
  /** Runs under way. */
  running = 0;
  /** The making of the prompt, while it is under way: all runs share one. */
  promptUnderWay: Promise<string | undefined> | undefined;
  /** Executions of earlier runs, whose late events are not the next one's. */
  readonly seen: string[] = [];
  #tail: Promise<unknown> = Promise.resolve();

  constructor(notes: Notes) {
    this.notes = notes;
  }

  note(context: AccountContext<LangfastCredential>, changes: Partial<Notes>): void {
    this.notes = { ...this.notes, ...changes };
    context.remember(this.notes);
  }

  forgetPrompt(context: AccountContext<LangfastCredential>): void {
    const { promptId: _gone, ...rest } = this.notes;
    this.notes = rest;
    context.remember(this.notes);
  }

  countRun(context: AccountContext<LangfastCredential>): void {
    const day = Math.floor(context.clock.now() / DAY_MS);
    this.note(context, { day, runs: this.notes.day === day ? this.notes.runs + 1 : 1 });
  }

  /** Runs begun on the UTC day of `now`, epoch ms. */
  runsOn(now: number): number {
    return this.notes.day === Math.floor(now / DAY_MS) ? this.notes.runs : 0;
  }

  see(executionId: string): void {
    this.seen.push(executionId);
    if (this.seen.length > MOST_SEEN) this.seen.shift();
  }

  /** Waits for the account to oneself; the result gives it back. @throws the signal's reason */
  async lock(signal: Abortable): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#tail;
    this.#tail = before.then(() => promise);
    try {
      await orAborted(before, signal);
    } catch (error) {
      resolve();
      throw error;
    }
    return resolve;
  }
}

/** The desks of all accounts in use. A context holds its account's memory as it was; the desk has it as it is. */
export class Desks {
  readonly #desks = new Map<string, AccountDesk>();

  of({ account }: Pick<AccountContext<LangfastCredential>, "account">): AccountDesk {
    const { userId } = account.credential;
    let desk = this.#desks.get(account.id);
    if (!desk) {
      this.#makeRoom();
      desk = new AccountDesk(readNotes(account.memory));
      this.#desks.set(account.id, desk);
    }
    const { notes } = desk;
    if (userId !== "" && notes.userId !== userId) {
      desk.notes = notes.userId === "" ? { ...notes, userId } : { userId, lacking: [], day: 0, runs: 0 };
    }
    return desk;
  }

  #makeRoom(): void {
    if (this.#desks.size < MOST_ACCOUNTS) return;
    for (const [id, desk] of this.#desks) {
      if (desk.running > 0) continue;
      this.#desks.delete(id);
      return;
    }
  }
}
