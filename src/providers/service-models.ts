/** The models that an account at a service serves, and what is remembered of them. */
import { isObject, parseJson } from "../lib/json.ts";
import type { ServiceLogin } from "../lib/service-login.ts";
import type { ModelInfo } from "./provider.ts";

/** A model of the service's own list. */
interface ListedModel {
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
  /** What a model was found to need, in the format's own shape, by the service's name of the model. */
  readonly notes: Readonly<Record<string, unknown>>;
}

const MOST_MODELS = 2000;
/** Models that answer no chat. */
const OTHER_MODELS =
  /embed|whisper|\btts\b|-tts|dall-e|moderation|rerank|transcri|text-(davinci|curie|babbage|ada)|^(davinci|babbage)-|\bsora\b|image-gen|gpt-image|stable-diffusion/i;

/** Narrows what the store gives back; what it cannot read is forgotten, as it only saves time. */
export function readMemory(stored: unknown): Memory {
  const { models, lacking, notes } = isObject(stored) ? stored : {};
  return {
    ...(Array.isArray(models) ? { models: models.flatMap(restoreModel) } : {}),
    lacking: Array.isArray(lacking) ? lacking.filter((id) => typeof id === "string") : [],
    notes: isObject(notes) ? notes : {},
  };
}

function restoreModel(stored: unknown): ListedModel[] {
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

/** The credential's list, else the service's own; nothing while neither is known. */
export function modelsOf({ name, models }: ServiceLogin, memory: Memory): readonly ModelInfo[] {
  const listed = new Map(memory.models?.map((model) => [model.id, model]));
  const named = models ?? memory.models?.map(({ id }) => ({ id, upstream: id })) ?? [];
  return named
    .filter(({ upstream }) => !memory.lacking.includes(upstream))
    .map(({ id, upstream }) => {
      const { created = 0, contextTokens } = listed.get(upstream) ?? {};
      return { id, created, ownedBy: name, ...(contextTokens === undefined ? {} : { contextTokens }) };
    });
}

/** Reads a list of models in any of the forms that services give it; undefined when it is none. */
export function readModelList(text: string): ListedModel[] | undefined {
  const parsed = parseJson(text);
  const body = parsed.ok ? parsed.value : undefined;
  const list = isObject(body) ? (body["data"] ?? body["models"]) : body;
  if (!Array.isArray(list)) return undefined;
  const byId = new Map<string, ListedModel>();
  for (const entry of list.slice(0, MOST_MODELS)) {
    const model = readModel(entry);
    if (model && !OTHER_MODELS.test(model.id)) byId.set(model.id, model);
  }
  return [...byId.values()];
}

function readModel(entry: unknown): ListedModel | undefined {
  const model = isObject(entry) ? entry : { id: entry };
  const id = model["id"] ?? model["name"];
  if (typeof id !== "string" || id === "") return undefined;
  const { created, created_at: createdAt } = model;
  const seconds = typeof createdAt === "string" ? Date.parse(createdAt) / 1000 : created;
  const context = [
    model["context_length"],
    model["context_window"],
    model["max_model_len"],
    model["max_context_length"],
  ];
  const contextTokens = context.find((count) => typeof count === "number" && count > 0);
  return {
    id: id.replace(/^models\//, ""),
    ...(typeof seconds === "number" && seconds >= 0 ? { created: Math.round(seconds) } : {}),
    ...(typeof contextTokens === "number" ? { contextTokens } : {}),
  };
}
