/** Which models an account serves (protocol.md, "Models"). */
import { isObject, parseJson } from "../../lib/json.ts";
import type { ServiceLogin } from "../../lib/service-login.ts";
import type { ModelInfo } from "../provider.ts";
import type { ListedModel, Memory } from "./memory.ts";

const MOST_MODELS = 2000;

/** The credential's list, else the service's own; nothing while neither is known. */
export function modelsOf({ name, models }: ServiceLogin, memory: Memory): readonly ModelInfo[] {
  const created = new Map(memory.models?.map((model) => [model.id, model.created ?? 0]));
  const named = models ?? memory.models?.map(({ id }) => ({ id, upstream: id })) ?? [];
  return named
    .filter(({ upstream }) => !memory.lacking.includes(upstream))
    .map(({ id, upstream }) => ({ id, created: created.get(upstream) ?? 0, ownedBy: name }));
}

/** Reads a list of models, Anthropic's or OpenAI's form; undefined when it is none. */
export function readModelList(text: string): ListedModel[] | undefined {
  const parsed = parseJson(text);
  const body = parsed.ok ? parsed.value : undefined;
  const list = isObject(body) ? (body["data"] ?? body["models"]) : body;
  if (!Array.isArray(list)) return undefined;
  const byId = new Map<string, ListedModel>();
  for (const entry of list.slice(0, MOST_MODELS) as unknown[]) {
    const { id, created, created_at: createdAt } = isObject(entry) ? entry : { id: entry };
    if (typeof id !== "string" || id === "") continue;
    const seconds = typeof createdAt === "string" ? Date.parse(createdAt) / 1000 : created;
    byId.set(id, { id, ...(typeof seconds === "number" && seconds >= 0 ? { created: Math.round(seconds) } : {}) });
  }
  return [...byId.values()];
}
