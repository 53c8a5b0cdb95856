import { isObject } from "../../lib/json.ts";
import { QUIRKS, type Quirk } from "./quirks.ts";

/** A model of the service's own list. */
export interface ListedModel {
  readonly id: string;
  /** Unix seconds. */
  readonly created?: number;
  readonly contextTokens?: number;
}

/** What is remembered of an account besides its credential. */
export interface Memory {
  /** The service's list; undefined until it was asked. */
  readonly models?: readonly ListedModel[];
  /** The service's names of models that it refused since the list was read. */
  readonly lacking: readonly string[];
  /** By the service's name of the model. */
  readonly quirks: Readonly<Record<string, readonly Quirk[]>>;
}

/** Narrows what the store gives back; what it cannot read is forgotten, as it only saves time. */
export function readMemory(stored: unknown): Memory {
  const { models, lacking, quirks } = isObject(stored) ? stored : {};
  const known = Object.entries(isObject(quirks) ? quirks : {}).map(
    ([model, list]) => [model, QUIRKS.filter((quirk) => Array.isArray(list) && list.includes(quirk))] as const,
  );
  return {
    ...(Array.isArray(models) ? { models: models.flatMap(readModel) } : {}),
    lacking: Array.isArray(lacking) ? lacking.filter((id) => typeof id === "string") : [],
    quirks: Object.fromEntries(known),
  };
}

function readModel(stored: unknown): ListedModel[] {
  if (!isObject(stored) || typeof stored["id"] !== "string") return [];
  const { id, created, contextTokens } = stored;
  return [
    {
      id,
      ...(typeof created === "number" ? { created } : {}),
      ...(typeof contextTokens === "number" ? { contextTokens } : {}),
    },
  ];
}
