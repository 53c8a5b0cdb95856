/**
 * What an operator can do, once: the console, the JSON API under /api and the command line all speak to this interface.
 * Everything goes in and out as JSON. Errors are GatewayErrors with kind invalid-request, unknown-path (no such thing)
 * or store-unavailable, and name the field.
 */
import type { FailureKind } from "../chat/error.ts";
import type { GuestStatus } from "../pool/guests.ts";
import type { AccountStatus } from "../pool/status.ts";
import type { AccountState, AttemptRecord, HourFigures, RequestFilter, RequestRecord } from "../store/store.ts";
import type { ExportOptions, ExportResult } from "./export.ts";
import type { ImportOptions, ImportReport } from "./import/report.ts";

/** An account as a page or a script sees it. */
export type AccountView = AccountStatus;

/** Changes to an account's settings. What is left out stays; null goes back to the default. */
export interface AccountChanges {
  readonly label?: string | null;
  /** -1000 to 1000. */
  readonly priority?: number | null;
  /** 1 to 100. */
  readonly concurrency?: number | null;
  /** 1 to 100,000. */
  readonly requestsPerHour?: number | null;
  /** `http://host:port` or `https://name:password@host:port`. */
  readonly proxy?: string | null;
  /** An empty list is as good as null. */
  readonly models?: readonly string[] | null;
}

/** An account that was just added or renewed. */
export interface AdmittedAccount extends AccountView {
  /** Why its credential could not be checked, in words; undefined when it was, or should not be. */
  readonly unchecked?: string;
}

/** What was pasted and not added: the upstream refused it when it was checked, or it is no credential at all. */
export interface RefusedLogin {
  /** A safe short form of the credential; `line 3` where there is none. */
  readonly hint: string;
  /** From 1; undefined where lines do not stand for themselves. */
  readonly line?: number;
  readonly reason: string;
}

export interface AddResult {
  readonly added: readonly AdmittedAccount[];
  /** Accounts that were there already; their credential was renewed if it differed. */
  readonly known: readonly AdmittedAccount[];
  readonly refused: readonly RefusedLogin[];
}

export interface TestResult {
  readonly ok: boolean;
  readonly model: string;
  readonly durationMs: number;
  /** The beginning of the answer, or the exact error. */
  readonly text: string;
  readonly kind: string | undefined;
}

