import { GatewayError } from "../chat/error.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { UpstreamFetch } from "../lib/fetch.ts";
import type { Log } from "../lib/log.ts";
import { ACCOUNT_STATES, type AccountRecord, type AccountState, type Store } from "../store/store.ts";
import type { AccountContext, ModelInfo, ProbeResult, Provider, ServiceContext } from "../providers/provider.ts";
import type { Account, Outlet } from "./account.ts";
import { Books, outletMeans } from "./books.ts";
import type { BreakerRules } from "./breaker.ts";
import { Breakers, ONLY_SERVICE } from "./breakers.ts";
import { CallerRests } from "./caller-rests.ts";
import { CallerTurns } from "./caller-turns.ts";
import { Guests } from "./guests.ts";
import { Lender } from "./lender.ts";
import type { LeaseEnds } from "./lease.ts";
import { ModelUnion } from "./model-union.ts";
import { NamedServices, type NamedService } from "./named-services.ts";
import { openAccount } from "./open-account.ts";
import { CallerPositions, Positions } from "./positions.ts";
import { Revision } from "./revision.ts";
import { Roster } from "./roster.ts";
import { statusOf, type AccountStatus, type ProviderStatus } from "./status.ts";
import type { StrategyName } from "./strategies.ts";

/** What may change while the gateway runs; read anew each time. */
export interface PoolSettings {
  strategy(provider: string): StrategyName;
  readonly rotationUses: number;
  readonly rotationMaxFailures: number;
  /** The longest pause between two looks at an account that is out of rotation. */
  readonly longestProbePauseMs: number;
  readonly queueMs: number;
  readonly concurrency: number;
  readonly breaker: BreakerRules;
  readonly userAgents: "account" | "request";
}

export interface PoolDeps {
  readonly store: Store;
  readonly providers: readonly Provider[];
  readonly clock: Clock;
  readonly log: Log;
  /** Browser strings to give to accounts. */
  readonly userAgents: readonly string[];
  /** 0 to 1. */
  readonly random: () => number;
  settings(): PoolSettings;
  /**
   * The fetch of one account; `accountId` is undefined for calls that are nobody's. `proxy` is the account's own;
   * undefined for what the environment says.
   */
  readonly createFetch: (owner: {
    readonly provider: string;
    readonly accountId: string | undefined;
    readonly proxy: string | undefined;
  }) => UpstreamFetch;
  /** The environment's proxy for a provider's sockets; undefined for none. */
  readonly proxy?: (provider: string) => string | undefined;
}

/** A credential that the upstream took. */
export interface Checked {
  readonly credential: unknown;
  /** What the provider remembered about it. */
  readonly memory: unknown;
  readonly probe: ProbeResult;
}

/** Every account in use, opened and in memory, and who may use which when. */
export class Pool {
  readonly roster: Roster;
  readonly books: Books;
  readonly #deps: PoolDeps;
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #lenders = new Map<string, Lender>();
  readonly #breakers = new Map<string, Breakers>();
  readonly #guests = new Map<string, Guests>();
  readonly #unions = new Map<string, ModelUnion>();
  readonly #named: NamedServices;
  readonly #accounts = new Map<string, Account>();
  readonly #revision = new Revision();
  readonly #positions: Positions;
  readonly #callerPositions = new CallerPositions();
  readonly #callerRests = new CallerRests();
  readonly #callerTurns = new CallerTurns(this.#callerRests);

  private constructor(deps: PoolDeps, positions: Positions) {
    this.#deps = deps;
    this.#positions = positions;
    this.#providers = new Map(deps.providers.map((provider) => [provider.name, provider]));
    const { store, clock, log, userAgents } = deps;
    this.books = new Books({
      store,
      clock,
      log,
      userAgents,
      random: () => deps.random(),
      maxFailures: () => deps.settings().rotationMaxFailures,
      longestProbePauseMs: () => deps.settings().longestProbePauseMs,
      userAgentPer: () => deps.settings().userAgents,
      wake: (account) => this.#lenders.get(account.provider.name)?.pump(),
    });
    this.roster = new Roster({
      store,
      clock,
      books: this.books,
      provider: (name) => this.provider(name),
      accounts: (provider) => this.lender(provider).accounts,
      find: (id) => this.find(id),
      admit: (record) => this.#admit(record),
      configured: (account) => {
        account.outlet = this.#outletOf(account.provider, account.id, account.settings.proxy);
        this.lender(account.provider.name).pump();
      },
      dismiss: (account) => this.#dismiss(account),
    });
    for (const provider of deps.providers) {
      this.#breakers.set(provider.name, new Breakers(() => deps.settings().breaker));
      const moved = () => this.#positions.set(provider.name, this.lender(provider.name).position);
      const guests = provider.guests && this.#guestsOf(provider);
      if (guests) this.#guests.set(provider.name, guests);
      const accounts: Account[] = [];
      this.#lenders.set(provider.name, this.#lenderOf(provider, accounts, positions.get(provider.name), moved, guests));
      this.#unions.set(provider.name, new ModelUnion(provider, accounts, this.#revision));
    }
    const many = deps.providers.filter(({ serviceOf }) => serviceOf !== undefined);
    const groups = many.map(({ name }) => this.lender(name).accounts);
    this.#named = new NamedServices(groups, this.#revision);
  }

