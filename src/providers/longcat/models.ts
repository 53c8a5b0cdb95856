/** LongCat's models. The service has no model field: a model is an agent and two switches (protocol.md, "Models"). */
import type { ReasoningRequest } from "../../chat/request.ts";
import type { ModelInfo } from "../provider.ts";

/** What a model name means to the service. */
export interface Mode {
  readonly agentId: string;
  readonly reason: boolean;
  readonly search: boolean;
}

const RELEASED = 1_753_777_714;

/** `created` and `ownedBy` of the first two are those that longchat told its clients. */
export const MODELS: readonly ModelInfo[] = [
  { id: "LongCat", created: 1_672_531_200, ownedBy: "longcat" },
  { id: "LongCat-Search", created: RELEASED, ownedBy: "longcat" },
  { id: "longcat-flash", created: RELEASED, ownedBy: "longcat" },
  { id: "longcat-thinking", created: RELEASED, ownedBy: "longcat" },
  { id: "longcat-search", created: RELEASED, ownedBy: "longcat" },
  { id: "longcat-reason-search", created: RELEASED, ownedBy: "longcat" },
  { id: "longcat-pro", created: RELEASED, ownedBy: "longcat" },
];

/** Agents that make pictures or reports: their answers are not chat. */
const OTHER_AGENTS = /image|video|research/;

/**
 * The listed model that a name means, however it is cased; a free name that begins with `longcat` by the words in it.
 * Undefined for names of other services and for agents that are not chat.
 */
export function matchModel(name: string): string | undefined {
  const exact = MODELS.find(({ id }) => id === name);
  if (exact) return exact.id;
  const free = name.trim().toLowerCase();
  if (!/^longcat(?![a-z0-9])/.test(free) || OTHER_AGENTS.test(free)) return undefined;
  const listed = MODELS.find(({ id }) => id.toLowerCase() === free);
  if (listed) return listed.id;
  if (/\bpro\b/.test(free)) return "longcat-pro";
  const reason = /think|reason|r1/.test(free);
  const search = /search|online/.test(free);
  if (reason) return search ? "longcat-reason-search" : "longcat-thinking";
  return search ? "LongCat-Search" : "LongCat";
}

/** The agent and switches of a model that `matchModel` gave; what the client says about thinking wins over the name. */
export function modeOf(model: string, reasoning: ReasoningRequest): Mode {
  const pro = model === "longcat-pro";
  return {
    agentId: pro ? "2" : "1",
    reason: wanted(reasoning) ?? (pro || /think|reason/.test(model)),
    search: pro || /search/i.test(model),
  };
}

function wanted({ effort, enabled, budgetTokens }: ReasoningRequest): boolean | undefined {
  if (enabled !== undefined) return enabled;
  if (effort !== undefined) return effort !== "none" && effort !== "minimal";
  return budgetTokens === undefined ? undefined : budgetTokens > 0;
}
