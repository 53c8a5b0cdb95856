import { GatewayError } from "../chat/error.ts";
import type { ModelInfo, Provider } from "../providers/provider.ts";
import { nearNames } from "./near.ts";

/** One way to serve a model name. */
export interface Target {
  readonly provider: Provider;
  /** The upstream's own name of the model. */
  readonly model: string;
}

export interface ResolverDeps {
  /** In order of preference. */
  readonly providers: readonly Provider[];
  readonly defaultModel: () => string;
  /** The names that `/v1/models` shows; undefined for all. */
  readonly knownModels: () => readonly string[] | undefined;
  /** What a provider's accounts serve by themselves, where that differs from the provider's list. */
  readonly accountModels?: (provider: string) => readonly ModelInfo[];
}

/** Turns model names into targets, and targets into the list of models. */
export class Resolver {
  readonly #deps: ResolverDeps;

  constructor(deps: ResolverDeps) {
    this.#deps = deps;
  }

  get defaultModel(): string {
    return this.#deps.defaultModel();
  }

  /**
   * Every target of a name, best first: providers that list exactly this name, then those that know it as an alias.
   * `provider/model` means that provider alone. Never empty.
   * @param name undefined for the default model
   * @param only the provider that the path or the caller's accounts fix
   * @throws GatewayError unknown-model that lists near names
   */
  resolve(name: string | undefined, only?: string): readonly Target[] {
    const wanted = name ?? this.defaultModel;
    const found = this.#targets(wanted, only);
    if (found.length > 0) return found;
    const slash = wanted.indexOf("/");
    const prefix = wanted.slice(0, Math.max(slash, 0));
    if (slash > 0 && (only === undefined || only === prefix)) {
      const named = this.#targets(wanted.slice(slash + 1), prefix);
      if (named.length > 0) return named;
    }
    const near = nearNames(
      wanted,
      this.models(only).map(({ id }) => id),
    );
    const hint = near.length > 0 ? ` Did you mean ${near.join(", ")}?` : "";
    throw new GatewayError("unknown-model", `There is no model "${wanted.slice(0, 100)}" here.${hint}`, {
      field: "model",
    });
  }

  /** What `/v1/models` lists: each name once, in the order of the providers, or as KNOWN_MODELS orders them. */
  models(only?: string): readonly ModelInfo[] {
    const byId = new Map<string, ModelInfo>();
    for (const provider of this.#providers(only)) {
      for (const model of this.#modelsOf(provider)) if (!byId.has(model.id)) byId.set(model.id, model);
    }
    const known = this.#deps.knownModels();
    if (!known) return [...byId.values()];
    return known.flatMap((name) => {
      const listed = byId.get(name);
      if (listed) return [listed];
      const [target] = this.#targets(name, only);
      return target ? [{ id: name, created: 0, ownedBy: target.provider.name }] : [];
    });
  }

  #targets(name: string, only: string | undefined): Target[] {
    const exact: Target[] = [];
    const alias: Target[] = [];
    for (const provider of this.#providers(only)) {
      const listed = this.#modelsOf(provider).some(({ id }) => id === name);
      const model = provider.match(name) ?? (listed ? name : undefined);
      if (model !== undefined) (listed ? exact : alias).push({ provider, model });
    }
    return [...exact, ...alias];
  }

  #providers(only: string | undefined): readonly Provider[] {
    const { providers } = this.#deps;
    return only === undefined ? providers : providers.filter(({ name }) => name === only);
  }

  #modelsOf(provider: Provider): readonly ModelInfo[] {
    return [...provider.models, ...(this.#deps.accountModels?.(provider.name) ?? [])];
  }
}
