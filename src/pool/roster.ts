import { createHash } from "node:crypto";
import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import { newId } from "../lib/id.ts";
import type { CredentialKind, Provider } from "../providers/provider.ts";
import type { AccountRecord, AccountSettings, AccountSource, CredentialChange, Store } from "../store/store.ts";
import type { Account } from "./account.ts";
import type { Books } from "./books.ts";
import { readyHealth } from "./health.ts";

export interface RosterDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly books: Books;
  provider(name: string): Provider;
  /** The accounts of one provider in use. */
  accounts(provider: string): readonly Account[];
  find(id: string): Account;
  /** Opens a stored row and puts the account into use. */
  admit(record: AccountRecord): Account;
  /** Its settings have changed. */
  configured(account: Account): void;
  /** Takes it out of use. */
  dismiss(account: Account): void;
}

/** What became of credentials handed in: new accounts, and those that were there already. */
export interface Admission {
  readonly added: readonly Account[];
  readonly known: readonly Account[];
}

/** An account that nobody has configured. */
const PLAIN_SETTINGS: Omit<AccountSettings, "label"> = {
  priority: 0,
  concurrency: undefined,
  requestsPerHour: undefined,
  proxy: undefined,
  models: undefined,
};

/** What people, and the environment, do to accounts. Each promise resolves when the change is committed. */
export class Roster {
  readonly #deps: RosterDeps;
  /** Each account that comes in is compared with all that are there. */
  readonly #identities = new WeakMap<Account, { credential: unknown; hashes: readonly string[] }>();

  constructor(deps: RosterDeps) {
    this.#deps = deps;
  }

