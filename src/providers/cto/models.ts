/** The service's models: a table for accounts that were not asked yet, and the live list (protocol.md, "Models"). */
import { isObject } from "../../lib/json.ts";
import type { ModelInfo } from "../provider.ts";

/** One model and its names at the service. */
export interface CtoModel {
  /** As clients see it and as a target carries it. */
  readonly id: string;
  /** v2: what the team's preferred model is set to. */
  readonly modelKey: string;
  /** v1: the `adapterName` of a turn. */
  readonly adapterName: string;
}

/** 2025-10-17, the day the first public client appeared; the service gives no dates. Unix seconds. */
const CREATED = 1_760_659_200;

const model = (modelKey: string, adapterName: string, id = modelKey): CtoModel => ({ id, modelKey, adapterName });

/**
 * The first two carry the names that enginelabs-2api gave its clients; the keys of `ClaudeSonnet4_5` and `GPT5` are
 * inferred.
 */
export const TABLE: readonly CtoModel[] = [
  model("claude_sonnet_4_5", "ClaudeSonnet4_5", "ClaudeSonnet4_5"),
  model("gpt_5", "GPT5", "GPT5"),
  model("gpt_5_4", "GPT5_4"),
  model("glm_5_1", "GLM5_1"),
  model("gemini3_Flash_Preview", "Gemini3_Flash_Preview"),
  model("gemini3_1_Pro_Preview", "Gemini3_1_Pro_Preview"),
  model("kimi_k2_5", "KimiK2_5"),
  model("minimax_m2_5", "MinimaxM2_5"),
  model("devstral_2", "Devstral2"),
  model("grok_4_1_fast", "Grok4_1_fast"),
];

export const modelInfo = ({ id }: CtoModel): ModelInfo => ({ id, created: CREATED, ownedBy: "cto" });

/**
 * The model that a client's name means: the same letters and the same numbers in the same order, whatever stands between
 * them, and without a date (`claude-sonnet-4-5-20250929`). Never another one than was named.
 * @param known the models that accounts listed
 */
export function matchModel(name: string, known: Iterable<CtoModel> = []): CtoModel | undefined {
  const wanted = plain(undated(name));
  if (wanted === "") return undefined;
  const isNamed = ({ id, modelKey, adapterName }: CtoModel): boolean =>
    [id, modelKey, adapterName].some((other) => plain(other) === wanted);
  for (const other of known) if (isNamed(other)) return other;
  return TABLE.find(isNamed);
}

/** `gpt-5.4` and `GPT5_4` give `gpt5 4`, `gpt-54` gives `gpt54`. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/(\d)[^a-z0-9]+(?=\d)/g, "$1 ")
    .replace(/[^a-z0-9 ]+/g, "")
    .trim();
}

function undated(name: string): string {
  return name.trim().replace(/[-@](?:20\d{6}|20\d{2}-\d{2}-\d{2})$|-latest$/i, "");
}

/**
 * The models of `GET /chat/adapters` that an account of this tier may use. Undefined when the answer has no such list.
 * @param tier what `/billing` calls the account's plan; undefined when it did not tell, and then every tier counts
 */
export function modelsOfList(answer: unknown, tier: unknown): CtoModel[] | undefined {
  const rows = isObject(answer) ? answer["chatAdapters"] : undefined;
  if (!Array.isArray(rows)) return undefined;
  return rows.flatMap((row): CtoModel[] => {
    if (!isObject(row) || row["enabled"] === false || !isWithin(row["minimumTier"], tier)) return [];
    const modelKey = textOf(row["key"]) ?? textOf(row["engineAgentKey"]);
    if (modelKey === undefined) return [];
    const adapterName = textOf(row["engineAgentKey"]) ?? modelKey;
    const listed = TABLE.find((other) => other.modelKey === modelKey || other.adapterName === adapterName);
    return [{ id: listed?.id ?? modelKey, modelKey, adapterName }];
  });
}

/** Narrows what was remembered. */
export function restoreModels(stored: unknown): CtoModel[] | undefined {
  if (!Array.isArray(stored)) return undefined;
  return stored.flatMap((row): CtoModel[] => {
    const [id, modelKey, adapterName] = isObject(row)
      ? [textOf(row["id"]), textOf(row["modelKey"]), textOf(row["adapterName"])]
      : [];
    return id && modelKey && adapterName ? [{ id, modelKey, adapterName }] : [];
  });
}

/** Plans as such services name them, cheapest first. */
const TIERS = ["free", "trial", "starter", "basic", "hobby", "plus", "pro", "max", "team", "business", "enterprise"];

/** Tiers that cannot be compared hide nothing: the service itself has the last word. */
function isWithin(minimum: unknown, tier: unknown): boolean {
  const [least, own] = [rank(minimum), rank(tier)];
  return least === undefined || own === undefined || least <= own;
}

function rank(tier: unknown): number | undefined {
  if (typeof tier === "number") return tier;
  if (typeof tier !== "string") return undefined;
  const words = tier.toLowerCase().split(/[^a-z0-9]+/);
  const named = TIERS.findLastIndex((name) => words.includes(name));
  if (named >= 0) return named;
  return /^\d+$/.test(tier) ? Number(tier) : undefined;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
