import { isObject } from "../../lib/json.ts";
import { LOGIN_KINDS, type LoginKind } from "./credential.ts";
import { HOST_NAMES, type HostName } from "./hosts.ts";
import { modelOf, type KiroModel } from "./models.ts";

/** What is remembered of an account besides its credential. */
export interface KiroMemory {
  /** The host that answered last. */
  readonly host?: HostName;
  /** The profile that a look-up gave. */
  readonly profileArn?: string;
  /** The login's kind where the service corrected what the import said. */
  readonly kind?: LoginKind;
  /** The account's own list. */
  readonly models?: readonly KiroModel[];
  /** Models that were refused since the list was read. */
  readonly lacking?: readonly string[];
}

/** Narrows what the store gives back; what it cannot read is forgotten, as it only saves time. */
export function readMemory(memory: unknown): KiroMemory {
  if (!isObject(memory)) return {};
  const host = HOST_NAMES.find((name) => name === memory["host"]);
  const kind = LOGIN_KINDS.find((name) => name === memory["kind"]);
  const { profileArn, models, lacking } = memory;
  return {
    ...(host ? { host } : {}),
    ...(kind ? { kind } : {}),
    ...(typeof profileArn === "string" ? { profileArn } : {}),
    ...(Array.isArray(models) ? { models: models.flatMap(readModel) } : {}),
    ...(Array.isArray(lacking) ? { lacking: lacking.filter((id) => typeof id === "string") } : {}),
  };
}

function readModel(stored: unknown): KiroModel[] {
  if (!isObject(stored) || typeof stored["id"] !== "string") return [];
  const guess = modelOf(stored["id"]);
  const { contextTokens, thinking, efforts, alwaysThinks } = stored;
  return [
    {
      id: guess.id,
      contextTokens: typeof contextTokens === "number" ? contextTokens : guess.contextTokens,
      thinking: thinking === "claude" || thinking === "gpt" || thinking === "none" ? thinking : guess.thinking,
      efforts: Array.isArray(efforts) ? efforts.filter((level) => typeof level === "string") : guess.efforts,
      alwaysThinks: typeof alwaysThinks === "boolean" ? alwaysThinks : guess.alwaysThinks,
    },
  ];
}
