import type { ModelInfo, Provider } from "../providers/provider.ts";
import type { Account } from "./account.ts";

/**
 * What the accounts of one provider serve together. Every request asks, so that the lists are joined anew only when one
 * of them was replaced; the array stays the same until then.
 */
export class ModelUnion {
  readonly #provider: Provider;
  readonly #accounts: readonly Account[];
  /** Each account's list when they were last joined. */
  #lists: readonly (readonly ModelInfo[])[] = [];
  #joined: readonly ModelInfo[] = [];

  /** @param accounts changed in place as accounts come and go */
  constructor(provider: Provider, accounts: readonly Account[]) {
    this.#provider = provider;
    this.#accounts = accounts;
  }

  /** Each model once; without accounts, those that the provider lists. */
  get models(): readonly ModelInfo[] {
    if (this.#accounts.length === 0) return this.#provider.models;
    if (!this.#isCurrent()) this.#join();
    return this.#joined;
  }

  #isCurrent(): boolean {
    return (
      this.#lists.length === this.#accounts.length &&
      this.#accounts.every((account, i) => this.#listOf(account) === this.#lists[i])
    );
  }

  #join(): void {
    this.#lists = this.#accounts.map((account) => this.#listOf(account));
    const lists = new Set(this.#lists);
    const byId = new Map<string, ModelInfo>();
    for (const list of lists) for (const model of list) if (!byId.has(model.id)) byId.set(model.id, model);
    const [only] = lists;
    this.#joined = lists.size === 1 && only ? only : [...byId.values()];
  }

  /** Accounts without a list of their own share their provider's. */
  #listOf(account: Account): readonly ModelInfo[] {
    return account.models ?? this.#provider.models;
  }
}
