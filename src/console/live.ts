import type { Clock } from "../lib/clock.ts";
import type { Feed } from "./feed.ts";
import type { Regions } from "./pages/overview.ts";
import { partial } from "./partial.ts";
import { SECURITY_HEADERS } from "./respond.ts";

/** A page that hears nothing for twice this long says that it is stale. */
const BEAT_MS = 4000;

export interface LivePorts {
  readonly feed: Feed;
  readonly clock: Clock;
  /** Draws the page's regions as of now. */
  readonly regions: () => Promise<Regions>;
  /** Asked at each beat: a session that ended must not go on looking. */
  readonly isSignedIn: () => Promise<boolean>;
  /** Aborts when the browser left or the program stops. */
  readonly signal: AbortSignal;
}

/**
 * Server-sent events for one open page: each message carries the regions that look different since the last one, for
 * htmx to morph in; a named `beat` every 4 s shows that the line is alive. A slow reader makes it wait, not queue.
 */
export function liveStream({ feed, clock, regions, isSignedIn, signal }: LivePorts): Response {
  const shown = new Map<string, string>();
  const encoder = new TextEncoder();
  let changed = true;
  let wake: () => void = () => undefined;
  const ring = () => wake();
  const unsubscribe = feed.subscribe(() => {
    changed = true;
    ring();
  });
  signal.addEventListener("abort", ring, { once: true });
  const close = () => {
    unsubscribe();
    signal.removeEventListener("abort", ring);
    ring();
  };

  const waitForNews = async () => {
    if (changed || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(BEAT_MS, resolve);
    wake = resolve;
    await promise;
    cancel();
  };

  const nextFrame = async (): Promise<string> => {
    if (changed) {
      changed = false;
      const frame = framesOf(await regions(), shown);
      if (frame !== "") return frame;
    }
    return `event: beat\ndata: ${clock.now()}\n\n`;
  };

  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await waitForNews();
      if (signal.aborted || !(await isSignedIn())) {
        close();
        return controller.close();
      }
      try {
        controller.enqueue(encoder.encode(await nextFrame()));
      } catch (error) {
        close();
        controller.error(error); // the page reconnects, and shows meanwhile that it is stale
      }
    },
    cancel: close,
  });
  return new Response(body, {
    headers: {
      ...SECURITY_HEADERS,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}

/** One message with the regions that differ from what `shown` remembers; empty when none does. */
export function framesOf(regions: Regions, shown: Map<string, string>): string {
  const news = Object.entries(regions).filter(([id, { text }]) => shown.get(id) !== text);
  for (const [id, { text }] of news) shown.set(id, text);
  if (news.length === 0) return "";
  const partials = news.map(([id, markup]) => partial(`#${id}`, "outerMorph", markup).text);
  return `data: ${partials.join("").replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
}
