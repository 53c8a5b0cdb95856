import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { ChatRequest, Message } from "../../../src/chat/request.ts";
import { GatewayError } from "../../../src/chat/error.ts";
import { answerSteps, json, startOpenaiSim, stream, type ServiceSim } from "../../sims/openai.ts";
import { ask, type Ask } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterEach(() => expect(sim.violations).toEqual([]));
afterAll(() => sim.stop());

const TOOL = { name: "now", description: "", parameters: { type: "object" } };
const sent = async (request: Partial<ChatRequest>, options: Ask = {}) =>
  (await ask(sim, stream(answerSteps()), { ...options, request })).bodies[0] ?? {};
const messages = async (...list: Message[]) => (await sent({ messages: list }))["messages"];
const text = (words: string) => ({ type: "text", text: words }) as const;
const call = { type: "tool-call", id: "c1", name: "now", json: "{}" } as const;
const png = { type: "image", source: { kind: "base64", mediaType: "image/png", data: "AAAA" } } as const;

describe("messages", () => {
  test("L7 an assistant turn of calls alone has null for its content", async () => {
    const [, assistant] = (await messages(
      { role: "user", parts: [text("hi")] },
      { role: "assistant", parts: [call] },
      { role: "user", parts: [{ type: "tool-result", callId: "c1", content: [text("12")], isError: false }] },
    )) as { content: unknown }[];
    expect(assistant?.content).toBeNull();
  });

  test("O12 results come first, one message each, then the user's words and the pictures of results", async () => {
    const list = await messages(
      { role: "assistant", parts: [call, { ...call, id: "c2" }] },
      {
        role: "user",
        parts: [
          text("And now?"),
          { type: "tool-result", callId: "c1", content: [text("12"), png], isError: false },
          { type: "tool-result", callId: "c2", content: [png], isError: false },
        ],
      },
    );
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    expect((list as unknown[]).slice(1)).toEqual([
      { role: "tool", tool_call_id: "c1", content: "12" },
      { role: "tool", tool_call_id: "c2", content: "See the image below." },
      {
        role: "user",
        content: [
          text("Result of the tool call c1:"),
          image,
          text("Result of the tool call c2:"),
          image,
          text("And now?"),
        ],
      },
    ]);
  });

  test("a failed call says so once", async () => {
    const result = (words: string) =>
      ({ type: "tool-result", callId: "c1", content: [text(words)], isError: true }) as const;
    const contentOf = async (words: string) =>
      ((await messages({ role: "assistant", parts: [call] }, { role: "user", parts: [result(words)] })) as { content: unknown }[])[1]?.content; // prettier-ignore
    expect(await contentOf("Error: no such file")).toBe("Error: no such file");
    expect(await contentOf("not there")).toEqual([text("Error:"), text("not there")]);
  });

  test("O11 many system texts stay apart and are never [object Object]", async () => {
    const list = await messages(
      { role: "system", parts: [text("a"), text("b")] },
      { role: "user", parts: [text("hi")] },
    );
    expect(list).toEqual([
      { role: "system", content: [text("a"), text("b")] },
      { role: "user", content: "hi" },
    ]);
  });

  test("a signature is another service's and is not sent", async () => {
    const reasoning = { type: "reasoning", text: "Hm", signature: "sig", redacted: "enc" } as const;
    const list = await messages(
      { role: "assistant", parts: [reasoning, text("a")] },
      { role: "user", parts: [text("b")] },
    );
    expect(JSON.stringify(list)).not.toMatch(/sig|enc/);
  });
});

