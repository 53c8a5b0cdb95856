/**
 * A server that plays an OpenAI-compatible service: strict about the form of requests, free in what it answers.
 *
 *     const sim = await startOpenaiSim();
 *     sim.account("sk-a").next(stream(answerSteps({ text: ["Hel", "lo"] })), json(429, { error: { message: "slow" } }));
 */
import { json, startServiceSim, stream, type ServiceSim } from "./service.ts";
import type { Step } from "./sse-body.ts";

export { json, plain, reset, silent, stream, type Behaviour, type ServiceSim } from "./service.ts";

type Json = Readonly<Record<string, unknown>>;

/** One chunk with this delta. */
export function chunk(delta: Json, finish: string | null = null, extra: Json = {}): Json {
  const choice = { index: 0, delta, logprobs: null, finish_reason: finish };
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice], ...extra };
}

export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

/** The usage chunk: no choices. */
export function usageChunk(usage: Json = USAGE): Json {
  return { ...chunk({}), choices: [], usage };
}

export const DONE: Step = { frame: "[DONE]" };

/** An ordinary answer. */
export function answerSteps({
  text = ["Hello"],
  reasoning = [],
  calls = [],
  finish = calls.length > 0 ? "tool_calls" : "stop",
  usage = USAGE,
}: {
  readonly text?: readonly string[];
  readonly reasoning?: readonly string[];
  /** Entries of `tool_calls`, one chunk each. */
  readonly calls?: readonly Json[];
  readonly finish?: string;
  readonly usage?: Json;
} = {}): Step[] {
  return [
    { frame: chunk({ role: "assistant", content: "" }) },
    ...reasoning.map((piece) => ({ frame: chunk({ reasoning_content: piece }) })),
    ...text.map((piece) => ({ frame: chunk({ content: piece }) })),
    ...calls.map((call) => ({ frame: chunk({ tool_calls: [call] }) })),
    { frame: chunk({}, finish) },
    { frame: usageChunk(usage) },
    DONE,
  ];
}

export function startOpenaiSim(): Promise<ServiceSim> {
  return startServiceSim({
    chatPath: "/v1/chat/completions",
    modelsPath: "/v1/models",
    keyOf: ({ authorization = "" }) => authorization.replace(/^Bearer /, ""),
    faultsOf: (body) => [...bodyFaults(body), ...messageFaults(body["messages"])],
    chat: stream(answerSteps()),
    models: json(200, { object: "list", data: [{ id: "gpt-4o", object: "model", created: 5, owned_by: "x" }] }),
  });
}

/** The fields that OpenAI's reference lists and a gateway sends; anything else would be refused by name. */
const FIELDS = new Set([
  ...["model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "temperature"],
  ...["top_p", "top_k", "presence_penalty", "frequency_penalty", "seed", "max_tokens", "max_completion_tokens"],
  ...["reasoning_effort", "stop", "response_format"],
]);

function bodyFaults(body: Json): string[] {
  const faults = Object.keys(body).flatMap((name) => (FIELDS.has(name) ? [] : [`unrecognized ${name}`]));
  if (typeof body["model"] !== "string" || body["model"] === "") faults.push("model is missing");
  if (body["stream"] !== true) faults.push("the provider always streams");
  if (body["tool_choice"] !== undefined && body["tools"] === undefined) faults.push("tool_choice without tools");
  if (body["parallel_tool_calls"] !== undefined && body["tools"] === undefined) faults.push("parallel without tools");
  if (JSON.stringify(body).includes("[object Object]")) faults.push("[object Object]");
  return faults;
}

/** Roles, contents, and that each call is answered at once, by exactly one message. */
function messageFaults(messages: unknown): string[] {
  if (!Array.isArray(messages) || messages.length === 0) return ["messages are missing"];
  const faults: string[] = [];
  let owed: string[] = [];
  for (const [at, message] of (messages as Json[]).entries()) {
    const { role, content, tool_calls: calls, tool_call_id: callId } = message;
    const fault = (words: string) => faults.push(`messages[${at}]: ${words}`);
    if (role === "tool") {
      if (!owed.includes(String(callId))) fault(`answers no call: ${String(callId)}`);
      owed = owed.filter((id) => id !== callId);
      if (JSON.stringify(content).includes("image_url")) fault("an image in a tool message");
    } else {
      if (owed.length > 0) fault(`calls without an answer: ${owed.join()}`);
      owed = Array.isArray(calls) ? (calls as Json[]).map(({ id }) => String(id)) : [];
    }
    if (!["system", "user", "assistant", "tool"].includes(String(role))) fault(`role ${String(role)}`);
    const isText = typeof content === "string" || Array.isArray(content);
    if (!isText && !(content === null && owed.length > 0)) fault("content is neither text nor parts");
    if (Array.isArray(content) && content.length === 0) fault("content is an empty list");
  }
  return faults;
}
