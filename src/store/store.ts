/**
 * What the gateway keeps. Async throughout, so that SQLite and a server database look alike. Two manners of writing:
 * `await` means committed when it resolves, and rejects with GatewayError store-unavailable, in words, when it cannot be;
 * `record…` and `touch…` never throw and are written behind, within 1 s or 100 events. Reads include what is still behind.
 * Writing to an id that is not there changes nothing.
 */

/** Where an account stands in the rotation. `cooling` and `exhausted` end by themselves, `needs_login` by a new credential. */
export const ACCOUNT_STATES = [
  "ready",
  "cooling",
  "exhausted",
  "needs_login",
  "disabled_auto",
  "disabled_by_user",
] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

export interface Health {
  readonly state: AccountState;
  /** Epoch ms; counts only while the state is "cooling" or "exhausted". */
  readonly until: number | undefined;
  /** Why, in words for the owner (English; no secret); undefined while ready. */
  readonly reason: string | undefined;
  /** The failure kind behind the reason, so that a page can say it in its own language. */
  readonly reasonKind: string | undefined;
  /** Epoch ms of the last change of state. */
  readonly since: number;
  /** Failures in a row that blamed the account. */
  readonly rotationFailures: number;
  /** Rate limits in a row, for the doubling wait. */
  readonly rateLimits: number;
}

