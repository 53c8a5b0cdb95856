/** A rich conversation through the whole path: OpenAI body, neutral model, OpenAI body, OpenAI frames and back. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { collect } from "../../../src/chat/collect.ts";
import type { ChatEvent } from "../../../src/chat/event.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { createOpenaiCompatible } from "../../../src/providers/openai-compatible/index.ts";
import { streamFrom } from "../../chat/streams.ts";
import { chunk, DONE, startOpenaiSim, stream, usageChunk, type ServiceSim } from "../../sims/openai.ts";
import { listen, testContext } from "../context.ts";
import { loginAt } from "./turns.ts";

let sim: ServiceSim;
beforeAll(async () => {
  sim = await startOpenaiSim();
});
afterAll(async () => {
  expect(sim.violations).toEqual([]);
  await sim.stop();
});

const CALLS = [
  { id: "call_a", type: "function", function: { name: "get_weather", arguments: '{"city": "Zürich",  "n": 1.0}' } },
  { id: "call_b", type: "function", function: { name: "look", arguments: '{"at":"🐈"}' } },
];

const BODY = {
  model: "gpt-4o",
  messages: [
    { role: "system", content: "You are terse. 你好" },
    { role: "system", content: [{ type: "text", text: "One." }, { type: "text", text: " Two." }] },
    { role: "user", name: "ada", content: "Hi\n\n" },
    { role: "assistant", content: "Hello!", reasoning_content: "They greet me." },
    {
      role: "user",
      content: [
        { type: "text", text: "What is on these?" },
        { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=", detail: "high" } },
        { type: "text", text: "And" },
        { type: "image_url", image_url: { url: "https://example.com/cat.jpg?w=1" } },
      ],
    },
    { role: "assistant", content: null, tool_calls: CALLS },
    { role: "tool", tool_call_id: "call_a", content: "12 °C" },
    { role: "tool", tool_call_id: "call_b", content: [{ type: "text", text: "a cat" }, { type: "text", text: "asleep" }] },
    { role: "user", content: "So?" },
  ],
  stream: true,
  stream_options: { include_usage: true },
  tools: [
    {
      type: "function",
      function: { name: "get_weather", description: "Weather", parameters: { type: "object", properties: { city: { type: "string" } } }, strict: true },
    },
    { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } },
  ],
  tool_choice: { type: "function", function: { name: "look" } },
  parallel_tool_calls: false,
  temperature: 0.3,
  top_p: 0.9,
  top_k: 40,
  presence_penalty: 0.1,
  frequency_penalty: -0.2,
  seed: 7,
  max_tokens: 500,
  reasoning_effort: "low",
  stop: ["END", "\n\n"],
  response_format: { type: "json_schema", json_schema: { name: "out", schema: { type: "object" }, strict: true } },
}; // prettier-ignore

const STEPS = [
  chunk({ role: "assistant", content: "" }),
  chunk({ reasoning_content: "Let me " }),
  chunk({ reasoning_content: "think. 🤔" }),
  chunk({ content: "Both " }),
  chunk({ content: "at once: 你" }),
  chunk({ tool_calls: [{ ...CALLS[0], index: 0, function: { name: "get_weather", arguments: "" } }] }),
  chunk({ tool_calls: [{ ...CALLS[1], index: 1, function: { name: "look", arguments: "" } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city": "Zür' } }] }),
  chunk({ tool_calls: [{ index: 1, function: { arguments: '{"at":"🐈"}' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: 'ich",  "n": 1.0}' } }] }),
  chunk({}, "tool_calls"),
  usageChunk({
    prompt_tokens: 120,
    completion_tokens: 60,
    total_tokens: 180,
    prompt_tokens_details: { cached_tokens: 100 },
    completion_tokens_details: { reasoning_tokens: 40 },
  }),
].map((frame) => ({ frame }));

const HEAD = { requestId: "req_1", model: "gpt-4o", created: 1 };

test("nothing of the request and nothing of the answer is lost or changed", async () => {
  const request = openaiChat.decode(BODY, new Headers(), { id: "req_1", receivedAt: 0 });
  const login = loginAt(sim);
  const account = sim.account(login.apiKey);
  account.next(stream([...STEPS, DONE]));
  const { events, error } = await listen(createOpenaiCompatible().chat(request, testContext(login).turn("gpt-4o")));
  expect(error).toBeUndefined();
  expect(account.turns[0]?.body).toEqual(BODY);

  const encoder = openaiChat.encodeStream(request, HEAD);
  const text = encoder.start() + events.map((event) => encoder.event(event as ChatEvent)).join("");
  const frames = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Frame);
  expect(told(frames)).toEqual(told(STEPS.map(({ frame }) => frame as unknown as Frame)));

  const result = await collect(streamFrom((async function* () { yield events as ChatEvent[]; })())); // prettier-ignore
  expect(openaiChat.encodeWhole(result, request, HEAD)).toMatchObject({
    choices: [{ message: { content: "Both at once: 你", reasoning_content: "Let me think. 🤔", tool_calls: CALLS } }],
  });
});

interface Frame {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly { index: number; id?: string; function: { name?: string; arguments: string } }[];
    };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
}

/** What chunks say, however they are cut. */
function told(frames: readonly Frame[]) {
  const calls: { id: string; name: string; json: string }[] = [];
  let [content, reasoning] = ["", ""];
  let finish: string | null = null;
  let usage: unknown;
  for (const frame of frames) {
    usage = frame.usage ?? usage;
    for (const { delta, finish_reason } of frame.choices) {
      content += delta.content ?? "";
      reasoning += delta.reasoning_content ?? "";
      finish = finish_reason ?? finish;
      for (const { index, id, function: called } of delta.tool_calls ?? []) {
        const call = (calls[index] ??= { id: "", name: "", json: "" });
        call.id += id ?? "";
        call.name += called.name ?? "";
        call.json += called.arguments;
      }
    }
  }
  return { content, reasoning, calls, finish, usage };
}
