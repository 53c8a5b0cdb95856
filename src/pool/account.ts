import type { Clock } from "../lib/clock.ts";
import type { UpstreamFetch } from "../lib/fetch.ts";
import type { ModelInfo, Provider, Quota } from "../providers/provider.ts";
import type {
  AccountCounters,
  AccountRecord,
  AccountSettings,
  AccountState,
  AttemptRecord,
  Health,
} from "../store/store.ts";
import { restMs, restOver } from "./health.ts";
import { ONLY_SERVICE } from "./breakers.ts";
import { fits } from "./patterns.ts";
import type { Revision } from "./revision.ts";
import type { Candidate } from "./strategies.ts";

/** The means to call an upstream. */
export interface Outlet {
  /** The proxy is in it. */
  readonly fetch: UpstreamFetch;
  /** The same proxy for sockets; undefined for none. */
  readonly proxy: string | undefined;
}

/** What is under way at one login. */
export interface Load {
  /** Turns. */
  inFlight: number;
}

export interface AccountMeans {
  readonly clock: Clock;
  /** Shared by all that speak for the same login; undefined where this account alone does. */
  readonly load?: Load | undefined;
  readonly outlet: Outlet;
  /** False for a caller's own account. */
  readonly stored: boolean;
  readonly revision: Revision;
}

const HOUR_MS = 3_600_000;
const MOST_KNOWN_MODELS = 1000;

