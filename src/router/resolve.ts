import { GatewayError } from "../chat/error.ts";
import type { NamedService } from "../pool/named-services.ts";
import type { ModelInfo, Provider } from "../providers/provider.ts";
import { aliasesOf, builtInAliases, namesExactly, type AliasTable } from "./aliases.ts";
import { isSameModel, listedNames } from "./names.ts";
import { nearNames } from "./near.ts";

/** One way to serve a model name. */
export interface Target {
  readonly provider: Provider;
  /** The upstream's own name of the model. */
  readonly model: string;
  /** The id of the account that the name means, where it names one. */
  readonly account?: string;
}

/** What the user has set. */
interface RoutingTables {
  /** Names of providers, the first to be asked first; those it leaves out follow in the usual order. */
  readonly order?: readonly string[];
  /** The user's own names. */
  readonly aliases?: AliasTable;
  /** By model name: what to ask, as `provider/model` or a model's name, when everybody who serves it has failed. */
  readonly fallbacks?: Readonly<Record<string, readonly string[]>>;
}

export interface ResolverDeps {
  readonly providers: readonly Provider[];
  readonly defaultModel: () => string;
  /** The names that `/v1/models` shows; undefined for all. */
  readonly knownModels: () => readonly string[] | undefined;
  /** Gives another object when one of them has changed. */
  readonly tables?: () => RoutingTables;
  /** What a provider's accounts serve, where that differs from the provider's list. */
  readonly accountModels?: (provider: string) => readonly ModelInfo[];
  /** Accounts that may be addressed as `name/model`. */
  readonly services?: () => readonly NamedService[];
  /** Moves whenever `accountModels` or `services` may give something else; without it they are asked each time. */
  readonly revision?: () => number;
  /** Whether anybody could serve this provider's models: what nobody has an account for is not listed. */
  readonly offers?: (provider: Provider) => boolean;
}

/** Services that a user has named by address come first: a key is faster and surer than a session of a web page. */
const USUAL_ORDER = ["openai-compatible", "anthropic", "kiro", "cto", "langfast", "longcat"] as const;

/** Names that clients send are theirs to choose: what is remembered of them stays bounded. */
const MOST_REMEMBERED = 1000;

/** Turns model names into targets, and targets into the list of models. */
export class Resolver {
  readonly #deps: ResolverDeps;
  /** What names meant while nothing that decides it was replaced: each request asks, and the search is long. */
  readonly #remembered = new Map<string, readonly Target[]>();
  /** What decides it, by place: the tables, the services, then each provider's list. */
  readonly #basis: unknown[] = [];
  /** Of the accounts' part of it, when that was last looked at. */
  #revision: number | undefined;

  constructor(deps: ResolverDeps) {
    this.#deps = deps;
  }

  get defaultModel(): string {
    return this.#deps.defaultModel();
  }

