/**
 * What an upstream service must offer to live here. A provider knows its service and nothing else: not who asked, not
 * which account is next, not the store. It gets one account, a fetch and a clock, and yields neutral events.
 */
import type { Capabilities } from "../chat/capabilities.ts";
import type { UpstreamStream } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import type { Abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import type { UpstreamFetch } from "../lib/fetch.ts";
import type { Log } from "../lib/log.ts";

/** A model as `/v1/models` lists it. */
export interface ModelInfo {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly ownedBy: string;
  /** Input and output together, when the upstream tells. */
  readonly contextTokens?: number;
}

/** What is left of an account's allowance. */
export interface Quota {
  readonly used: number;
  /** Undefined means no limit is known. */
  readonly limit?: number;
  readonly unit: string;
  /** Epoch ms of the next reset. */
  readonly resetsAt?: number;
  readonly plan?: string;
}

/** One login at the upstream. `credential` is opened and of the provider's own shape. */
export interface ProviderAccount<C> {
  readonly id: string;
  /** The user's name for it; for texts. */
  readonly label: string;
  readonly credential: C;
  /** What the provider chose to remember about this account with `remember`; undefined at first. */
  readonly memory: unknown;
  /** The browser string this account always uses. */
  readonly userAgent: string;
}

/** The means to speak to the service before there is an account: for sign-ins and guests. */
export interface ServiceContext {
  /** Connect deadline, no redirects and the proxy are already in it. Pass `signal` on. */
  readonly fetch: UpstreamFetch;
  /** The outbound proxy (http or https address) for sockets, which `fetch` does not cover. */
  readonly proxy?: string;
  readonly clock: Clock;
  /** Aborts when the client left, a deadline passed or the gateway stops. Every await on the upstream ends with it. */
  readonly signal: Abortable;
  readonly log: Log;
}

/** One account and the means to speak for it. */
export interface AccountContext<C> extends ServiceContext {
  readonly account: ProviderAccount<C>;
  /** Commits a changed credential. It may be used only after this resolves. Throws store-unavailable. */
  save(credential: C): Promise<void>;
  /**
   * A newer credential than `stale`: the one another turn already renewed, or the result of one `refresh` that all
   * callers share. Throws auth-rejected when the upstream refuses.
   */
  renew(stale: C): Promise<C>;
  /** Keeps a small JSON value with the account (written behind). */
  remember(memory: unknown): void;
}

/** A chat that the upstream keeps. `continued` means it already holds all but the messages of this request. */
export interface UpstreamChat {
  readonly id: string;
  readonly continued: boolean;
}

export interface TurnContext<C> extends AccountContext<C> {
  /** The upstream's model, as `match` gave it. */
  readonly model: string;
  /** Set when the provider has `chats`. */
  readonly chat?: UpstreamChat;
}

/** How users hand in an account of this provider. */
export interface CredentialKind<C> {
  /**
   * Reads every form users paste; one text may hold several accounts.
   * @throws GatewayError invalid-request that names what is missing and where to find it; never repeats the secret
   */
  parse(text: string): C[];
  /** Narrows what the store gives back. @throws GatewayError invalid-request */
  restore(stored: unknown): C;
  /** What makes two pastes the same account. Only its hash is kept. */
  identity(credential: C): string;
  /** A short form that is safe to show: `…4f2a`. */
  hint(credential: C): string;
  /** Epoch ms at which it lapses, if it tells. */
  expiresAt?(credential: C): number | undefined;
  /** What it says itself about its account; holds from when it is added until the owner changes it. */
  settings?(credential: C): { readonly label?: string; readonly priority?: number };
  /** Reads an `Authorization` value that a caller sent as their own account; undefined when it is none. */
  fromBearer?(value: string): C[] | undefined;
  /** Where to find it, shown beside the paste box. */
  readonly help: Readonly<Record<"en" | "zh", string>>;
}

/** The upstream keeps chats by id. The router opens, reuses and deletes them; the provider only knows how. */
export interface ChatKeeping<C> {
  /** Makes an empty chat and resolves to its id. */
  open(context: AccountContext<C>, model: string): Promise<string>;
  /** Deletes a chat. An unknown id is success. */
  remove?(context: AccountContext<C>, chatId: string): Promise<void>;
  /** Keep one empty chat ready per account in use, so that `open` costs the client no time. */
  readonly ready: boolean;
  /** "ephemeral": delete after the turn; "reuse": keep it for the follow-up of the same history. */
  readonly keep: "ephemeral" | "reuse";
  /** The wait before a chat is deleted, ms, a range. */
  readonly deleteDelayMs: readonly [number, number];
}

/** What the user fills in before a sign-in begins. */
export interface SignInField {
  readonly name: string;
  readonly label: Readonly<Record<"en" | "zh", string>>;
  readonly required: boolean;
  readonly initial?: string;
}

/** A sign-in under way. Small JSON that is kept sealed, so that it survives a restart. */
export interface SignInState {
  readonly method: string;
  /** The provider's own: verifier, device code. Secret. */
  readonly data: unknown;
  /** Epoch ms. */
  readonly expiresAt: number;
  /** What to show: a code to type at an address, or an address to open whose final form comes back. */
  readonly prompt:
    | { readonly kind: "code"; readonly userCode: string; readonly url: string; readonly pollAfterMs: number }
    | {
        readonly kind: "browser";
        readonly url: string;
        readonly callback?: { readonly port: number; readonly path: string };
      };
}

/** How an account signs in with a code or a browser instead of a pasted secret. */
export interface SignIn<C> {
  readonly methods: readonly {
    readonly id: string;
    readonly title: Readonly<Record<"en" | "zh", string>>;
    readonly fields: readonly SignInField[];
  }[];
  begin(method: string, input: Readonly<Record<string, string>>, context: ServiceContext): Promise<SignInState>;
  /** Asks once whether the user is done. @throws GatewayError auth-rejected when it was refused or ran out */
  poll?(state: SignInState, context: ServiceContext): Promise<{ credential: C } | { state: SignInState }>;
  /** Takes the address the browser ended on. @throws GatewayError invalid-request when it is not that address */
  complete?(state: SignInState, address: string, context: ServiceContext): Promise<C>;
}

/** Sessions that the site gives any visitor. Made only to fill `count` or to replace a dead one. */
export interface Guests<C> {
  readonly count: number;
  create(context: ServiceContext): Promise<C>;
}

/** What a probe learnt about an account whose credential works. */
export interface ProbeResult {
  readonly quota?: Quota;
  /** Epoch ms at which the allowance comes back; set only when nothing is left of it. */
  readonly exhaustedUntil?: number;
}

export interface Provider<C = unknown> {
  /** Lower case, fit for a URL segment; a reserved word. */
  readonly name: string;
  /** As people write it: "LongCat". */
  readonly title: string;
  readonly capabilities: Capabilities;
  /** Undefined: the provider answers by itself and needs no account. */
  readonly credential: CredentialKind<C> | undefined;
  readonly models: readonly ModelInfo[];
  /** The upstream model a client's name means, by exact name, alias or rule; undefined when it means none here. */
  match(name: string): string | undefined;
  /**
   * One turn. Yields batches of events, the last event being `end`; a stream that cannot reach `end` throws.
   * @throws GatewayError of a kind that says whom it blames
   */
  chat(request: ChatRequest, context: TurnContext<C>): UpstreamStream;
  /** The cheapest free question that tells whether the account works. @throws GatewayError when it does not */
  probe?(context: AccountContext<C>): Promise<ProbeResult>;
  /** Renews a credential. The pool runs one at a time per account and commits the result before anyone uses it. */
  readonly refresh?: {
    /** Epoch ms at which it should be renewed; undefined for never. */
    dueAt(credential: C): number | undefined;
    run(context: AccountContext<C>): Promise<C>;
  };
  readonly chats?: ChatKeeping<C>;
  readonly signIn?: SignIn<C>;
  readonly guests?: Guests<C>;
  /**
   * The models that this account serves, where that differs by account (its plan, its own service). Undefined: all.
   * The pool lends an account only for what is listed here, and the model list is the union.
   */
  modelsOf?(account: Pick<ProviderAccount<C>, "credential" | "memory">): readonly ModelInfo[] | undefined;
  /** Asks the upstream for the account's models and keeps them with `remember`; run on a timer and on demand. */
  refreshModels?(context: AccountContext<C>): Promise<void>;
  /** Forgets which models the account was found to lack: a person says that it is to begin anew. */
  forgetLacks?(context: AccountContext<C>): void;
  /**
   * The service behind this credential, where accounts of one provider belong to several: one that is down, or whose
   * model is overloaded, says nothing about the others. Undefined: all accounts share one service.
   */
  serviceOf?(credential: C): string;
  /** How long the first event may take, ms, for this request. */
  firstEventMs(request: ChatRequest): number;
}
