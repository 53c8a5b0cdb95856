import type { ChatEvent, ChatStream, End, StopReason, Usage } from "../../../src/chat/event.ts";
import type { ChatRequest } from "../../../src/chat/request.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { streamFrom } from "../../chat/streams.ts";

export const USAGE: Usage = { inputTokens: 11, outputTokens: 7, estimated: false };
export const HEAD = { requestId: "req_0123456789abcdefghjk", model: "LongCat", created: 1_760_000_000 };

export const end = (reason: StopReason, rest: Partial<End> = {}): End => ({
  type: "end",
  reason,
  usage: USAGE,
  ...rest,
});

export const text = (value: string): ChatEvent => ({ type: "text-delta", text: value });
export const thought = (value: string): ChatEvent => ({ type: "reasoning-delta", text: value });

/** Every kind of answer that the format can carry, as one list of events each. */
export const ANSWERS: Readonly<Record<string, readonly ChatEvent[]>> = {
  text: [text("Hello"), text(", 世界 👋🏽"), text('\n"quoted" \\ \u2028'), end("stop")],
  reasoning: [
    thought("First "),
    thought("think."),
    { type: "reasoning-signature", signature: "c2ln" },
    text("Then answer."),
    end("stop", { usage: { ...USAGE, reasoningTokens: 3, cacheReadTokens: 5 } }),
  ],
  "tool-calls": [
    text("Let me look."),
    { type: "tool-call-start", id: "call_a", name: "get_weather" },
    { type: "tool-call-delta", id: "call_a", json: '{"city":' },
    { type: "tool-call-start", id: "call_b", name: "get_time" },
    { type: "tool-call-delta", id: "call_b", json: '{"zone":"Asia/' },
    { type: "tool-call-delta", id: "call_a", json: '"Zürich"}' },
    { type: "tool-call-end", id: "call_a" },
    { type: "tool-call-delta", id: "call_b", json: 'Tokyo"}' },
    { type: "tool-call-end", id: "call_b" },
    { type: "tool-call-start", id: "call_c", name: "now" },
    { type: "tool-call-end", id: "call_c" },
    end("tool-calls"),
  ],
  "calls-only": [
    { type: "tool-call-start", id: "call_a", name: "get_time" },
    { type: "tool-call-delta", id: "call_a", json: "{}" },
    { type: "tool-call-end", id: "call_a" },
    end("stop"),
  ],
  citations: [
    { type: "citations", citations: [{ title: "One", url: "https://one.example/a?b=c" }] },
    text("Found it."),
    { type: "citations", citations: [{ title: "Two", url: "https://two.example/", snippet: "a piece" }] },
    end("stop"),
  ],
  nothing: [end("stop")],
  length: [text("Cut"), end("length")],
  "content-filter": [text("No"), end("content-filter")],
  "stop-sequence": [text("Until here"), end("stop-sequence", { stopSequence: "###" })],
  refusal: [text("I will not."), end("refusal")],
};

/** A decoded request with these fields beside one short message. */
export function decoded(fields: Record<string, unknown> = {}): ChatRequest {
  const body = { model: "LongCat", messages: [{ role: "user", content: "Hi" }], ...fields };
  return openaiChat.decode(body, new Headers(), { id: HEAD.requestId, receivedAt: 1_760_000_000_000 });
}

/** The whole stream as the client gets it. */
export function streamed(events: readonly ChatEvent[], fields: Record<string, unknown> = {}): string {
  const encoder = openaiChat.encodeStream(decoded({ stream: true, ...fields }), HEAD);
  return encoder.start() + events.map((event) => encoder.event(event)).join("");
}

/** The data of each frame; every frame must be one `data:` line and an empty line. */
export function framesOf(stream: string): string[] {
  const frames = stream.split("\n\n");
  if (frames.pop() !== "") throw new Error("the last frame is not closed");
  return frames.map((frame) => {
    if (!frame.startsWith("data: ") || frame.includes("\n")) throw new Error(`not one data line: ${frame}`);
    return frame.slice("data: ".length);
  });
}

export function streamOf(events: readonly ChatEvent[]): ChatStream {
  return streamFrom(
    (async function* () {
      for (const event of events) yield [event];
    })(),
  );
}
