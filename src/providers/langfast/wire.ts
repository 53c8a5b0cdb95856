/** What a run's bodies hold: messages in the model's roles, and the parameters that its row allows (protocol.md, "A run"). */
import { GatewayError } from "../../chat/error.ts";
import { JSON_ONLY, textOf, type ChatRequest, type Message, type ReasoningRequest } from "../../chat/request.ts";
import type { ModelRow } from "./models.ts";

export interface WireMessage {
  role: string;
  content: string;
  name?: string;
}

/** The one test case that each run has: the service makes one job of it. */
export const TEST_CASES = [{ name: "API Test Case", variables: [] }] as const;

/** The body of `create_prompt`. What a prompt stores does not matter, so it holds nothing of the user's. */
export function promptBody(model: string, now: number): string {
  return JSON.stringify({
    p_name: `api-${now}`,
    p_icon: "openai",
    p_meta: { model, messages: [{ role: "user", content: "Hello" }], stream: true },
    p_test_cases: TEST_CASES,
  });
}

/** The body of `initiate-prompt-run`. */
export function runBody(run: {
  readonly runId: string;
  readonly promptId: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly testCases: readonly unknown[];
  readonly userId: string;
}): string {
  return JSON.stringify({
    run_id: run.runId,
    prompt_id: run.promptId,
    prompt_meta: run.meta,
    test_cases: run.testCases,
    created_by: run.userId,
  });
}

/**
 * `prompt_meta` of a request: parameters clamped to the row, and dropped where the row lacks them.
 * @throws GatewayError invalid-request for a JSON schema that the model cannot be held to
 */
export function metaOf(request: ChatRequest, row: ModelRow): Record<string, unknown> {
  const { sampling, maxOutputTokens, reasoning } = request;
  const format = formatOf(request, row);
  const meta: Record<string, unknown> = {
    model: row.slug,
    messages: messagesOf(format === "words" ? [jsonInWords, ...request.messages] : request.messages, row),
  };
  const put = (name: string, value: unknown): void => {
    if (value !== undefined && row.takes.has(name)) meta[name] = value;
  };
  put("stream", true);
  put("temperature", clamped(sampling.temperature, 0, 2));
  put("top_p", clamped(sampling.topP, 0, 1));
  put("presence_penalty", clamped(sampling.presencePenalty, -2, 2));
  put("frequency_penalty", clamped(sampling.frequencyPenalty, -2, 2));
  if (maxOutputTokens !== undefined && row.maxTokens !== undefined) {
    put("max_completion_tokens", clamped(maxOutputTokens, 1, row.maxTokens));
  }
  put("reasoning_effort", effortOf(reasoning, row.efforts));
  if (format !== "words") put("response_format", format);
  return meta;
}

const jsonInWords: Message = { role: "system", parts: [{ type: "text", text: JSON_ONLY }] };

/** The row's own way to hold an answer to a form; "words" where it has none for plain JSON. */
function formatOf({ responseFormat }: ChatRequest, row: ModelRow): unknown {
  const has = (name: string): boolean => row.responseFormats.includes(name);
  if (responseFormat.type === "text") return has("text") ? "text" : undefined;
  if (responseFormat.type === "json") return has("json_object") ? "json_object" : "words";
  if (!has("json_schema")) {
    throw new GatewayError(
      "invalid-request",
      `${row.slug} at LangFast cannot hold its answer to a JSON schema: leave \`response_format\` out, or choose another model.`,
      { field: "response_format" },
    );
  }
  const { name, schema, strict } = responseFormat;
  return { type: "json_schema", json_schema: { name, schema, strict } };
}

/** The messages in roles that the row knows; those left without text are skipped. */
export function messagesOf(messages: readonly Message[], row: ModelRow): WireMessage[] {
  const systemRole = row.roles.includes("system")
    ? "system"
    : row.roles.includes("developer")
      ? "developer"
      : undefined;
  const wire: WireMessage[] = [];
  const homeless: string[] = [];
  for (const { role, name, parts } of messages) {
    const content = textOf(parts);
    if (content === "") continue;
    if (role === "system" && systemRole === undefined) {
      homeless.push(content);
      continue;
    }
    // Names are checked by the model's maker; one that would be refused is worth less than the message.
    const named = name !== undefined && /^[\w-]{1,64}$/.test(name) ? { name } : {};
    wire.push({ role: role === "system" ? (systemRole ?? role) : role, content, ...named });
  }
  if (homeless.length > 0) {
    const first = wire.find(({ role }) => role === "user");
    if (first) first.content = [...homeless, first.content].join("\n\n");
    else wire.unshift({ role: "user", content: homeless.join("\n\n") });
  }
  if (wire.length === 0) {
    throw new GatewayError("invalid-request", "The messages hold no text.", { field: "messages" });
  }
  return wire;
}

const LEVELS = ["none", "minimal", "low", "medium", "high", "xhigh"] as const;

/** The row's level nearest to what was asked for; undefined leaves it to the model. */
function effortOf({ effort, enabled, budgetTokens }: ReasoningRequest, efforts: readonly string[]): string | undefined {
  const wanted =
    effort ?? (enabled === false ? "none" : budgetTokens === undefined ? undefined : levelOf(budgetTokens));
  if (wanted === undefined || efforts.length === 0) return undefined;
  const rank = (level: string): number => LEVELS.findIndex((known) => known === level);
  const distance = (level: string): number => Math.abs(rank(level) - rank(wanted));
  return efforts
    .filter((level) => rank(level) >= 0)
    .reduce<string | undefined>(
      (best, level) => (best === undefined || distance(level) < distance(best) ? level : best),
      undefined,
    );
}

function levelOf(budgetTokens: number): (typeof LEVELS)[number] {
  if (budgetTokens <= 0) return "none";
  return budgetTokens < 4096 ? "low" : budgetTokens < 16_384 ? "medium" : "high";
}

function clamped(value: number | undefined, least: number, most: number): number | undefined {
  return value === undefined ? undefined : Math.min(Math.max(value, least), most);
}
