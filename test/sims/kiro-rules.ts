/** What the service refuses in a chat request, as one list of checks; each names the rule that was broken. */
import { isObject } from "../../src/lib/json.ts";
import type { SimAccount, SimHost } from "./kiro-state.ts";

type Fields = Record<string, unknown>;

/** A refusal: its status, message and reason, and for a malformed body what was wrong. */
export interface Fault {
  readonly status: number;
  readonly message: string;
  readonly reason?: string;
  readonly violation?: string;
}

const BOM = { status: 400, message: "Improperly formed request." } as const;
const ROOT = ["profileArn", "conversationState", "agentMode", "additionalModelRequestFields"];
const STATE = [
  "chatTriggerType",
  "conversationId",
  "agentTaskType",
  "agentContinuationId",
  "rootConversationId",
  "workspaceId",
  "customizationArn",
  "history",
  "currentMessage",
];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The first rule that the request breaks; undefined for a good one. */
export function chatFault(
  body: Fields,
  headers: Readonly<Record<string, string>>,
  host: SimHost,
  account: SimAccount,
): Fault | undefined {
  const dialect = host === "runtime" ? "runtime" : "legacy";
  const malformed = shapeFault(body, headers, dialect);
  if (malformed !== undefined) return { ...BOM, reason: "REQUEST_BODY_INVALID", violation: malformed };
  const profile = profileFault(body["profileArn"], dialect, account);
  if (profile) return profile;
  const messages = messagesOf(body);
  const broken = historyFault(messages, dialect) ?? toolsFault(messages, dialect);
  if (broken !== undefined) return { ...BOM, violation: broken };
  const current = messages.at(-1)!.fields;
  if (!account.models.includes(String(current["modelId"]))) {
    return {
      status: 400,
      message: "Invalid model. Please select a different model to continue.",
      reason: "INVALID_MODEL_ID",
    };
  }
  for (const { fields } of messages) {
    const reasoning = fields["reasoningContent"];
    if (reasoning === undefined) continue;
    if (dialect === "legacy") return { ...BOM, violation: "reasoningContent on a legacy host" };
    const text = isObject(reasoning) ? reasoning["reasoningText"] : undefined;
    if (isObject(text) && !account.signatures.has(String(text["signature"]))) {
      return { status: 400, message: "Invalid signature.", reason: "THINKING_SIGNATURE_INVALID" };
    }
  }
  return undefined;
}

function shapeFault(body: Fields, headers: Readonly<Record<string, string>>, dialect: string): string | undefined {
  if (hasNull(body)) return "a null in the body";
  const stray = Object.keys(body).find((key) => !ROOT.includes(key));
  if (stray !== undefined) return `root field ${stray}`;
  const state = body["conversationState"];
  if (!isObject(state)) return "no conversationState";
  const odd = Object.keys(state).find((key) => !STATE.includes(key));
  if (odd !== undefined) return `conversationState field ${odd}`;
  if (state["chatTriggerType"] !== "MANUAL") return "chatTriggerType";
  if (!UUID.test(String(state["conversationId"]))) return "conversationId";
  if (Array.isArray(state["history"]) && state["history"].length === 0) return "an empty history";
  if (!isObject(state["currentMessage"])) return "no currentMessage";
  if (headers["accept-encoding"] !== "identity") return "compression is asked for";
  if (!UUID.test(headers["amz-sdk-invocation-id"] ?? "")) return "amz-sdk-invocation-id";
  const fields = body["additionalModelRequestFields"];
  if (dialect === "runtime") {
    if (body["agentMode"] !== "vibe") return "no agentMode";
    if (headers["x-amzn-kiro-agent-mode"] !== undefined) return "agent-mode header on the runtime";
    const target = headers["x-amz-target"];
    const type = target === undefined ? "application/json" : "application/x-amz-json-1.0";
    if (headers["content-type"] !== type) return "content-type";
    if (target !== undefined && target !== "KiroRuntimeService.GenerateAssistantResponse") return "x-amz-target";
    const current = messagesOf(body).at(-1)?.fields ?? {};
    return fields === undefined ? undefined : fieldsFault(fields, String(current["modelId"]));
  }
  if (fields !== undefined || body["agentMode"] !== undefined) return "runtime fields on a legacy host";
  if (headers["x-amzn-kiro-agent-mode"] !== "vibe") return "no agent-mode header";
  if (headers["content-type"] !== "application/json") return "content-type";
  return undefined;
}

function fieldsFault(fields: unknown, model: string): string | undefined {
  if (!isObject(fields)) return "additionalModelRequestFields";
  const thinking = fields["thinking"];
  if (/haiku|4\.5$/.test(model)) return `${model} has no additional fields`;
  if (model.startsWith("gpt") !== "reasoning" in fields) return `wrong additional fields for ${model}`;
  if (isObject(thinking) && thinking["type"] === "disabled" && model.endsWith("5.5")) return `${model} always thinks`;
  return undefined;
}

function profileFault(arn: unknown, dialect: string, { login, profileArn }: SimAccount): Fault | undefined {
  if (arn === "") return { ...BOM, reason: "REQUEST_BODY_INVALID", violation: "an empty profileArn" };
  if (login === "api-key") return arn === undefined ? undefined : { ...BOM, violation: "profileArn with an API key" };
  if (dialect === "legacy" && login === "builder-id") {
    return arn === undefined ? undefined : { status: 403, message: "User is not authorized to make this call." };
  }
  if (arn === undefined) {
    return dialect === "legacy" ? undefined : { status: 400, message: "profileArn is required for this request." };
  }
  return arn === profileArn ? undefined : { status: 400, message: "Invalid profileArn." };
}