  /**
   * Every target of a name, best first, never empty: what the user's own entry for exactly this name says; else the
   * providers that list the model, however it is spelled there; then what the user's wildcards say, the short names that
   * every gateway knows, and the providers that know the name as an alias; else `provider/model`, which means that
   * provider alone, or `name/model` with the name of one service. The user's fallbacks for the name follow.
   * @param name undefined for the default model
   * @param only the provider that the path or the caller's accounts fix; it has no fallbacks
   * @throws GatewayError unknown-model that lists near names, or says where all stand
   */
  resolve(name: string | undefined, only?: string): readonly Target[] {
    const wanted = name ?? this.defaultModel;
    const key = `${only ?? ""} ${wanted}`;
    this.#forgetIfChanged();
    const remembered = this.#remembered.get(key);
    if (remembered) return remembered;
    const own = this.#meant(wanted, only);
    const targets = only === undefined ? distinct([...own, ...this.#fallbacks(wanted)]) : own;
    if (targets.length > 0) {
      if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(key, targets);
      return targets;
    }
    const served = this.models(only).filter(({ id }) => this.#isServed(id, only));
    const near = nearNames(
      wanted,
      served.map(({ id }) => id),
    );
    const hint = near.length > 0 ? `Did you mean ${near.join(", ")}?` : "GET /v1/models lists those there are.";
    throw new GatewayError("unknown-model", `There is no model "${wanted.slice(0, 100)}" here. ${hint}`, {
      field: "model",
    });
  }

  /** What `/v1/models` lists: each name once, in the order of the providers, or as KNOWN_MODELS orders them. */
  models(only?: string): readonly ModelInfo[] {
    const byId = new Map<string, ModelInfo>();
    for (const provider of this.#providers(only)) {
      if (only === undefined && this.#deps.offers?.(provider) === false) continue;
      for (const model of this.#modelsOf(provider)) if (!byId.has(model.id)) byId.set(model.id, model);
    }
    const known = this.#deps.knownModels();
    if (!known) return [...byId.values()];
    return known.flatMap((name) => {
      const listed = byId.get(name);
      if (listed) return [listed];
      const [target] = this.#meant(name, only);
      return target ? [{ id: name, created: 0, ownedBy: target.provider.name }] : [];
    });
  }

  /** Whether somebody lists what the name means: KNOWN_MODELS may name what the plans turned out to lack. */
  #isServed(name: string, only: string | undefined): boolean {
    return this.#meant(name, only).some(({ provider, model, account }) => {
      const lists = ({ id }: ModelInfo) => id === model || provider.match(id) === model;
      return account !== undefined || this.#modelsOf(provider).some(lists);
    });
  }

  /** Tables and lists are replaced, never changed in place. */
  #forgetIfChanged(): void {
    const { tables, services, providers, revision } = this.#deps;
    this.#restOn(0, tables?.());
    const now = revision?.();
    if (now !== undefined && now === this.#revision) return;
    this.#revision = now;
    this.#restOn(1, services?.());
    let place = 2;
    for (const provider of providers) this.#restOn(place++, this.#modelsOf(provider));
  }

  #restOn(place: number, part: unknown): void {
    if (this.#basis[place] === part) return;
    this.#basis[place] = part;
    this.#remembered.clear();
  }

  /** What a name means by the user's table, by the providers' lists and by their own aliases, in this order. */
  #meant(name: string, only: string | undefined): Target[] {
    const aliases = this.#deps.tables?.().aliases ?? {};
    const said = (): Target[] => this.#first(aliasesOf(name, aliases), only);
    if (namesExactly(name, aliases)) {
      const own = said();
      if (own.length > 0) return own;
    }
    const { listed, known } = this.#served(name, only);
    if (listed.length > 0) return [...listed, ...known];
    for (const found of [said(), this.#family(name, only), known]) if (found.length > 0) return found;
    return this.#qualified(name, only);
  }

  /** The targets of the first of these meanings that anybody serves. A meaning is never taken for an alias again. */
  #first(meanings: readonly string[], only: string | undefined): Target[] {
    for (const meaning of meanings) {
      const { listed, known } = this.#served(meaning, only);
      const targets = [...listed, ...known];
      if (targets.length > 0) return targets;
      const qualified = this.#qualified(meaning, only);
      if (qualified.length > 0) return qualified;
    }
    return [];
  }

  /** `provider/model`, else `name/model`. */
  #qualified(name: string, only: string | undefined): Target[] {
    const slash = name.indexOf("/");
    const prefix = name.slice(0, Math.max(slash, 0)).toLowerCase();
    if (slash <= 0) return [];
    if (this.#deps.providers.every((provider) => provider.name !== prefix)) return this.#atService(name, only);
    if (only !== undefined && only !== prefix) return [];
    const model = name.slice(slash + 1);
    const { listed, known } = this.#served(model, prefix);
    if (listed.length + known.length > 0) return [...listed, ...known];
    return this.#family(model, prefix);
  }

  /** `name/model`, where exactly one service has that name. Models and names may have slashes of their own. */
  #atService(name: string, only: string | undefined): Target[] {
    const wanted = name.toLowerCase();
    const isMeant = ({ provider, label }: NamedService) =>
      (only === undefined || only === provider) && wanted.startsWith(`${label.toLowerCase()}/`);
    const meant = (this.#deps.services?.() ?? []).filter(isMeant);
    const isAlone = ({ label }: NamedService) =>
      meant.filter((other) => other.label.toLowerCase() === label.toLowerCase()).length === 1;
    const targets = meant.filter(isAlone).flatMap(({ provider: owner, label, accountId, models }): Target[] => {
      const provider = this.#deps.providers.find((each) => each.name === owner);
      const listed = listedNames(
        name.slice(label.length + 1),
        models.map(({ id }) => id),
      );
      return provider && listed[0] !== undefined ? [{ provider, model: listed[0], account: accountId }] : [];
    });
    return targets.length === 1 ? targets : [];
  }

  /** A short name means the first of its versions that an account lists; else the first that a provider knows. */
  #family(name: string, only: string | undefined): Target[] {
    const names = builtInAliases(name);
    for (const each of names) {
      const { listed } = this.#served(each, only);
      if (listed.length > 0) return listed;
    }
    return this.#first(names, only);
  }

  #fallbacks(name: string): Target[] {
    const chains = Object.entries(this.#deps.tables?.().fallbacks ?? {});
    const wanted = name.toLowerCase();
    const chain =
      chains.find(([key]) => key.toLowerCase() === wanted) ?? chains.find(([key]) => isSameModel(key, name));
    return (chain?.[1] ?? []).flatMap((meaning) => this.#first([meaning], undefined));
  }

  /** Providers that list the model, and those that only know the name, each in the order of priority. */
  #served(name: string, only: string | undefined): { listed: Target[]; known: Target[] } {
    const listed: Target[] = [];
    const known: Target[] = [];
    for (const provider of this.#providers(only)) {
      const ids = this.#modelsOf(provider).map(({ id }) => id);
      const matched = provider.match(name);
      const named = listedNames(name, ids);
      if (matched === undefined) {
        // Accounts of one provider may write one model differently.
        listed.push(...named.map((model) => ({ provider, model })));
      } else if (named.some((id) => id === name || isSameModel(matched, id))) {
        listed.push({ provider, model: matched });
      } else known.push({ provider, model: matched });
    }
    return { listed, known };
  }

  #providers(only: string | undefined): readonly Provider[] {
    const { providers } = this.#deps;
    if (only !== undefined) return providers.filter(({ name }) => name === only);
    const order: readonly string[] = [...(this.#deps.tables?.().order ?? []), ...USUAL_ORDER];
    const rank = ({ name }: Provider): number => (order.includes(name) ? order.indexOf(name) : order.length);
    return providers.toSorted((a, b) => rank(a) - rank(b));
  }

  #modelsOf(provider: Provider): readonly ModelInfo[] {
    return this.#deps.accountModels?.(provider.name) ?? provider.models;
  }
}

function distinct(targets: readonly Target[]): Target[] {
  return targets.filter(
    ({ provider, model, account }, index) =>
      targets.findIndex(
        (other) => other.provider === provider && other.model === model && other.account === account,
      ) === index,
  );
}