export interface ApiKeyView {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly admin: boolean;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

export interface ProviderView {
  readonly name: string;
  readonly title: string;
  /** False for the demo: it needs no account. */
  readonly needsAccounts: boolean;
  readonly models: readonly string[];
  readonly strategy: string;
  /** "closed" is normal; "open" until `breakerUntil`: the service itself seems to be down. */
  readonly breaker: "closed" | "open" | "trial";
  readonly breakerUntil: number | undefined;
  /** Accounts by state. */
  readonly states: Readonly<Record<AccountState, number>>;
  readonly waiting: number;
  /** Sessions that the service gives to any visitor; undefined for a service that has none. */
  readonly guests?: GuestStatus | undefined;
  readonly hour: HourFigures;
  readonly help: Readonly<Record<"en" | "zh", string>> | undefined;
}

/**
 * The verdict in one word: "fine", "limited" (some accounts or providers are out), "down" (nothing answers), "empty" (no
 * account yet: at most the demo and guest sessions answer), "degraded" (chat goes on, but nothing can be saved),
 * "starting".
 */
export type VerdictState = "fine" | "limited" | "down" | "empty" | "degraded" | "starting";

export interface Verdict {
  readonly state: VerdictState;
  /** The provider the sentence is about, when it is about one. */
  readonly provider: string | undefined;
  readonly usable: number;
  readonly total: number;
  /** How many accounts wait for each remedy. */
  readonly needsLogin: number;
  readonly disabledAuto: number;
  readonly cooling: number;
  readonly exhausted: number;
  /** Epoch ms at which the first resting account is back; undefined when none will come back by itself. */
  readonly nextBackAt: number | undefined;
  /** Store trouble, in words. */
  readonly trouble: string | undefined;
  /** Why a service gives no guest sessions; undefined while none is refused. */
  readonly guests?: ({ readonly provider: string } & GuestTrouble) | undefined;
}

export interface GuestTrouble extends Pick<GuestStatus, "needsLogin" | "retryAt"> {
  /** In words. */
  readonly failure: string;
}

export interface Overview {
  readonly at: number;
  readonly version: string;
  /** The folder of the database, its key and its backups. */
  readonly dataDir: string;
  /** The database file, absolute. */
  readonly database: string;
  readonly verdict: Verdict;
  readonly providers: readonly ProviderView[];
  readonly accounts: readonly AccountView[];
  readonly hour: HourFigures;
  readonly notices: readonly string[];
}

/** A way to sign in at a provider, and what it asks for first. */
export interface SignInMethodView {
  readonly provider: string;
  readonly providerTitle: string;
  readonly id: string;
  readonly title: Readonly<Record<"en" | "zh", string>>;
  readonly fields: readonly {
    readonly name: string;
    readonly label: Readonly<Record<"en" | "zh", string>>;
    readonly required: boolean;
    readonly initial?: string;
  }[];
}

/** A sign-in. No secret is in it but the address to open, which is for its owner alone. Times are epoch ms. */
export interface SignInView {
  readonly id: string;
  readonly provider: string;
  readonly providerTitle: string;
  readonly method: string;
  readonly methodTitle: Readonly<Record<"en" | "zh", string>>;
  readonly label: string | undefined;
  /** The account that gets the new login; undefined for a new account. */
  readonly accountId: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly status: "open" | "done" | "failed";
  /** Why it failed, or why an open one is not done yet. */
  readonly reason: string | undefined;
  /** The kind of failure that `reason` tells of; undefined when only the time was over. */
  readonly reasonKind?: FailureKind | undefined;
  /**
   * What the user does; undefined when it is over. "code": type it at the address; the gateway asks the service by
   * itself. "browser": open the address; when the browser does not come back to this machine (`listens` is false, or it
   * runs on another one), its final address is handed to `complete`.
   */
  readonly prompt:
    | { readonly kind: "code"; readonly userCode: string; readonly url: string; readonly pollAfterMs: number }
    | { readonly kind: "browser"; readonly url: string; readonly listens: boolean }
    | undefined;
  /** What came of it, once it is done. */
  readonly accounts: readonly AccountView[];
}

export interface Admin {
  overview(): Promise<Overview>;
  readonly accounts: {
    list(): Promise<AccountView[]>;
    /**
     * `text` in any form the provider's users paste. Checked at once: a dead credential is refused with words, and one bad
     * line takes no other with it. What cannot be checked now is added, and says so.
     */
    add(provider: string, text: string, options?: { label?: string; check?: boolean }): Promise<AddResult>;
    /** A new credential for this account (a new cookie after "sign in again"). */
    renew(id: string, text: string): Promise<AdmittedAccount>;
    /** One real tiny request over this account. */
    test(id: string): Promise<TestResult>;
    enable(id: string): Promise<AccountView>;
    disable(id: string): Promise<AccountView>;
    /** Ready again, counters in a row at zero, whatever it was. */
    reset(id: string): Promise<AccountView>;
    rename(id: string, label: string): Promise<AccountView>;
    /** Takes effect with the next request. */
    configure(id: string, changes: AccountChanges): Promise<AccountView>;
    /** Asks now what is left of its allowance and which models it serves. @throws GatewayError why the upstream did not say */
    sync(id: string): Promise<AccountView>;
    remove(id: string): Promise<void>;
  };
  readonly signIn: {
    methods(): Promise<SignInMethodView[]>;
    /** `input` holds the method's fields by name. With `accountId` that account gets the new login. */
    begin(
      provider: string,
      method: string,
      input?: Readonly<Record<string, string>>,
      options?: { label?: string; accountId?: string },
    ): Promise<SignInView>;
    /** How it stands; asks the service when that is due. Nobody has to call it: a code is polled in the background. */
    poll(id: string): Promise<SignInView>;
    /** The address that the browser ended on. */
    complete(id: string, address: string): Promise<SignInView>;
    cancel(id: string): Promise<void>;
    /** Open ones and those that ended in the last hour, newest first. */
    list(): Promise<SignInView[]>;
  };
  readonly keys: {
    list(): Promise<ApiKeyView[]>;
    /** The key itself is in the answer once and never again. */
    create(name: string, options?: { admin?: boolean }): Promise<{ key: string; view: ApiKeyView }>;
    revoke(id: string): Promise<void>;
  };
  readonly requests: {
    list(filter: RequestFilter): Promise<RequestRecord[]>;
    attempts(requestId: string): Promise<AttemptRecord[]>;
  };
  readonly settings: {
    get(): Promise<SettingView[]>;
    /** `undefined` goes back to the default. */
    set(name: string, value: string | undefined): Promise<void>;
  };
  /** What brings accounts in from elsewhere and takes them out again. */
  readonly transfer: {
    /** Recognises each file by what it holds. Bad entries are refused one by one; what is there already stays as it is. */
    importFiles(options: ImportOptions): Promise<ImportReport>;
    /** Accounts in one document that `importFiles` takes back; sealed by a passphrase unless it is wanted in clear. */
    exportAccounts(options: ExportOptions): Promise<ExportResult>;
  };
  /** Replaces the console password and ends every session. */
  setPassword(password: string): Promise<void>;
  /** Calls `changed` (at most once a second) when something the overview shows has changed; returns the unsubscribe. */
  watch(changed: () => void): () => void;
}

export interface SettingView {
  readonly name: string;
  readonly value: string;
  readonly defaultValue: string;
  /** Where the value comes from; flags and environment lock it in the console. */
  readonly source: "default" | "console" | "environment" | "flag";
  /** What may be typed: "1 to 100", or the words to choose from. */
  readonly allowed: string;
  readonly unit: string | undefined;
}
