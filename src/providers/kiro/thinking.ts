import type { ReasoningRequest } from "../../chat/request.ts";
import type { KiroModel } from "./models.ts";

const DEFAULT_BUDGET = 20_000;
const BUDGETS = [1024, 24_576] as const;
const EFFORTS = ["minimal", "low", "medium", "high", "xhigh"] as const;
type Effort = (typeof EFFORTS)[number];

/** What was asked: thinking on, off, or nothing said. */
function thinkingWish(reasoning: ReasoningRequest): "on" | "off" | "unsaid" {
  if (reasoning.enabled === false || reasoning.effort === "none") return "off";
  const said = reasoning.enabled === true || reasoning.effort !== undefined || reasoning.budgetTokens !== undefined;
  return said ? "on" : "unsaid";
}

/** The tags that ask for thinking in front of the system text; empty unless it was asked for. */
export function thinkingTags(reasoning: ReasoningRequest): string {
  if (thinkingWish(reasoning) !== "on") return "";
  const { effort, budgetTokens } = reasoning;
  if (budgetTokens === undefined && effort !== undefined && effort !== "none") {
    const level = nearest(effort, ["low", "medium", "high"]);
    return `<thinking_mode>adaptive</thinking_mode><thinking_effort>${level}</thinking_effort>`;
  }
  const [least, most] = BUDGETS;
  const length = Math.min(Math.max(Math.round(budgetTokens ?? DEFAULT_BUDGET), least), most);
  return `<thinking_mode>enabled</thinking_mode><max_thinking_length>${length}</max_thinking_length>`;
}

/** `additionalModelRequestFields` of the runtime; undefined when nothing was said or the model has no such fields. */
export function thinkingFields(reasoning: ReasoningRequest, model: KiroModel): Record<string, unknown> | undefined {
  const wish = thinkingWish(reasoning);
  if (model.thinking === "none" || wish === "unsaid") return undefined;
  if (model.thinking === "gpt") {
    return wish === "off" ? undefined : { reasoning: { effort: nearest(effortOf(reasoning), model.efforts) } };
  }
  if (wish === "off") return model.alwaysThinks ? undefined : { thinking: { type: "disabled" } };
  return {
    thinking: { type: "adaptive", display: "summarized" },
    ...(reasoning.effort === undefined && reasoning.budgetTokens === undefined
      ? {}
      : { output_config: { effort: nearest(effortOf(reasoning), model.efforts) } }),
  };
}

function effortOf({ effort, budgetTokens }: ReasoningRequest): Effort {
  if (effort !== undefined && effort !== "none") return effort;
  if (budgetTokens === undefined) return "medium";
  return budgetTokens <= 4096 ? "low" : budgetTokens <= 16_384 ? "medium" : "high";
}

/** The level among those the model takes that is nearest to the one asked for, the lower one first. */
function nearest(effort: Effort, levels: readonly string[]): string {
  const wanted = EFFORTS.indexOf(effort);
  const ranked = EFFORTS.filter((level) => levels.includes(level)).map((level) => ({
    level,
    distance: Math.abs(EFFORTS.indexOf(level) - wanted),
  }));
  return ranked.toSorted((a, b) => a.distance - b.distance)[0]?.level ?? levels[0] ?? "medium";
}
