import { describe, expect, test } from "bun:test";
import type { ChatEvent, UpstreamEvent, Usage } from "../../src/chat/event.ts";
import { TokenCounter, estimateTokens } from "../../src/emulate/estimate.ts";
import { UsageMeter, inputTokensOf } from "../../src/emulate/usage.ts";
import { request } from "./requests.ts";
import { SCRIPTS } from "./scripts.ts";

type Content = Exclude<UpstreamEvent, { type: "progress" }>;

describe("estimate", () => {
  test.each([...SCRIPTS])("$script comes within 20 %", ({ text, tokens }) => {
    expect(Math.abs(estimateTokens(text) / tokens - 1)).toBeLessThan(0.2);
  });

  test("however a text is cut, its count is the same", () => {
    const all = SCRIPTS.map(({ text }) => text).join("\n");
    const counter = new TokenCounter();
    for (const unit of all.split("")) counter.add(unit);
    expect(counter.tokens).toBe(estimateTokens(all));
  });

  test("nothing costs nothing and anything costs something", () => {
    expect(estimateTokens("")).toBe(0);
    for (const text of ["a", " ", "\n", ".", "世", "👋", "\u0000", "\uffff"]) {
      expect(estimateTokens(text)).toBeGreaterThanOrEqual(1);
    }
  });
});

describe("usage", () => {
  function usageOf(usage: Usage | undefined, ...events: Content[]): Usage | undefined {
    const meter = new UsageMeter(request());
    for (const event of events) expect(meter.add(event)).toBe(event as ChatEvent);
    const end = meter.add({ type: "end", reason: "stop", usage });
    return end.type === "end" ? end.usage : undefined;
  }
  const text = { type: "text-delta", text: "Hello there, how are you?" } as const;
  const measured: Usage = { inputTokens: 9, outputTokens: 8, cacheReadTokens: 3, estimated: false };

  test("measured figures stay as they are", () => {
    expect(usageOf(measured, text)).toEqual(measured);
  });

  test("missing figures are estimated and say so", () => {
    expect(usageOf(undefined, text)).toEqual({
      inputTokens: inputTokensOf(request()),
      outputTokens: estimateTokens("Hello there, how are you?"),
      estimated: true,
    });
  });

  test("O14 a measured zero beside text that was made is not believed", () => {
    const usage = usageOf({ inputTokens: 0, outputTokens: 0, estimated: false }, text);
    expect(usage?.inputTokens).toBeGreaterThan(0);
    expect(usage?.outputTokens).toBeGreaterThan(0);
    expect(usage?.estimated).toBe(true);
  });

  test("one missing half leaves the measured half", () => {
    expect(usageOf({ inputTokens: 9, outputTokens: 0, estimated: false }, text)).toMatchObject({ inputTokens: 9 });
    expect(usageOf({ inputTokens: 0, outputTokens: 8, estimated: false }, text)).toMatchObject({ outputTokens: 8 });
  });

  test("an empty answer has no output", () => {
    expect(usageOf(undefined)).toMatchObject({ outputTokens: 0, estimated: true });
    expect(usageOf(measured)).toEqual(measured);
  });

  test("thinking is a part of the output, calls count", () => {
    const thought: Content = { type: "reasoning-delta", text: "Let me think." };
    const usage = usageOf(undefined, thought, text);
    expect(usage?.reasoningTokens).toBe(estimateTokens("Let me think."));
    expect(usage?.outputTokens).toBe(estimateTokens("Let me think.") + estimateTokens(text.text));
    expect(usageOf(undefined, { type: "tool-call-start", id: "1", name: "now" })?.outputTokens).toBeGreaterThan(0);
  });

  test("every kind of part counts as input", () => {
    const base = inputTokensOf(request());
    const image = { type: "image", source: { kind: "url", url: "https://a.example/" } } as const;
    const more = [
      [{ type: "text", text: "one two three" }],
      [image],
      [{ type: "tool-call", id: "1", name: "now", json: "{}" }],
      [{ type: "tool-result", callId: "1", content: [image], isError: false }],
      [{ type: "reasoning", text: "Hm" }],
    ] as const;
    for (const parts of more) {
      const messages = [...request().messages, { role: "user", parts } as const];
      expect(inputTokensOf(request({ messages }))).toBeGreaterThan(base + 4);
    }
    expect(inputTokensOf(request({ tools: [{ name: "n", description: "d", parameters: {} }] }))).toBeGreaterThan(base);
  });
});
