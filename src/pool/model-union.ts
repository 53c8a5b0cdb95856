import type { ModelInfo, Provider } from "../providers/provider.ts";
import type { Account } from "./account.ts";
import type { Revision } from "./revision.ts";

/**
 * What the accounts of one provider serve together. Every request asks, so that the lists are joined anew only when one
 * of them was replaced; the array stays the same until then.
 */
export class ModelUnion {
  readonly #provider: Provider;
  readonly #accounts: readonly Account[];
  readonly #revision: Revision;
  /** When the lists were last looked at, and what their provider listed then. */
  #seen: { readonly revision: number; readonly listed: readonly ModelInfo[] } | undefined;
  /** Each account's list when they were last joined. */
  #lists: readonly (readonly ModelInfo[])[] = [];
  #joined: readonly ModelInfo[] = [];

  /** @param accounts changed in place as accounts come and go */
  constructor(provider: Provider, accounts: readonly Account[], revision: Revision) {
    this.#provider = provider;
    this.#accounts = accounts;
    this.#revision = revision;
  }

  /** Each model once; without accounts, those that the provider lists. */
  get models(): readonly ModelInfo[] {
    const listed = this.#provider.models;
    if (this.#accounts.length === 0) return listed;
    const { count } = this.#revision;
    if (this.#seen?.revision !== count || this.#seen.listed !== listed) {
      this.#seen = { revision: count, listed };
      this.#join(listed);
    }
    return this.#joined;
  }

  /** @param listed what accounts without a list of their own share */
  #join(listed: readonly ModelInfo[]): void {
    const before = this.#lists;
    this.#lists = this.#accounts.map((account) => account.models ?? listed);
    if (this.#lists.length === before.length && this.#lists.every((list, i) => list === before[i])) return;
    const lists = new Set(this.#lists);
    const byId = new Map<string, ModelInfo>();
    for (const list of lists) for (const model of list) if (!byId.has(model.id)) byId.set(model.id, model);
    const [only] = lists;
    this.#joined = lists.size === 1 && only ? only : [...byId.values()];
  }
}