export interface AccountCounters {
  readonly attempts: number;
  readonly successes: number;
  readonly failures: number;
  /** Of all time; the ones in a row stand in Health. */
  readonly rotationFailures: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface AccountSettings {
  readonly label: string;
  /** Lower is tried first within the provider; 0 by default. */
  readonly priority: number;
  /** Turns at once; undefined for the gateway's default. */
  readonly concurrency: number | undefined;
  /** Turns an hour, begun at even distances; undefined for no such limit. */
  readonly requestsPerHour: number | undefined;
  /** The http(s) proxy of all its calls, with its password if it has one: kept sealed. Undefined for the gateway's own. */
  readonly proxy: string | undefined;
  /** Names or patterns with `*` of the only models it may serve; undefined for all that it can. */
  readonly models: readonly string[] | undefined;
}

/**
 * Where an account came from. "environment" accounts come from a variable and are retired when it no longer names them;
 * "guest" accounts are sessions that a service gives to any visitor, made and replaced by the gateway.
 */
export type AccountSource = "console" | "environment" | "guest";

export interface AccountRecord {
  /** `acc_…`, never reused. */
  readonly id: string;
  readonly provider: string;
  readonly settings: AccountSettings;
  /** SHA-256 (hex) of provider and identity: the same cookie is one account, whatever form it was pasted in. */
  readonly identityHash: string;
  /** The provider's own shape, opened; undefined when the stored one cannot be read, and the state is then "needs_login". */
  readonly credential: unknown;
  readonly source: AccountSource;
  /** SHA-256 (hex) of the variable's entry this account was made from: a stored credential wins until this changes. */
  readonly sourceHash: string | undefined;
  readonly userAgent: string;
  readonly memory: unknown;
  readonly quota: unknown;
  readonly health: Health;
  readonly counters: AccountCounters;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  /** Epoch ms; a retired account is out of sight and keeps its history. */
  readonly retiredAt: number | undefined;
}

/** What may change together with a credential. */
export interface CredentialChange {
  readonly sourceHash?: string | undefined;
  /** The account holds another login from now on; a retired account with that login gives it up. */
  readonly identityHash?: string | undefined;
}

export interface Accounts {
  /** Every account that is not retired, in order of creation. */
  all(): Promise<AccountRecord[]>;
  /** The account with this identity, retired or not. */
  byIdentity(identityHash: string): Promise<AccountRecord | undefined>;
  /** @throws GatewayError invalid-request when there is one with this id or identity */
  insert(account: AccountRecord): Promise<void>;
  /**
   * What `change` leaves out stays. When it cannot be committed, the credential is also put into a file beside the
   * database where that is possible: the next start takes it from there.
   */
  saveCredential(id: string, credential: unknown, change?: CredentialChange): Promise<void>;
  saveHealth(id: string, health: Health): Promise<void>;
  saveSettings(id: string, settings: AccountSettings): Promise<void>;
  /** Takes it out of sight and keeps its row. */
  retire(id: string, retiredAt: number): Promise<void>;
  /** The reverse, for whoever names it now. */
  bringBack(id: string, source: AccountSource): Promise<void>;
  /** Forgets the account, its credential and its upstream chats for good; the request log keeps its id. */
  remove(id: string): Promise<void>;
  /** Written behind. */
  touchMemory(id: string, memory: unknown): void;
  touchQuota(id: string, quota: unknown): void;
}

export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  /** What may be shown of it: `sk-sluice-7f3a…`. */
  readonly prefix: string;
  /** SHA-256 of the whole key, hex. */
  readonly hash: string;
  readonly admin: boolean;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface ApiKeys {
  /** Revoked ones too. */
  all(): Promise<ApiKeyRecord[]>;
  insert(key: ApiKeyRecord): Promise<void>;
  /** The first time counts. */
  revoke(id: string, at: number): Promise<void>;
  /** Written behind. */
  touch(id: string, at: number): void;
}

/** One try of one request at one account. */
export interface AttemptRecord {
  readonly requestId: string;
  /** From 1. */
  readonly number: number;
  readonly provider: string;
  /** Undefined for a provider without accounts and for a caller's own account. */
  readonly accountId: string | undefined;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** "ok", or the failure kind. */
  readonly outcome: string;
  /** The failure in words; no secret. */
  readonly message: string | undefined;
  /** Whether it counts as a rotation failure of the account. */
  readonly rotationFailure: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** One request as the log shows it. */
export interface RequestRecord {
  /** `req_…` */
  readonly id: string;
  readonly at: number;
  readonly dialect: string;
  readonly keyName: string | undefined;
  readonly model: string;
  readonly provider: string | undefined;
  readonly accountId: string | undefined;
  readonly attempts: number;
  readonly stream: boolean;
  /** The status the client saw; a stream that broke later keeps 200 and has an outcome other than "ok". */
  readonly status: number;
  readonly outcome: string;
  readonly message: string | undefined;
  readonly firstEventMs: number | undefined;
  readonly durationMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usageEstimated: boolean;
}

/** All that is given must fit, exactly. */
export interface RequestFilter {
  /** At most 1,000. */
  readonly limit: number;
  /** Epoch ms, excluded. */
  readonly before?: number;
  readonly id?: string;
  readonly accountId?: string;
  readonly outcome?: string;
}

export interface HourFigures {
  readonly requests: number;
  /** Those with the outcome "ok". */
  readonly answered: number;
  /** Requests per two minutes, oldest first, 30 figures. */
  readonly spark: readonly number[];
  /** Of the newest 5,000 in the hour. */
  readonly firstEventMedianMs: number | undefined;
  /** Input and output. */
  readonly tokensToday: number;
  /** How many of them are estimates. */
  readonly tokensTodayEstimated: number;
}

export interface Attempts {
  /** Written behind; also moves the account's counters and last use. */
  recordAttempt(attempt: AttemptRecord): void;
  recordRequest(request: RequestRecord): void;
  /** Newest first; includes what is still to be written. */
  requests(filter: RequestFilter): Promise<RequestRecord[]>;
  attemptsOf(requestId: string): Promise<AttemptRecord[]>;
  /** `now` and `dayStart` in epoch ms. */
  lastHour(now: number, dayStart: number, provider?: string): Promise<HourFigures>;
  /** Drops what is older than `before` (epoch ms) or beyond `keep` rows; a bounded piece of work a call. */
  prune(before: number, keep: number): Promise<void>;
}

/**
 * A chat that an upstream keeps. "ready": empty, waiting; "busy": in a turn; "kept": holds the history `key`;
 * "leaving": to be deleted upstream at `dueAt`.
 */
export interface ConversationRecord {
  readonly upstreamId: string;
  readonly accountId: string;
  readonly state: "ready" | "busy" | "kept" | "leaving";
  /** Hash of caller, provider, model and the normalised history it holds. */
  readonly key: string | undefined;
  /** Epoch ms of the next thing to do about it; a kept chat is not lent from then on. */
  readonly dueAt: number;
  /** Deletions that failed so far. */
  readonly tries: number;
}

export interface Conversations {
  /**
   * Inserts or replaces the row of (accountId, upstreamId); one that is ready or busy is of a new chat. Once it resolves,
   * and at once where it gives undefined, no kill leaves the chat unknown. A "kept" one is committed by then; the row of
   * any other is written behind, and where it is lost the chat comes back as "leaving".
   */
  put(conversation: ConversationRecord): Promise<void> | undefined;
  /** Takes the kept chat of this history for one turn (now "busy"), or undefined. Two callers never get the same one. */
  claim(key: string, now: number): Promise<ConversationRecord | undefined>;
  /** Written behind: a row that a crash brings back is a chat that is deleted once more. */
  drop(accountId: string, upstreamId: string): void;
  all(): Promise<ConversationRecord[]>;
}

/** A sign-in that was begun, until it is done and seen. */
export interface SignInRecord {
  /** `login_…` */
  readonly id: string;
  readonly provider: string;
  /** What was begun and what became of it, as JSON; kept sealed. Undefined when it cannot be read any more. */
  readonly data: unknown;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Epoch ms from which it is forgotten. */
  readonly keptUntil: number;
}

export interface SignIns {
  /** In order of creation; also forgets those whose time is over. */
  all(now: number): Promise<SignInRecord[]>;
  /** Inserts or replaces. */
  put(signIn: SignInRecord): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface AdminSession {
  readonly tokenHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface AdminSessions {
  find(tokenHash: string, now: number): Promise<AdminSession | undefined>;
  insert(session: AdminSession): Promise<void>;
  remove(tokenHash: string): Promise<void>;
  removeAll(): Promise<void>;
}

/** Small JSON values by name; undefined for a name that is not there. */
export interface Settings {
  get(name: string): Promise<unknown>;
  all(): Promise<Readonly<Record<string, unknown>>>;
  set(name: string, value: unknown): Promise<void>;
  /** Written behind. */
  touch(name: string, value: unknown): void;
  remove(name: string): Promise<void>;
}

export interface Store {
  readonly accounts: Accounts;
  readonly keys: ApiKeys;
  readonly attempts: Attempts;
  readonly conversations: Conversations;
  readonly signIns: SignIns;
  readonly sessions: AdminSessions;
  readonly settings: Settings;
  /** Why writing does not work right now, in words; undefined while it does. */
  trouble(): string | undefined;
  /** Writes what is still behind. @throws GatewayError store-unavailable */
  flush(): Promise<void>;
  /** A consistent copy into a 0600 file, whole or not there at all. @throws GatewayError store-unavailable */
  backup(path: string): Promise<void>;
  /** Flushes and closes; closes as well when it could not flush, and then rejects. */
  close(): Promise<void>;
}
