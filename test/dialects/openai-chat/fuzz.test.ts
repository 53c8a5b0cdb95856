import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { parseJson } from "../../../src/lib/json.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";

/** A small generator with a fixed seed: the same bodies in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const GOOD = {
  model: "LongCat",
  messages: [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      name: "Ann",
      content: [
        { type: "text", text: "Hi" },
        { type: "image_url", image_url: { url: "data:image/png;base64,aGk=", detail: "low" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "a", content: "1" },
    { role: "assistant", function_call: { name: "f", arguments: "{}" } },
    { role: "function", name: "f", content: "2" },
  ],
  tools: [
    { type: "function", function: { name: "f", description: "d", parameters: { type: "object" }, strict: true } },
  ],
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
  },
  functions: [{ name: "f" }],
  function_call: { name: "f" },
  response_format: { type: "json_schema", json_schema: { name: "s", schema: {}, strict: true } },
  stop: ["a"],
  max_tokens: 5,
  max_completion_tokens: 5,
  temperature: 1,
  reasoning_effort: "low",
  stream: true,
  stream_options: { include_usage: true },
  n: 1,
};

const HOSTILE: unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e308,
  "",
  "x",
  "null",
  "\ud800",
  "__proto__",
  true,
  false,
  [],
  [null],
  [[]],
  {},
  { type: 5 },
  { type: "text" },
  { name: {} },
  { url: 5 },
  { constructor: null },
  JSON.parse('{"__proto__": {"role": "user"}}'),
  "a".repeat(2000),
  undefined,
];

/** The body with one place in it replaced, removed or doubled. */
function mutate(value: unknown, random: () => number): unknown {
  const pick = () => HOSTILE[Math.floor(random() * HOSTILE.length)];
  if (random() < 0.15 || typeof value !== "object" || value === null) return pick();
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value];
    const at = Math.floor(random() * copy.length);
    if (random() < 0.2) copy.splice(at, 0, pick());
    else copy[at] = mutate(copy[at], random);
    return copy;
  }
  const entries = Object.entries(value);
  const [key] = entries[Math.floor(random() * entries.length)] ?? ["x"];
  return { ...value, [key]: mutate((value as Record<string, unknown>)[key], random) };
}

const decode = (body: unknown) => openaiChat.decode(body, new Headers(), { id: "req_a", receivedAt: 0 });

test("the body that is mutated is good itself", () => {
  expect(decode(GOOD).messages).toHaveLength(6);
});

test("20,000 malformed bodies are answered or refused with a field, and nothing else is thrown", () => {
  const random = generator(7);
  const refused = { count: 0 };
  for (let round = 0; round < 20_000; round++) {
    let body: unknown = GOOD;
    for (let change = 0; change <= random() * 3; change++) body = mutate(body, random);
    try {
      decode(body);
    } catch (error) {
      refused.count++;
      const fine = error instanceof GatewayError && error.kind === "invalid-request" && Boolean(error.field);
      if (!fine) throw new Error(`round ${round}: ${JSON.stringify(body)}`, { cause: error });
      expect(error.message).toMatch(/^[\s\S]{10,400}\.$/);
    }
  }
  expect(refused.count).toBeGreaterThan(5_000);
});

test("a body nested a hundred thousand deep is refused", () => {
  const parsed = parseJson(`{"messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  if (parsed.ok) expect(() => decode(parsed.value)).toThrow(GatewayError);
  else expect(parsed.reason).not.toBe("");
});
