/** Which models an account serves (protocol.md, "Models"). */
import { isObject, parseJson } from "../../lib/json.ts";
import type { ServiceLogin } from "../../lib/service-login.ts";
import type { ModelInfo } from "../provider.ts";
import type { ListedModel, Memory } from "./memory.ts";

const MOST_MODELS = 2000;
/** Models that answer no chat. */
const OTHER_MODELS =
  /embed|whisper|\btts\b|-tts|dall-e|moderation|rerank|transcri|text-(davinci|curie|babbage|ada)|^(davinci|babbage)-|\bsora\b|image-gen|gpt-image|stable-diffusion/i;

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
  const { created } = model;
  const context = [
    model["context_length"],
    model["context_window"],
    model["max_model_len"],
    model["max_context_length"],
  ];
  const contextTokens = context.find((count) => typeof count === "number" && count > 0);
  return {
    id: id.replace(/^models\//, ""),
    ...(typeof created === "number" ? { created: Math.round(created) } : {}),
    ...(typeof contextTokens === "number" ? { contextTokens } : {}),
  };
}
