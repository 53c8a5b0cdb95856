import { GatewayError } from "../../chat/error.ts";
import type { ChatRequest, Tool, ToolChoice } from "../../chat/request.ts";
import type { ChatCompletionRequest, FunctionTool } from "../../wire/openai-chat.ts";

type ToolSide = Pick<ChatRequest, "tools" | "toolChoice" | "parallelToolCalls">;

const NO_TOOLS: readonly Tool[] = [];
const AUTO: ToolChoice = { type: "auto" };

/**
 * The tools of a body and how they may be used, from `tools` or from the older `functions`. `allowed_tools` narrows the
 * list itself.
 * @throws GatewayError invalid-request with the field: a kind of tool that is no function, or a choice of none of them
 */
export function toolsOf(wire: ChatCompletionRequest): ToolSide {
  const parallelToolCalls = wire.parallel_tool_calls ?? true;
  if (!wire.tools && !wire.functions && !wire.tool_choice) {
    return { tools: NO_TOOLS, toolChoice: AUTO, parallelToolCalls };
  }
  const old = wire.functions?.map(toolOf) ?? [];
  if (!wire.tools?.length && old.length > 0) {
    const toolChoice = choiceOf(wire.function_call, old, "function_call");
    return { tools: old, toolChoice, parallelToolCalls: false };
  }
  const tools = (wire.tools ?? []).map((tool, index): Tool => {
    if (tool.type === "function" && tool.function) return toolOf(tool.function);
    const field = tool.type === "function" ? `tools[${index}].function` : `tools[${index}].type`;
    throw new GatewayError(
      "invalid-request",
      `\`tools[${index}]\` must be {"type": "function", "function": {"name", ...}}: no other tool is known here.`,
      { field },
    );
  });
  const choice = wire.tool_choice;
  if (typeof choice === "object" && choice?.allowed_tools) {
    const { mode, tools: allowed } = choice.allowed_tools;
    const names = new Set(allowed.map((tool) => tool.function?.name));
    const kept = tools.filter((tool) => names.has(tool.name));
    return { tools: kept, toolChoice: choiceOf(mode, kept, "tool_choice"), parallelToolCalls };
  }
  if (typeof choice === "object" && choice !== null && !(choice.type === "function" && choice.function)) {
    throw new GatewayError(
      "invalid-request",
      '`tool_choice` must be "auto", "none", "required" or {"type": "function", "function": {"name"}}.',
      { field: "tool_choice" },
    );
  }
  const named = typeof choice === "object" ? choice?.function : choice;
  return { tools, toolChoice: choiceOf(named, tools, "tool_choice"), parallelToolCalls };
}

const toolOf = ({ name, description, parameters, strict }: FunctionTool): Tool => ({
  name,
  description: description ?? "",
  parameters: parameters ?? { type: "object", properties: {} },
  ...(typeof strict === "boolean" ? { strict } : {}),
});

type Choice = "auto" | "none" | "required" | { readonly name: string } | null | undefined;

function choiceOf(choice: Choice, tools: readonly Tool[], field: string): ToolChoice {
  if (choice === null || choice === undefined) return AUTO;
  if (typeof choice === "string") {
    if (choice !== "required" || tools.length > 0) return { type: choice };
    throw new GatewayError("invalid-request", `\`${field}\` demands a tool, but the request offers none.`, { field });
  }
  if (tools.some((tool) => tool.name === choice.name)) return { type: "tool", name: choice.name };
  throw new GatewayError("invalid-request", `\`${field}\` names a function that is not among the tools.`, { field });
}
