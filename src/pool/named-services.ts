import type { ModelInfo } from "../providers/provider.ts";
import type { Account } from "./account.ts";
import type { Revision } from "./revision.ts";

/** An account that is a service of its own, under the name its owner gave it. */
export interface NamedService {
  readonly provider: string;
  readonly accountId: string;
  readonly label: string;
  readonly models: readonly ModelInfo[];
}

/** The accounts that can be addressed by name. Every request asks: the array stays the same until one of them changes. */
export class NamedServices {
  readonly #groups: readonly (readonly Account[])[];
  readonly #revision: Revision;
  #list: readonly NamedService[] = [];
  #seen: number | undefined;

  /** @param groups accounts by provider, changed in place as accounts come and go */
  constructor(groups: readonly (readonly Account[])[], revision: Revision) {
    this.#groups = groups;
    this.#revision = revision;
  }

  get list(): readonly NamedService[] {
    const { count } = this.#revision;
    if (this.#seen !== count) {
      this.#seen = count;
      if (!this.#isCurrent()) this.#list = this.#groups.flat().map(serviceOf);
    }
    return this.#list;
  }

  #isCurrent(): boolean {
    let place = 0;
    for (const accounts of this.#groups) {
      for (const account of accounts) {
        const known = this.#list[place++];
        if (known?.accountId !== account.id || known.label !== account.label) return false;
        if (known.models !== modelsOf(account)) return false;
      }
    }
    return place === this.#list.length;
  }
}

function serviceOf(account: Account): NamedService {
  const { id: accountId, label, provider } = account;
  return { provider: provider.name, accountId, label, models: modelsOf(account) };
}

function modelsOf({ models, provider }: Account): readonly ModelInfo[] {
  return models ?? provider.models;
}
