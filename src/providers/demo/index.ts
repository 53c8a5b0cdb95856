/** A provider that answers by itself: the first answer of a new gateway, and the smallest example of a provider. */
import { textOf } from "../../chat/request.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import { sleep } from "../../lib/clock.ts";
import type { Provider } from "../provider.ts";
import { piecesOf, understand } from "./commands.ts";

/** Needs no account and no network; `commands.ts` holds what it understands. */
export function createDemo(): Provider<never> {
  return {
    name: "demo",
    title: "Demo",
    capabilities: {
      history: "messages",
      tools: false,
      images: "none",
      stop: false,
      maxOutputTokens: false,
      responseFormat: false,
    },
    credential: undefined,
    models: [{ id: "demo", created: 1_763_596_800, ownedBy: "sluice" }],
    match: (name) => (name.toLowerCase() === "demo" ? "demo" : undefined),
    async *chat(request, { clock, signal }) {
      const asked = request.messages.findLast(({ role }) => role === "user");
      const { text, thinking, piecesPerSecond } = understand(textOf(asked?.parts ?? []), request.reasoning);
      const events: UpstreamEvent[] = [
        ...piecesOf(thinking).map((piece) => ({ type: "reasoning-delta", text: piece }) as const),
        ...piecesOf(text).map((piece) => ({ type: "text-delta", text: piece }) as const),
      ];
      if (piecesPerSecond === undefined) {
        signal.throwIfAborted();
        yield events;
      } else {
        for (const event of events) {
          await sleep(clock, 1000 / piecesPerSecond, signal);
          yield [event];
        }
      }
      yield [{ type: "end", reason: "stop", usage: undefined }];
    },
    firstEventMs: () => 10_000,
  };
}