/** One account in memory: its row, opened, and what only this process knows. The pool alone changes it. */
export class Account implements Candidate {
  readonly id: string;
  readonly provider: Provider;
  /** False for a caller's own account: nothing of it goes to the store. */
  readonly stored: boolean;
  identityHash: string;
  readonly source: AccountRecord["source"];
  sourceHash: string | undefined;
  readonly userAgent: string;
  readonly createdAt: number;
  /** How its calls leave the house. */
  outlet: Outlet;
  quota: Quota | undefined;
  readonly counters: { -readonly [Figure in keyof AccountCounters]: number };
  lastUsedAt: number | undefined;
  /** Probes since it last served a turn, and the monotonic ms of the next. */
  probes = 0;
  probeAt: number | undefined;
  readonly #clock: Clock;
  readonly #load: Load;
  readonly #revision: Revision;
  #settings: AccountSettings;
  #credential: unknown;
  #memory: unknown;
  /** What `serves` has said, for as long as these lists hold: a pool of many accounts asks for each request. */
  #served: {
    models: readonly ModelInfo[] | undefined;
    allowed: readonly string[] | undefined;
    known: Map<string, boolean>;
  } = { models: undefined, allowed: undefined, known: new Map() };
  #service: { readonly credential: unknown; readonly name: string } | undefined;
  #told: { credential: unknown; memory: unknown; models: readonly ModelInfo[] | undefined } | undefined;
  #health: Health;
  /** Monotonic ms of the last turn of this process, while there is a pace to keep. */
  #lentAt: number | undefined;
  /** Monotonic ms at which the rest ends, so that a jump of the wall clock cannot prolong it. */
  #restEnds = 0;

  constructor(record: AccountRecord, provider: Provider, means: AccountMeans) {
    this.id = record.id;
    this.provider = provider;
    this.stored = means.stored;
    this.identityHash = record.identityHash;
    this.source = record.source;
    this.sourceHash = record.sourceHash;
    this.userAgent = record.userAgent;
    this.createdAt = record.createdAt;
    this.outlet = means.outlet;
    this.#settings = record.settings;
    this.#credential = record.credential;
    this.#memory = record.memory;
    this.quota = asQuota(record.quota);
    this.counters = { ...record.counters };
    this.lastUsedAt = record.lastUsedAt;
    this.#clock = means.clock;
    this.#load = means.load ?? { inFlight: 0 };
    this.#revision = means.revision;
    this.#health = record.health;
    this.health = record.health;
  }

  /** Turns under way. */
  get inFlight(): number {
    return this.#load.inFlight;
  }

  set inFlight(turns: number) {
    this.#load.inFlight = turns;
  }

  get settings(): AccountSettings {
    return this.#settings;
  }

  set settings(settings: AccountSettings) {
    this.#settings = settings;
    this.#revision.moved();
  }

  /** Of the provider's own shape; undefined when the stored one cannot be read. */
  get credential(): unknown {
    return this.#credential;
  }

  set credential(credential: unknown) {
    this.#credential = credential;
    this.#revision.moved();
  }

  get memory(): unknown {
    return this.#memory;
  }

  set memory(memory: unknown) {
    this.#memory = memory;
    this.#revision.moved();
  }

  /** A turn begins: the next one has to keep its distance. */
  lent(): void {
    this.lastUsedAt = this.#clock.now();
    this.#lentAt = this.settings.requestsPerHour === undefined ? undefined : this.#clock.monotonic();
  }

  /** Ms until its pace allows another turn; 0 when it may begin now. Turns of before a restart count. */
  get paceLeftMs(): number {
    const { requestsPerHour } = this.settings;
    if (requestsPerHour === undefined || this.lastUsedAt === undefined) return 0;
    const gapMs = HOUR_MS / requestsPerHour;
    const passedMs =
      this.#lentAt === undefined ? this.#clock.now() - this.lastUsedAt : this.#clock.monotonic() - this.#lentAt;
    return Math.min(Math.max(gapMs - passedMs, 0), gapMs);
  }

  get label(): string {
    return this.settings.label;
  }

  get priority(): number {
    return this.settings.priority;
  }

  get remaining(): number | undefined {
    return this.quota?.limit === undefined ? undefined : this.quota.limit - this.quota.used;
  }

  /** As it stands now: an account whose rest is over is ready. */
  get health(): Health {
    const health = this.#health;
    if (health.state !== "cooling" && health.state !== "exhausted") return health;
    if (this.restLeftMs > 0) return health;
    this.#health = restOver(health, this.#clock.now());
    return this.#health;
  }

  set health(health: Health) {
    this.#health = health;
    this.#restEnds = this.#clock.monotonic() + restMs(health, this.#clock.now());
  }

  get state(): AccountState {
    return this.health.state;
  }

  /** Ms until its rest ends; whichever clock says so first, since a laptop's monotonic clock may sleep with it. */
  get restLeftMs(): number {
    const left = this.#restEnds - this.#clock.monotonic();
    return Math.min(Math.max(left, 0), restMs(this.#health, this.#clock.now()));
  }

  /** The service behind it, as its provider tells them apart. */
  get service(): string {
    const { credential, provider } = this;
    if (!provider.serviceOf || credential === undefined) return ONLY_SERVICE;
    // Every request asks; a credential is replaced, never changed.
    if (this.#service?.credential !== credential) {
      this.#service = { credential, name: provider.serviceOf(credential) };
    }
    return this.#service.name;
  }

  /** What this account serves by itself; undefined when it serves all that its provider lists. */
  get models(): readonly ModelInfo[] | undefined {
    const { credential, memory, provider } = this;
    if (!provider.modelsOf || credential === undefined) return undefined;
    // Every request asks; a credential and a memory are replaced, never changed.
    if (!this.#told || this.#told.credential !== credential || this.#told.memory !== memory) {
      this.#told = { credential, memory, models: provider.modelsOf({ credential, memory }) };
    }
    return this.#told.models;
  }

  /** Whether it serves the upstream's `model`: its plan has it, and its owner allows it. */
  serves(model: string): boolean {
    const { models, provider, settings } = this;
    if (!models && !settings.models) return true;
    if (this.#served.models !== models || this.#served.allowed !== settings.models) {
      this.#served = { models, allowed: settings.models, known: new Map() };
    }
    const { known } = this.#served;
    let serves = known.get(model);
    if (serves === undefined) {
      const isPlanned = !models || models.some(({ id }) => id === model || provider.match(id) === model);
      serves = isPlanned && (!settings.models || settings.models.some((name) => this.#allows(name, model)));
      if (known.size >= MOST_KNOWN_MODELS) known.clear();
      known.set(model, serves);
    }
    return serves;
  }

  /** Whether an entry of the owner's list, a name or a pattern with `*`, means the upstream's `model`. */
  #allows(name: string, model: string): boolean {
    if (fits(name, model) || this.provider.match(name) === model) return true;
    const listed = this.models ?? this.provider.models;
    return listed.some(({ id }) => fits(name, id) && (id === model || this.provider.match(id) === model));
  }

  /** Moves the counters as the store does with the same record: a client that left is neither success nor failure. */
  count(attempt: AttemptRecord): void {
    const { counters } = this;
    counters.attempts += 1;
    if (attempt.outcome === "ok") counters.successes += 1;
    else if (attempt.outcome !== "cancelled") counters.failures += 1;
    if (attempt.rotationFailure) counters.rotationFailures += 1;
    counters.inputTokens += attempt.inputTokens;
    counters.outputTokens += attempt.outputTokens;
  }
}

function asQuota(stored: unknown): Quota | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { used, unit } = stored as Partial<Quota>;
  return typeof used === "number" && typeof unit === "string" ? (stored as Quota) : undefined;
}