  /** Adds an account per credential; one that is there already takes the credential if it differs. */
  async add(providerName: string, credentials: readonly unknown[], label?: string): Promise<Admission> {
    const added: Account[] = [];
    const known: Account[] = [];
    for (const credential of credentials) {
      const found = this.#known(providerName, credential);
      if (found) {
        if (!Bun.deepEquals(found.credential, credential)) await this.#replace(found, credential);
        known.push(found);
      } else added.push(await this.#insert(providerName, credential, { label, source: "console" }));
    }
    return { added, known };
  }

  /** Adds a guest session that the service has just given. */
  async welcome(providerName: string, credential: unknown): Promise<Account> {
    const label = `${this.#deps.provider(providerName).title} guest`;
    return this.#known(providerName, credential) ?? this.#insert(providerName, credential, { label, source: "guest" });
  }

  /** Gives an account a new credential of the same or another login, and a fresh start. */
  async renew(id: string, credential: unknown): Promise<Account> {
    const account = this.#deps.find(id);
    const twin = this.#known(account.provider.name, credential);
    if (twin && twin !== account) {
      throw new GatewayError("invalid-request", `This credential belongs to the account ${twin.label}.`, {
        field: "credential",
      });
    }
    const identityHash = this.#identityHash(account.provider.name, credential);
    // An entry of the environment goes on naming the login that the account was made for.
    await this.#replace(account, credential, account.source === "environment" ? {} : { identityHash });
    return account;
  }

  /** Back into the rotation from any of the three off states; a resting account goes on resting. */
  async enable(id: string): Promise<Account> {
    const account = this.#deps.find(id);
    return account.state === "cooling" || account.state === "exhausted" ? account : this.reset(id);
  }

  async disable(id: string): Promise<Account> {
    const account = this.#deps.find(id);
    const since = this.#deps.clock.now();
    const health = { ...account.health, state: "disabled_by_user", until: undefined, since } as const;
    await this.#commit(account, { ...health, reason: "Switched off by hand.", reasonKind: undefined });
    return account;
  }

  /** Ready again, counters in a row at zero, whatever it was, and for all the models there are. */
  async reset(id: string): Promise<Account> {
    const account = this.#deps.find(id);
    const { books } = this.#deps;
    books.credentials.forget(account);
    books.forgetLacks(account);
    account.probes = 0;
    await this.#commit(account, readyHealth(this.#deps.clock.now()));
    return account;
  }

  async configure(id: string, settings: Partial<AccountSettings>): Promise<Account> {
    const account = this.#deps.find(id);
    const merged = { ...account.settings, ...settings };
    await this.#deps.store.accounts.saveSettings(id, merged);
    account.settings = merged;
    this.#deps.configured(account);
    this.#deps.books.changed();
    return account;
  }

  /** The name that the account would get if nobody had given it one. */
  usualLabel(id: string): string {
    const { provider, credential } = this.#deps.find(id);
    return this.#freeLabel(provider, provider.credential?.settings?.(credential)?.label, id);
  }

  async remove(id: string): Promise<void> {
    const account = this.#deps.find(id);
    await this.#deps.store.accounts.remove(id);
    this.#deps.dismiss(account);
  }

  /**
   * Makes the environment's accounts those of `credentials`: new ones come in, those no longer named are retired. A
   * stored credential, perhaps renewed since, wins over its entry until the entry itself changes.
   */
  async syncEnvironment(providerName: string, credentials: readonly unknown[]): Promise<void> {
    const named = new Set<string>();
    for (const credential of credentials) {
      const sourceHash = sha256(JSON.stringify(credential));
      named.add(this.#identityHash(providerName, credential));
      const found = this.#known(providerName, credential);
      if (!found) await this.#insert(providerName, credential, { source: "environment", sourceHash });
      else if (found.source === "environment" && found.sourceHash !== sourceHash) {
        await this.#replace(found, credential, { sourceHash });
      }
    }
    const retiredAt = this.#deps.clock.now();
    const unnamed = this.#deps
      .accounts(providerName)
      .filter(
        (account) => account.source === "environment" && !this.#identitiesOf(account).some((hash) => named.has(hash)),
      );
    for (const account of unnamed) {
      await this.#deps.store.accounts.retire(account.id, retiredAt);
      this.#deps.dismiss(account);
    }
  }

  /**
   * The row of an account that is not stored: a caller's own, or one to be checked before it is added.
   * @param renewed the account whose new credential this is to be: it keeps its browser string and its proxy
   */
  draft(provider: Provider, credential: unknown, renewed?: Account): AccountRecord {
    const record = this.#record(provider, credential, { label: provider.title, source: "console" });
    return renewed ? { ...record, userAgent: renewed.userAgent, settings: renewed.settings } : record;
  }

  async #insert(
    providerName: string,
    credential: unknown,
    from: { label?: string | undefined; source: AccountSource; sourceHash?: string },
  ): Promise<Account> {
    const { store, clock, books } = this.#deps;
    const provider = this.#deps.provider(providerName);
    const said = provider.credential?.settings?.(credential) ?? {};
    const label = this.#freeLabel(provider, from.label ?? said.label);
    const fresh = this.#record(provider, credential, { ...from, label, priority: said.priority });
    const retired = await store.accounts.byIdentity(fresh.identityHash);
    if (!retired) {
      await store.accounts.insert(fresh);
      const account = this.#deps.admit(fresh);
      books.changed();
      return account;
    }
    const changed = retired.sourceHash === undefined || retired.sourceHash !== from.sourceHash;
    if (changed) await store.accounts.saveCredential(retired.id, credential, { sourceHash: from.sourceHash });
    await store.accounts.saveHealth(retired.id, readyHealth(clock.now()));
    await store.accounts.bringBack(retired.id, from.source);
    const account = this.#deps.admit({
      ...retired,
      source: from.source,
      ...(changed ? { credential, sourceHash: from.sourceHash } : {}),
      health: readyHealth(clock.now()),
      retiredAt: undefined,
    });
    books.changed();
    return account;
  }

  #record(
    provider: Provider,
    credential: unknown,
    from: { label: string; priority?: number | undefined; source: AccountSource; sourceHash?: string },
  ): AccountRecord {
    const now = this.#deps.clock.now();
    // Accounts handed in together keep their order in the rotation.
    const newest = Math.max(0, ...this.#deps.accounts(provider.name).map(({ createdAt }) => createdAt));
    const identityHash = this.#identityHash(provider.name, credential);
    return {
      id: newId("acc"),
      provider: provider.name,
      settings: { ...PLAIN_SETTINGS, label: from.label, priority: from.priority ?? 0 },
      identityHash,
      credential,
      source: from.source,
      sourceHash: from.sourceHash,
      userAgent: this.#deps.books.userAgentFor(identityHash),
      memory: undefined,
      quota: undefined,
      health: readyHealth(now),
      counters: { attempts: 0, successes: 0, failures: 0, rotationFailures: 0, inputTokens: 0, outputTokens: 0 },
      createdAt: Math.max(now, newest + 1),
      lastUsedAt: undefined,
      retiredAt: undefined,
    };
  }

  async #replace(account: Account, credential: unknown, change: CredentialChange = {}): Promise<void> {
    const committed = await this.#deps.books.credentials.save(account, credential, change);
    if (!committed) throw unsaved();
    if (account.state !== "disabled_by_user") await this.reset(account.id);
  }

  async #commit(account: Account, health: Account["health"]): Promise<void> {
    if (!(await this.#deps.books.setHealth(account, health))) throw unsaved();
  }

  #known(providerName: string, credential: unknown): Account | undefined {
    const hash = this.#identityHash(providerName, credential);
    return this.#deps.accounts(providerName).find((account) => this.#identitiesOf(account).includes(hash));
  }

  /** The login it was made for and, after a renewal with another one, the login it holds. */
  #identitiesOf(account: Account): readonly string[] {
    const { credential, identityHash, provider } = account;
    const known = this.#identities.get(account);
    if (known && known.credential === credential && known.hashes[0] === identityHash) return known.hashes;
    const hashes = [identityHash, ...(credential === undefined ? [] : [this.#identityHash(provider.name, credential)])];
    this.#identities.set(account, { credential, hashes });
    return hashes;
  }

  #identityHash(providerName: string, credential: unknown): string {
    return sha256(`${providerName}\n${kindOf(this.#deps.provider(providerName)).identity(credential)}`);
  }

  /** @param except an account whose own name does not count as taken */
  #freeLabel(provider: Provider, wanted: string | undefined, except?: string): string {
    const others = this.#deps.accounts(provider.name).filter(({ id }) => id !== except);
    const taken = new Set(others.map(({ label }) => label));
    if (wanted !== undefined && !taken.has(wanted)) return wanted;
    const stem = wanted ?? provider.title;
    let number = wanted === undefined ? 1 : 2;
    while (taken.has(`${stem} ${number}`)) number += 1;
    return `${stem} ${number}`;
  }
}

function unsaved(): GatewayError {
  return new GatewayError(
    "store-unavailable",
    "The change holds for now but cannot be saved; the gateway goes on trying.",
  );
}

function kindOf(provider: Provider): CredentialKind<unknown> {
  if (provider.credential) return provider.credential;
  throw new GatewayError("invalid-request", `${provider.title} answers by itself and takes no accounts.`, {
    field: "provider",
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
