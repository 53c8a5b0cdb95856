import type { AccountCounters, AttemptRecord } from "../store.ts";

/** What an account has gained since it was last written. Figures are added, the others replace. */
export type AccountChange = { -readonly [Figure in keyof AccountCounters]: number } & {
  readonly id: string;
  lastUsedAt: number;
  memory?: { readonly value: unknown };
  quota?: { readonly value: unknown };
};

/** How figures are written: one prepared statement each. */
export interface FigureSink {
  account(change: AccountChange): void;
  keyUse(id: string, at: number): void;
  setting(name: string, value: unknown): void;
}

/** Figures that the database does not have yet: one of each name, however often it changes. */
export class WaitingFigures {
  readonly accounts = new Map<string, AccountChange>();
  readonly keyUses = new Map<string, number>();
  readonly settings = new Map<string, unknown>();

  get size(): number {
    return this.accounts.size + this.keyUses.size + this.settings.size;
  }

  /** What an account has gained so far; the caller adds to it. */
  of(id: string): AccountChange {
    let change = this.accounts.get(id);
    if (!change) {
      const counters = { attempts: 0, successes: 0, failures: 0, rotationFailures: 0, inputTokens: 0, outputTokens: 0 };
      this.accounts.set(id, (change = { id, ...counters, lastUsedAt: 0 }));
    }
    return change;
  }

  count(id: string, attempt: AttemptRecord): void {
    const change = this.of(id);
    change.attempts++;
    if (attempt.outcome === "ok") change.successes++;
    else if (attempt.outcome !== "cancelled") change.failures++; // a client that left says nothing about the account
    if (attempt.rotationFailure) change.rotationFailures++;
    change.inputTokens += attempt.inputTokens;
    change.outputTokens += attempt.outputTokens;
    change.lastUsedAt = Math.max(change.lastUsedAt, attempt.startedAt);
  }

  /** Inside a transaction; `clear` follows when it is committed. */
  write(sink: FigureSink): void {
    for (const change of this.accounts.values()) sink.account(change);
    for (const [id, at] of this.keyUses) sink.keyUse(id, at);
    for (const [name, value] of this.settings) sink.setting(name, value);
  }

  clear(): void {
    this.accounts.clear();
    this.keyUses.clear();
    this.settings.clear();
  }
}
