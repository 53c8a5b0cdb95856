import { isObject } from "../../lib/json.ts";
import { QUIRKS, type Quirk } from "./quirks.ts";

/** A model of the service's own list. */
export interface ListedModel {
  readonly id: string;
  /** Unix seconds. */
  readonly created?: number;
}

/** What a model was found to need. */
export interface ModelNotes {
  readonly quirks: readonly Quirk[];
  /** The most that it gives in one answer, once it told. */
  readonly mostTokens?: number;
}

/** What is remembered of an account besides its credential. */
export interface Memory {
  /** The service's list; undefined until it was asked. */
  readonly models?: readonly ListedModel[];
  /** The service's names of models that it refused since the list was read. */
  readonly lacking: readonly string[];
  /** By the service's name of the model. */
  readonly notes: Readonly<Record<string, ModelNotes>>;
}

/** Narrows what the store gives back; what it cannot read is forgotten, as it only saves time. */
export function readMemory(stored: unknown): Memory {
  const { models, lacking, notes } = isObject(stored) ? stored : {};
  const known = Object.entries(isObject(notes) ? notes : {}).map(([model, note]) => [model, readNotes(note)] as const);
  return {
    ...(Array.isArray(models) ? { models: models.flatMap(readModel) } : {}),
    lacking: Array.isArray(lacking) ? lacking.filter((id) => typeof id === "string") : [],
    notes: Object.fromEntries(known),
  };
}

function readNotes(stored: unknown): ModelNotes {
  const { quirks, mostTokens } = isObject(stored) ? stored : {};
  return {
    quirks: QUIRKS.filter((quirk) => Array.isArray(quirks) && quirks.includes(quirk)),
    ...(typeof mostTokens === "number" && mostTokens > 0 ? { mostTokens } : {}),
  };
}

function readModel(stored: unknown): ListedModel[] {
  if (!isObject(stored) || typeof stored["id"] !== "string") return [];
  const { id, created } = stored;
  return [{ id, ...(typeof created === "number" ? { created } : {}) }];
}