interface Spoken {
  readonly role: "user" | "assistant";
  readonly fields: Fields;
}

/** History and current message in one row. */
function messagesOf(body: Fields): Spoken[] {
  const state = body["conversationState"] as Fields;
  const history = (state["history"] ?? []) as Fields[];
  return [...history, state["currentMessage"] as Fields].map((item) =>
    isObject(item["userInputMessage"])
      ? { role: "user", fields: item["userInputMessage"] }
      : { role: "assistant", fields: (item["assistantResponseMessage"] ?? {}) as Fields },
  );
}

const contextOf = (fields: Fields): Fields => (fields["userInputMessageContext"] ?? {}) as Fields;
const resultsOf = (fields: Fields): Fields[] => (contextOf(fields)["toolResults"] ?? []) as Fields[];
const usesOf = (fields: Fields): Fields[] => (fields["toolUses"] ?? []) as Fields[];

function historyFault(messages: readonly Spoken[], dialect: string): string | undefined {
  if (messages.at(-1)?.role !== "user") return "the current message is no user's";
  for (const [index, { role, fields }] of messages.entries()) {
    if (role !== (index % 2 === 0 ? "user" : "assistant")) return `message ${index} is ${role}: no alternation`;
    const { content } = fields;
    if (typeof content !== "string") return `message ${index}: content is no string`;
    const results = resultsOf(fields);
    const images = (fields["images"] ?? []) as Fields[];
    const mayBeEmpty = dialect === "runtime" && (role === "assistant" || results.length + images.length > 0);
    if (content === "" && !mayBeEmpty) return `message ${index}: empty content`;
    if (role === "assistant") continue;
    if (fields["origin"] !== "AI_EDITOR") return `message ${index}: origin`;
    if (typeof fields["modelId"] !== "string") return `message ${index}: modelId`;
    if (images.length > 20) return `message ${index}: too many images`;
    if (images.some(({ format }) => !["png", "jpeg", "gif", "webp"].includes(String(format)))) return "image format";
    if (index === 0 && results.length > 0) return "tool results in front";
    if (index < messages.length - 1 && contextOf(fields)["tools"] !== undefined) return "tools in the history";
  }
  return undefined;
}

function toolsFault(messages: readonly Spoken[], dialect: string): string | undefined {
  const listed = new Set<string>();
  for (const tool of (contextOf(messages.at(-1)!.fields)["tools"] ?? []) as Fields[]) {
    const spec = tool["toolSpecification"] as Fields;
    const fault = specFault(spec, dialect);
    if (fault !== undefined) return fault;
    const name = String(spec["name"]).toLowerCase();
    if (listed.has(name)) return `tool ${name} twice`;
    listed.add(name);
  }
  const seen = new Set<string>();
  for (const [index, { role, fields }] of messages.entries()) {
    if (role === "assistant") {
      for (const { toolUseId, name, input } of usesOf(fields)) {
        if (seen.has(String(toolUseId))) return `toolUseId ${String(toolUseId)} twice`;
        seen.add(String(toolUseId));
        if (!listed.has(String(name).toLowerCase())) return `tool ${String(name)} is not listed`;
        if (!isObject(input) || "" in input) return "a tool input that is no object";
      }
      continue;
    }
    const before = messages[index - 1];
    const asked = before ? usesOf(before.fields).map(({ toolUseId }) => toolUseId) : [];
    const results = resultsOf(fields);
    const answered = results.map(({ toolUseId }) => toolUseId);
    if (JSON.stringify(asked) !== JSON.stringify(answered)) return `message ${index}: results do not match the calls`;
    for (const { content, status } of results) {
      if (status !== "success" && status !== "error") return "tool result status";
      const parts = Array.isArray(content) ? (content as Fields[]) : [];
      if (parts.length === 0 || parts.some((part) => !("text" in part) && !("json" in part)))
        return "tool result content";
    }
  }
  return undefined;
}

function specFault(spec: Fields, dialect: string): string | undefined {
  const { name, description, inputSchema } = spec;
  if (typeof name !== "string" || !/^[\w-]{1,64}$/.test(name)) return `tool name ${String(name)}`;
  if (typeof description !== "string" || description === "") return `tool ${name}: description`;
  if (dialect === "legacy" && Buffer.byteLength(description) > 10_240) return `tool ${name}: description too long`;
  const schema = isObject(inputSchema) ? inputSchema["json"] : undefined;
  if (!isObject(schema) || schema["type"] !== "object" || !isObject(schema["properties"]))
    return `tool ${name}: schema`;
  const { required, additionalProperties: more } = schema;
  if (required !== undefined && !(Array.isArray(required) && required.every((one) => typeof one === "string"))) {
    return `tool ${name}: required`;
  }
  if (more !== undefined && typeof more !== "boolean" && !isObject(more)) return `tool ${name}: additionalProperties`;
  return undefined;
}

function hasNull(value: unknown): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.some(hasNull);
  return isObject(value) && Object.values(value).some(hasNull);
}