describe("fields", () => {
  const cases: { name: string; request: Partial<ChatRequest>; model?: string; want: object }[] = [
    { name: "usage is always asked for", request: {}, want: { stream: true, stream_options: { include_usage: true } } },
    { name: "an output limit", request: { maxOutputTokens: 9 }, want: { max_tokens: 9 } },
    { name: "an output limit of a reasoning model", request: { maxOutputTokens: 9 }, model: "o3-mini", want: { max_completion_tokens: 9, max_tokens: undefined } },
    { name: "an output limit of a gateway's reasoning model", request: { maxOutputTokens: 9 }, model: "openai/gpt-5.1", want: { max_completion_tokens: 9 } },
    { name: "thinking off", request: { reasoning: { enabled: false } }, want: { reasoning_effort: "none" } },
    { name: "thinking on", request: { reasoning: { enabled: true } }, want: { reasoning_effort: undefined } },
    { name: "a small budget", request: { reasoning: { enabled: true, budgetTokens: 2000 } }, want: { reasoning_effort: "low" } },
    { name: "a large budget", request: { reasoning: { budgetTokens: 31_999 } }, want: { reasoning_effort: "high" } },
    { name: "a level", request: { reasoning: { effort: "xhigh", budgetTokens: 1 } }, want: { reasoning_effort: "xhigh" } },
    { name: "a JSON answer", request: { responseFormat: { type: "json" } }, want: { response_format: { type: "json_object" } } },
    { name: "no tools, whatever the choice", request: { toolChoice: { type: "none" } }, want: { tools: undefined, tool_choice: undefined } },
    { name: "tools that may not be called", request: { tools: [TOOL], toolChoice: { type: "none" } }, want: { tool_choice: "none" } },
    { name: "tools one at a time", request: { tools: [TOOL], parallelToolCalls: false }, want: { parallel_tool_calls: false } },
    { name: "tools at once", request: { tools: [TOOL] }, want: { parallel_tool_calls: undefined } },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ request, model, want }) => {
    const body = await sent(request, model === undefined ? {} : { model });
    expect(Object.fromEntries(Object.keys(want).map((key) => [key, body[key]]))).toEqual({ ...want });
  });

  test("a name of the account's own list is sent as the service's", async () => {
    const login = { models: [{ id: "LongCat", upstream: "LongCat-Flash-Chat" }] };
    expect((await sent({}, { model: "LongCat", login }))["model"]).toBe("LongCat-Flash-Chat");
  });
});

describe("what a service refuses is left out, once and for all", () => {
  const refuse = (words: string, status = 400) => json(status, { error: { message: words } });
  const thinking: Message = { role: "assistant", parts: [{ type: "reasoning", text: "Hm" }, text("a"), text("b")] };
  const cases: { name: string; words: string; request: Partial<ChatRequest>; gone: string; status?: number }[] = [
    { name: "stream_options", words: "Unknown parameter: 'stream_options'.", request: {}, gone: "stream_options" },
    { name: "stream_options by FastAPI", words: '["body","stream_options"] Extra inputs are not permitted', request: {}, gone: "stream_options", status: 422 },
    { name: "max_tokens", words: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", request: { maxOutputTokens: 5 }, gone: "max_tokens" },
    { name: "parallel_tool_calls", words: "parallel_tool_calls is not supported", request: { tools: [TOOL], parallelToolCalls: false }, gone: "parallel_tool_calls" },
    { name: "an effort that nobody named", words: "Unrecognized request argument supplied: reasoning_effort", request: { reasoning: { enabled: false } }, gone: "reasoning_effort" },
    { name: "top_k", words: "Unrecognized request argument supplied: top_k", request: { sampling: { topK: 5 } }, gone: "top_k" },
    { name: "reasoning_content", words: "reasoning_content is not allowed in input messages", request: { messages: [thinking] }, gone: "reasoning_content" },
    { name: "lists of text", words: "messages[0].content: input should be a valid string", request: { messages: [thinking] }, gone: '"content":[' },
  ]; // prettier-ignore
  test.each(cases)("$name", async ({ words, request, gone, status }) => {
    const told = await ask(sim, [refuse(words, status), stream(answerSteps())], { request });
    expect([told.error, told.bodies.length]).toEqual([undefined, 2]);
    const [first, second] = told.bodies.map((body) => JSON.stringify(body));
    expect(first).toContain(gone);
    expect(second).not.toContain(gone);

    const memory = told.remembered.at(-1);
    const later = await ask(sim, stream(answerSteps()), { request, memory });
    expect(JSON.stringify(later.bodies)).not.toContain(gone);
    expect(later.remembered).toEqual([]);
    const other = await ask(sim, stream(answerSteps()), { request, memory, model: "other" });
    expect(JSON.stringify(other.bodies)).toContain(gone);
  });

  test("several are left out one after the other", async () => {
    const behaviours = [refuse("stream_options unsupported"), refuse("top_k unsupported"), stream(answerSteps())];
    const { error, bodies } = await ask(sim, behaviours, { request: { sampling: { topK: 5 } } });
    expect([error, bodies.length]).toEqual([undefined, 3]);
  });

  test("a refusal that does not end reaches the client and is not remembered", async () => {
    const behaviours = [refuse("stream_options unsupported"), refuse("stream_options unsupported")];
    const { error, bodies, remembered } = await ask(sim, behaviours);
    expect([(error as GatewayError).kind, bodies.length, remembered]).toEqual(["invalid-request", 2, []]);
  });

  test("a limit that is only too high is the client's to mend", async () => {
    const words = "max_tokens is too large: 99999. This model supports at most 4096 completion tokens.";
    const { error, bodies } = await ask(sim, refuse(words), { request: { maxOutputTokens: 99_999 } });
    expect([(error as GatewayError).kind, bodies.length]).toEqual(["invalid-request", 1]);
  });
});
