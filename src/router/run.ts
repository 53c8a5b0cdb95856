import type { ChatStream } from "../chat/event.ts";
import type { ChatRequest } from "../chat/request.ts";
import type { Abortable } from "../lib/abort.ts";
import { Agenda } from "../lib/agenda.ts";
import type { Clock } from "../lib/clock.ts";
import type { FetchImage } from "../lib/fetch-image.ts";
import type { Log } from "../lib/log.ts";
import type { Pool } from "../pool/pool.ts";
import type { ModelInfo, Provider } from "../providers/provider.ts";
import type { Attempts } from "../store/store.ts";
import { RetryBudget } from "./budget.ts";
import type { Conversations } from "./conversation.ts";
import { Run, type RunMeans } from "./request-run.ts";
import type { Resolver } from "./resolve.ts";

/** Who sends a request. */
export type Caller =
  /** `id` tells keys of one name apart; undefined for the gateway's own questions. */
  | { readonly kind: "key"; readonly name: string; readonly id?: string }
  | { readonly kind: "open" }
  /** Accounts of the caller's own serve this request, and no others. */
  | { readonly kind: "own-accounts"; readonly provider: Provider; readonly credentials: readonly unknown[] };

export interface RunOptions {
  /** Aborts with a GatewayError when the client leaves or the gateway stops. */
  readonly signal: Abortable;
  /** For the request log. */
  readonly dialect: string;
  readonly caller: Caller;
  /** The provider that the path names (`/longcat/v1/…`). */
  readonly provider?: string | undefined;
  /** A person tests this account: it alone is tried, whatever its state, and success brings it back. */
  readonly accountId?: string | undefined;
}

/** Who answers. */
export interface Served {
  readonly provider: string;
  /** Undefined for a provider without accounts and for a caller's own account. */
  readonly accountId: string | undefined;
  /** The upstream's model. */
  readonly model: string;
  readonly attempts: number;
}

/** An answer that has begun: no failover past this point. The stream ends with `end`, or fails with a GatewayError. */
export interface Answer {
  readonly stream: ChatStream;
  readonly served: Served;
}

/** What may change while the gateway runs. */
export interface RouterSettings {
  /** Attempts of one request before its first event; one refused for its credential does not count. */
  readonly maxAttempts: number;
  /** Undefined for the provider's own. */
  readonly firstEventMs: number | undefined;
  readonly idleMs: number;
  /** Cap of a whole turn; undefined for none. */
  readonly turnMs: number | undefined;
  readonly rotationUses: number;
  readonly rotationMaxFailures: number;
}

export interface RouterDeps {
  readonly pool: Pool;
  readonly resolver: Resolver;
  readonly conversations: Conversations;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetchImage: FetchImage;
  /** Gives another object when they have changed. */
  readonly settings: () => RouterSettings;
}

/** From a request to the answer's first event, over as many accounts as it takes. */
export class Router {
  readonly #deps: RouterDeps;
  readonly #budget = new RetryBudget();
  readonly #agenda: Agenda;
  #settings: RouterSettings | undefined;
  #means: RunMeans | undefined;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#agenda = new Agenda(deps.clock);
  }

  /** The model of a request that names none. */
  get defaultModel(): string {
    return this.#deps.resolver.defaultModel;
  }

  /** Requests under way. */
  get active(): number {
    return this.#budget.active;
  }

  /** What `/v1/models` lists; `provider` limits it to one. */
  models(provider?: string): readonly ModelInfo[] {
    return this.#deps.resolver.models(provider);
  }

  /**
   * Resolves at the first event of the answer. Until then failures go to the next account, and then to the next target,
   * as `FAILURES` says; after it a failure ends the stream. The stream must be read to its end or cancelled.
   * @throws GatewayError the failure that the client should see when nobody could answer
   */
  run(request: ChatRequest, options: RunOptions): Promise<Answer> {
    return new Run(request, options, this.#meansNow()).answer();
  }

  #meansNow(): RunMeans {
    const settings = this.#deps.settings();
    if (!this.#means || this.#settings !== settings) {
      this.#settings = settings;
      this.#means = { ...this.#deps, ...settings, budget: this.#budget, agenda: this.#agenda };
    }
    return this.#means;
  }
}
