/**
 * A server that plays Anthropic's Messages API: strict about the form of requests, free in what it answers.
 *
 *     const sim = await startAnthropicSim();
 *     sim.account("sk-ant-a").next(stream(steps(...textEvents("Hello"))), json(529, error("overloaded_error", "Overloaded")));
 */
import { json, startServiceSim, stream, type ServiceSim } from "./service.ts";
import { eventText, type Step } from "./sse-body.ts";

export { json, plain, reset, silent, stream, type Behaviour, type ServiceSim } from "./service.ts";

export type Json = Readonly<Record<string, unknown>>;

/** Events as the service writes them, each under its type's name. */
export function steps(...events: readonly Json[]): Step[] {
  return events.map((event) => ({ raw: eventText(event, { before: [`event: ${String(event["type"])}`] }) }));
}

export const USAGE = { input_tokens: 10, output_tokens: 1 };

export function start(usage: Json = USAGE): Json {
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    usage,
  };
  return { type: "message_start", message };
}

/** A block with its start, its deltas and its stop. */
export function block(index: number, content: Json, ...deltas: readonly Json[]): Json[] {
  return [
    { type: "content_block_start", index, content_block: content },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

export const textBlock = (index: number, ...pieces: readonly string[]): Json[] =>
  block(index, { type: "text", text: "" }, ...pieces.map((text) => ({ type: "text_delta", text })));

export const callBlock = (index: number, id: string, name: string, ...pieces: readonly string[]): Json[] =>
  block(
    index,
    { type: "tool_use", id, name, input: {} },
    ...pieces.map((json) => ({ type: "input_json_delta", partial_json: json })),
  );

/** The last two events. */
export function stop(reason = "end_turn", usage: Json = { output_tokens: 7 }, sequence: string | null = null): Json[] {
  return [{ type: "message_delta", delta: { stop_reason: reason, stop_sequence: sequence }, usage }, STOPPED];
}
export const STOPPED: Json = { type: "message_stop" };
export const PING: Json = { type: "ping" };

/** An ordinary answer. */
export const textEvents = (...pieces: readonly string[]): Json[] => [
  start(),
  PING,
  ...textBlock(0, ...pieces),
  ...stop(),
];

/** The body of an error, and the event of one. */
export const error = (type: string, message: string): Json => ({ type: "error", error: { type, message } });

export function startAnthropicSim(): Promise<ServiceSim> {
  return startServiceSim({
    chatPath: "/v1/messages",
    modelsPath: "/v1/models",
    keyOf: (headers) => headers["x-api-key"] ?? "",
    faultsOf: (body) => [...bodyFaults(body), ...messageFaults(body["messages"])],
    chat: stream(steps(...textEvents("Hello"))),
    models: json(200, {
      data: [{ type: "model", id: "claude-sonnet-4-5-20250929", created_at: "2025-09-29T00:00:00Z" }],
      has_more: false,
    }),
  });
}

const FIELDS = new Set([
  ...["model", "max_tokens", "messages", "system", "stream", "tools", "tool_choice", "thinking", "output_config"],
  ...["temperature", "top_p", "top_k", "stop_sequences", "metadata"],
]);

/** What the public reference refuses. */
function bodyFaults(body: Json): string[] {
  const faults = Object.keys(body).flatMap((name) => (FIELDS.has(name) ? [] : [`${name}: Extra inputs`]));
  const { max_tokens: most, thinking, temperature, tools, stop_sequences: sequences } = body;
  if (typeof most !== "number" || most < 1) faults.push("max_tokens: Field required");
  if (body["stream"] !== true) faults.push("the provider always streams");
  if (body["tool_choice"] !== undefined && tools === undefined) faults.push("tool_choice without tools");
  if (typeof temperature === "number" && (temperature < 0 || temperature > 1)) faults.push("temperature: range: 0..1");
  if (Array.isArray(sequences) && sequences.some((text: string) => text.trim() === "")) faults.push("blank sequence");
  const { type, budget_tokens: budget } = (thinking ?? {}) as Json;
  if (type === "enabled") {
    if (typeof budget !== "number" || budget < 1024 || budget >= Number(most)) faults.push("thinking.budget_tokens");
    if ([temperature, body["top_p"], body["top_k"]].some((value) => value !== undefined)) faults.push("sampling");
  }
  const choice = (body["tool_choice"] ?? {}) as Json;
  if (type !== undefined && type !== "disabled" && /^(any|tool)$/.test(String(choice["type"]))) faults.push("forced");
  if (JSON.stringify(body).includes("[object Object]")) faults.push("[object Object]");
  if ((JSON.stringify(body).match(/"cache_control"/g) ?? []).length > 4) faults.push("more than 4 cache marks");
  return faults;
}

/** Roles alternate, blocks are whole, and each call is answered by the next message, before anything else in it. */
function messageFaults(messages: unknown): string[] {
  if (!Array.isArray(messages) || messages.length === 0) return ["messages: at least one is required"];
  const faults: string[] = [];
  let owed: string[] = [];
  let before = "";
  for (const [at, { role, content }] of (messages as Json[]).entries()) {
    const fault = (words: string) => faults.push(`messages.${at}: ${words}`);
    if (role === before) fault("roles do not alternate");
    before = String(role);
    if (!Array.isArray(content) || content.length === 0) {
      fault("no blocks");
      continue;
    }
    const blocks = content as Json[];
    const results = blocks.findIndex(({ type }) => type !== "tool_result");
    const led = results < 0 ? blocks : blocks.slice(0, results);
    const answered = led.map(({ tool_use_id: id }) => String(id));
    if (owed.some((id) => !answered.includes(id))) fault(`tool_use without tool_result: ${owed.join()}`);
    if (answered.some((id) => !owed.includes(id))) fault("tool_result without tool_use");
    owed = blocks.filter(({ type }) => type === "tool_use").map(({ id }) => String(id));
    for (const each of blocks) {
      if (each["type"] === "text" && each["text"] === "") fault("text content blocks must be non-empty");
      if (each["type"] === "thinking" && !each["signature"]) fault("thinking.signature: Field required");
      if (each["type"] === "tool_use" && !/^[\w-]+$/.test(String(each["id"]))) fault("tool_use.id");
      if (each["type"] === "tool_result" && !led.includes(each)) fault("tool_result after other content");
      if (/thinking/.test(String(each["type"])) && each["cache_control"]) fault("cache_control on thinking");
    }
  }
  return faults;
}