  /** Loads and opens what the store holds. @throws GatewayError store-unavailable */
  static async open(deps: PoolDeps): Promise<Pool> {
    const positions = await Positions.load(deps.store.settings);
    const pool = new Pool(deps, positions);
    for (const record of await deps.store.accounts.all()) {
      if (pool.#providers.has(record.provider)) pool.#admit(record);
      else deps.log.warn("account-skipped", { account: record.id, reason: `no provider ${record.provider} here` });
    }
    return pool;
  }

  /** @throws GatewayError unknown-path */
  provider(name: string): Provider {
    const provider = this.#providers.get(name);
    if (provider) return provider;
    const all = [...this.#providers.keys()].join(", ");
    throw new GatewayError("unknown-path", `There is no provider ${name}; there are: ${all}.`, { field: "provider" });
  }

  /** The stored accounts of a provider. @throws GatewayError unknown-path */
  lender(name: string): Lender {
    const lender = this.#lenders.get(name);
    if (!lender) throw new GatewayError("unknown-path", `There is no provider ${name}.`, { field: "provider" });
    return lender;
  }

  /**
   * A caller's own accounts, for one request: rotated and failed over among themselves, never stored, never mixed with
   * others. Their rotation, and a rest that the upstream wants, go on with the caller's next request; requests at the
   * same time share their concurrency.
   */
  borrow(name: string, credentials: readonly unknown[]): Lender {
    const provider = this.provider(name);
    const records = credentials.map((credential) => this.roster.draft(provider, credential));
    // The same cookie twice is one account; ids by identity let the rotation find its place again.
    const byIdentity = new Map(records.map((record, i) => [record.identityHash, { ...record, createdAt: i }]));
    const now = this.#deps.clock.now();
    const accounts = [...byIdentity.values()].map((record) => {
      const { identityHash: id } = record;
      return this.#open({ ...record, id, health: this.#callerRests.healthOf(id, now) }, false);
    });
    const key = [...byIdentity.keys()].join(" ");
    const moved = () => this.#callerPositions.set(key, lender.position);
    const lender: Lender = this.#lenderOf(provider, accounts, this.#callerPositions.get(key), moved);
    return lender;
  }

  /**
   * Asks the upstream whether a credential works before it is added, in the manner in which its account will speak.
   * @param renewed the account that is to get it; undefined for a new one
   * @returns the credential, renewed if the upstream renewed it meanwhile, and what was learnt about it
   * @throws GatewayError what the upstream says against it
   */
  async check(name: string, credential: unknown, signal: Abortable, renewed?: string): Promise<Checked> {
    const provider = this.provider(name);
    const draft = this.roster.draft(provider, credential, renewed === undefined ? undefined : this.find(renewed));
    const account = this.#open(draft, false);
    const result = await provider.probe?.(this.books.context(account, signal, this.#deps.log));
    return { credential: account.credential, memory: account.memory, probe: result ?? {} };
  }

  /** The means to speak for a stored account outside a lease, to clean up; undefined when it is gone. */
  context(accountId: string, signal: Abortable, log: Log): AccountContext<unknown> | undefined {
    const account = this.#accounts.get(accountId);
    return account && this.books.context(account, signal, log);
  }

  /** The means to speak to a service before there is an account. @throws GatewayError unknown-path */
  service(name: string, signal: Abortable): ServiceContext {
    const { clock, log } = this.#deps;
    return { ...outletMeans(this.#outletOf(this.provider(name), undefined, undefined)), clock, signal, log };
  }

  /** The models that this provider's accounts serve, each once; without accounts, those that the provider lists. */
  models(name: string): readonly ModelInfo[] {
    const { provider } = this.lender(name);
    return this.#unions.get(name)?.models ?? provider.models;
  }

  /** Moves with each change that may alter `models` or `services`. */
  get revision(): number {
    return this.#revision.count;
  }

  /** The accounts of providers with many services behind them, as users name them. */
  services(): readonly NamedService[] {
    return this.#named.list;
  }

  /** @throws GatewayError unknown-path */
  find(id: string): Account {
    const account = this.#accounts.get(id);
    if (!account) throw new GatewayError("unknown-path", "There is no such account.", { field: "id" });
    return account;
  }

  /** Every account in use, in order of creation. */
  all(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  /** @throws GatewayError unknown-path */
  view(id: string): AccountStatus {
    return this.#view(this.find(id));
  }

  views(): AccountStatus[] {
    return this.all().map((account) => this.#view(account));
  }

  /** @throws GatewayError unknown-path */
  status(name: string): ProviderStatus {
    const lender = this.lender(name);
    const monotonic = this.#deps.clock.monotonic();
    const services = new Set(lender.accounts.map(({ service }) => service));
    const breaker = this.#breakersOf(name).worst(services, monotonic);
    const state = breaker.state(monotonic);
    const states = Object.fromEntries(ACCOUNT_STATES.map((each) => [each, 0])) as Record<AccountState, number>;
    for (const account of lender.accounts) states[account.state] += 1;
    return {
      strategy: this.#deps.settings().strategy(name),
      breaker: state,
      breakerUntil: state === "open" ? this.#deps.clock.now() + breaker.trialInMs(monotonic) : undefined,
      states,
      waiting: lender.waiting,
      guests: this.#guests.get(name)?.status,
    };
  }

  /** The ids of accounts that nobody may use now because the service behind them seems to be down. */
  cutOff(): ReadonlySet<string> {
    const monotonic = this.#deps.clock.monotonic();
    const isDown = ({ provider, service }: Account): boolean =>
      this.#breakersOf(provider.name).of(service).state(monotonic) === "open";
    return new Set(
      this.all()
        .filter(isDown)
        .map(({ id }) => id),
    );
  }

  /** How many changes wait for the store to work again. */
  get unsaved(): number {
    return this.books.committer.pending;
  }

  subscribe(changed: () => void): () => void {
    return this.books.subscribe(changed);
  }

  /** Settings have changed: whoever waits may be served by the new ones. */
  refresh(): void {
    for (const lender of this.#lenders.values()) lender.pump();
    this.books.changed();
  }

  /** Commits what is still open. */
  async close(): Promise<void> {
    for (const guests of this.#guests.values()) guests.stop();
    await this.books.committer.close();
  }

  #view(account: Account): AccountStatus {
    const lender = this.lender(account.provider.name);
    return statusOf(account, {
      now: this.#deps.clock.now(),
      monotonic: this.#deps.clock.monotonic(),
      maxFailures: this.#deps.settings().rotationMaxFailures,
      concurrency: lender.concurrencyOf(account),
      current: lender.position.id === account.id,
    });
  }

  #admit(record: AccountRecord): Account {
    const account = this.#open(record, true);
    this.#accounts.set(account.id, account);
    this.books.probes.follow(account);
    const lender = this.lender(record.provider);
    lender.accounts.push(account);
    this.#revision.moved();
    lender.pump();
    return account;
  }

  #dismiss(account: Account): void {
    this.#accounts.delete(account.id);
    const lender = this.lender(account.provider.name);
    lender.accounts.splice(lender.accounts.indexOf(account), 1);
    this.#revision.moved();
    lender.pump();
    this.books.changed();
  }

  #open(record: AccountRecord, stored: boolean): Account {
    const provider = this.provider(record.provider);
    const { clock, log } = this.#deps;
    const outlet = this.#outletOf(provider, record.id, record.settings.proxy);
    const load = stored ? undefined : this.#callerTurns.loadOf(record.identityHash);
    return openAccount(record, provider, { clock, outlet, stored, load, revision: this.#revision }, log);
  }

  #outletOf({ name }: Provider, accountId: string | undefined, proxy: string | undefined): Outlet {
    return {
      fetch: this.#deps.createFetch({ provider: name, accountId, proxy }),
      proxy: proxy ?? this.#deps.proxy?.(name),
    };
  }

  #guestsOf(provider: Provider): Guests {
    const { clock, log } = this.#deps;
    return new Guests({
      provider,
      clock,
      log,
      accounts: () => this.lender(provider.name).accounts,
      service: (signal) => this.service(provider.name, signal),
      admit: async (credential) => void (await this.roster.welcome(provider.name, credential)),
      remove: (account) => this.roster.remove(account.id),
    });
  }

  #lenderOf(
    provider: Provider,
    accounts: Account[],
    position: Lender["position"],
    moved: () => void,
    guests?: Guests,
  ): Lender {
    const { clock } = this.#deps;
    const breakers = this.#breakersOf(provider.name);
    const outletOfNobody = provider.credential ? undefined : this.#outletOf(provider, undefined, undefined);
    const ends: LeaseEnds = {
      clock,
      breakerOf: (account) => breakers.of(account?.service ?? ONLY_SERVICE),
      context: (account, signal, log) => {
        if (account) return this.books.context(account, signal, log);
        if (outletOfNobody) return this.books.accountlessContext(provider, outletOfNobody, signal, log);
        throw new GatewayError("internal", `${provider.title} was asked without an account.`);
      },
      settled: (account, outcome) => {
        this.books.apply(account, outcome);
        if (!account.stored) return this.#callerTurns.ended(account, clock.now());
        lender.pump();
        this.books.changed();
      },
    };
    const rules = () => {
      const settings = this.#deps.settings();
      const { rotationUses, queueMs, concurrency } = settings;
      return { strategy: settings.strategy(provider.name), rotationUses, queueMs, concurrency };
    };
    const queued = (line: Lender) => this.#lenders.get(provider.name) !== line && this.#callerTurns.queued(line);
    const means = { clock, ends, revision: this.#revision, guests, rules, moved, queued };
    const lender: Lender = new Lender(provider, accounts, position, means);
    return lender;
  }

  #breakersOf(name: string): Breakers {
    const breakers = this.#breakers.get(name);
    if (!breakers) throw new GatewayError("unknown-path", `There is no provider ${name}.`, { field: "provider" });
    return breakers;
  }
}
