import type { ModelInfo } from "../provider.ts";
import { isObject } from "../../lib/json.ts";

/** A model of the service and how it is asked to think. */
export interface KiroModel {
  readonly id: string;
  /** Input and output together. */
  readonly contextTokens: number;
  /** The shape of `additionalModelRequestFields`; "none" for a model that takes the tags only. */
  readonly thinking: "claude" | "gpt" | "none";
  readonly efforts: readonly string[];
  /** Refuses `thinking: disabled`. */
  readonly alwaysThinks: boolean;
}

const WINDOW = 200_000;
const WIDE_WINDOW = 1_000_000;
const LEVELS = ["low", "medium", "high"];
/** 2026-01-01, Unix seconds: the service gives no dates. */
const CREATED = 1_767_225_600;

function model(id: string): KiroModel {
  const version = Number(/^claude-(?:sonnet|opus)-(\d+(?:\.\d+)?)$/.exec(id)?.[1] ?? 0);
  const wide = version >= 4.6;
  const thinking = wide ? "claude" : id.startsWith("gpt-5") ? "gpt" : "none";
  return {
    id,
    contextTokens: wide ? WIDE_WINDOW : WINDOW,
    thinking,
    efforts: LEVELS,
    alwaysThinks: version >= 5.5,
  };
}

const OLD_SONNET = "CLAUDE_3_7_SONNET_20250219_V1_0";

/** Names seen in 2025 and 2026, for accounts that have not been asked yet. */
export const FALLBACK_MODELS: readonly KiroModel[] = [
  "claude-sonnet-4.5",
  "claude-haiku-4.5",
  "claude-opus-4.5",
  "claude-sonnet-4",
  "claude-sonnet-4.6",
  "claude-sonnet-5",
  "claude-sonnet-5.5",
  "claude-opus-4.6",
  "claude-opus-4.7",
  "claude-opus-4.8",
  "claude-opus-5",
  "claude-opus-5.5",
  OLD_SONNET,
  "gpt-5.6-sol",
  "gpt-5.6-terra",
  "gpt-5.6-luna",
  "deepseek-3.2",
  "minimax-m2.1",
  "minimax-m2.5",
  "glm-5",
  "qwen3-coder-next",
  "gpt-oss-120b",
  "auto",
].map(model);

/** Short names that clients use for a family, and the internal names of 2025. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["claude-3-7-sonnet", OLD_SONNET],
  ["claude-3.7-sonnet", OLD_SONNET],
  ["claude_sonnet_4_5_20250929_v1_0", "claude-sonnet-4.5"],
  ["claude_sonnet_4_20250514_v1_0", "claude-sonnet-4"],
]);
const FAMILIES = ["opus", "sonnet", "haiku"];
const FAMILY_VERSION = "4.5";

/**
 * The id that a client's name means: without its date, `4-5` written `4.5`, whatever the case; then exactly an id that
 * is known. Never a model that was not named.
 * @param known further ids that accounts listed
 */
export function matchModel(name: string, known: ReadonlySet<string> = new Set()): string | undefined {
  const plain = name.trim().toLowerCase();
  const undated = plain.replace(/[-@]20\d{6}(?:-v\d+)?$/, "").replace(/-latest$/, "");
  const dotted = undated.replace(/^(claude-[a-z]+-\d+)-(\d{1,2})$/, "$1.$2");
  if (FAMILIES.includes(plain)) return familyModel(plain, known);
  for (const candidate of [plain, ALIASES.get(plain), ALIASES.get(undated), undated, dotted]) {
    if (candidate === undefined) continue;
    for (const id of known) if (id.toLowerCase() === candidate.toLowerCase()) return id;
    const listed = FALLBACK_MODELS.find(({ id }) => id.toLowerCase() === candidate.toLowerCase());
    if (listed) return listed.id;
  }
  return undefined;
}

/** A family's usual model; once accounts listed theirs without it, their newest of that family. */
function familyModel(family: string, known: ReadonlySet<string>): string {
  const usual = `claude-${family}-${FAMILY_VERSION}`;
  if (known.has(usual)) return usual;
  const version = (id: string): number => Number(id.slice(`claude-${family}-`.length));
  const listed = [...known].filter((id) => id.startsWith(`claude-${family}-`) && version(id) > 0);
  return listed.toSorted((a, b) => version(b) - version(a))[0] ?? usual;
}

/** What is known of a model: from the account's own list, else from the table, else by its name. */
export function modelOf(id: string, listed: readonly KiroModel[] = []): KiroModel {
  return listed.find((known) => known.id === id) ?? FALLBACK_MODELS.find((known) => known.id === id) ?? model(id);
}

/** The table as a list of models to choose from: without the internal name that only old clients mean. */
export const LISTED_MODELS: readonly ModelInfo[] = FALLBACK_MODELS.filter(({ id }) => id !== OLD_SONNET).map(modelInfo);

/** As the rest of the gateway lists it. */
export function modelInfo({ id, contextTokens }: KiroModel): ModelInfo {
  return { id, created: CREATED, ownedBy: "kiro", contextTokens };
}

/** One page of `ListAvailableModels`; undefined when it has no `models` list. */
export function modelsOfPage(page: unknown): { models: KiroModel[]; nextToken: string | undefined } | undefined {
  if (!isObject(page) || !Array.isArray(page["models"])) return undefined;
  const models = page["models"].flatMap((row): KiroModel[] => {
    if (!isObject(row) || typeof row["modelId"] !== "string" || row["modelId"] === "") return [];
    return [listedModel(row["modelId"], row)];
  });
  const { nextToken } = page;
  return { models, nextToken: typeof nextToken === "string" && nextToken !== "" ? nextToken : undefined };
}

function listedModel(id: string, row: Record<string, unknown>): KiroModel {
  const guess = model(id);
  const limits = isObject(row["tokenLimits"]) ? row["tokenLimits"] : {};
  const window = limits["maxInputTokens"];
  const contextTokens = typeof window === "number" && window > 0 ? window : guess.contextTokens;
  const schema = row["additionalModelRequestFieldsSchema"];
  const fields = isObject(schema) && isObject(schema["properties"]) ? schema["properties"] : undefined;
  if (!fields) return { ...guess, contextTokens, thinking: "none" };
  const thinking = "thinking" in fields ? "claude" : "reasoning" in fields ? "gpt" : "none";
  const efforts = enumAt(fields, [thinking === "gpt" ? "reasoning" : "output_config", "effort"]) ?? LEVELS;
  const types = enumAt(fields, ["thinking", "type"]);
  return {
    id,
    contextTokens,
    thinking,
    efforts,
    // The 5.5 models refuse it although a schema may list it.
    alwaysThinks: guess.alwaysThinks || (types !== undefined && !types.includes("disabled")),
  };
}

/** The `enum` of a field inside an object schema's properties. */
function enumAt(fields: Record<string, unknown>, [outer, inner]: readonly [string, string]): string[] | undefined {
  const object = fields[outer];
  const properties = isObject(object) && isObject(object["properties"]) ? object["properties"] : {};
  const field = properties[inner];
  const values = isObject(field) ? field["enum"] : undefined;
  if (!Array.isArray(values)) return undefined;
  return values.filter((value): value is string => typeof value === "string");
}
