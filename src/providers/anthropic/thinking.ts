/** How much a model is to think, in the form it takes (protocol.md, "Thinking"). */
import type { ReasoningEffort, ReasoningRequest } from "../../chat/request.ts";
import type { MessagesRequest, RequestMessage } from "../../wire/anthropic-messages.ts";
import type { Form } from "./quirks.ts";

type Thinking = Pick<MessagesRequest, "thinking" | "output_config">;

/** Major times 100 plus minor: 405 for `claude-sonnet-4-5-20250929`; undefined for models that are not Claude. */
export function claudeVersion(model: string): number | undefined {
  const found =
    /claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/i.exec(model) ??
    /claude-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/i.exec(model);
  return found ? Number(found[1]) * 100 + Number(found[2] ?? 0) : undefined;
}

/** The first version that decides by itself how long it thinks. */
const ADAPTIVE_SINCE = 406;
/** The first version with a level above "high" between its others. */
const XHIGH_SINCE = 407;
const LEAST_BUDGET = 1024;
const USUAL_BUDGET = 8192;
const BUDGETS: Readonly<Partial<Record<ReasoningEffort, number>>> = {
  minimal: LEAST_BUDGET,
  low: 2048,
  medium: USUAL_BUDGET,
  high: 16_384,
  xhigh: 31_999,
};

/** @param forced the model must call a tool, which excludes thinking */
export function thinkingOf(
  reasoning: ReasoningRequest,
  turn: { readonly model: string; readonly maxTokens: number; readonly forced: boolean },
  messages: readonly RequestMessage[],
  { quirks }: Form,
): Thinking {
  const { effort, enabled, budgetTokens } = reasoning;
  if (effort === undefined && enabled === undefined && budgetTokens === undefined) return {};
  if (enabled === false || effort === "none" || budgetTokens === 0) {
    return quirks.has("no-thinking-switch") ? {} : { thinking: { type: "disabled" } };
  }
  if (turn.forced) return {};
  const version = claudeVersion(turn.model) ?? 0;
  const isAdaptive = quirks.has("adaptive-thinking") || (version >= ADAPTIVE_SINCE && !quirks.has("budget-thinking"));
  if (isAdaptive) {
    const level = quirks.has("no-effort") ? undefined : levelOf(effort, version);
    return { thinking: { type: "adaptive" }, ...(level === undefined ? {} : { output_config: { effort: level } }) };
  }
  const wanted = Math.max(budgetTokens ?? BUDGETS[effort ?? "medium"] ?? USUAL_BUDGET, LEAST_BUDGET);
  // The budget is part of the limit, and something must be left to answer with.
  const budget = Math.min(wanted, turn.maxTokens - 1);
  if (budget < LEAST_BUDGET || isMidCall(messages)) return {};
  return { thinking: { type: "enabled", budget_tokens: budget } };
}

function levelOf(effort: ReasoningEffort | undefined, version: number) {
  if (effort === undefined || effort === "none") return undefined;
  if (effort === "minimal") return "low";
  return effort === "xhigh" && version < XHIGH_SINCE ? "high" : effort;
}

/** Results of calls that were made without signed thinking: such a turn must go on without. */
function isMidCall(messages: readonly RequestMessage[]): boolean {
  const [before, last] = messages.slice(-2);
  if (!last || !has(last, "tool_result") || !before) return false;
  return !has(before, "thinking") && !has(before, "redacted_thinking");
}

function has({ content }: RequestMessage, type: string): boolean {
  return typeof content !== "string" && content.some((block) => block.type === type);
}
