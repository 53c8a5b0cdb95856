import type { Clock } from "../lib/clock.ts";
import type { Feed } from "./feed.ts";
import { type Html, Parted } from "./html.ts";
import type { Regions } from "./pages/overview.ts";
import { partial } from "./partial.ts";
import { SECURITY_HEADERS } from "./respond.ts";

/**
 * What no event tells of, such as a turn that began or a service whose wait is over, is on the page after so long; a page
 * that hears nothing for several of these says that it is stale.
 */
const BEAT_MS = 1500;

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
 * htmx to morph in; where none does, a named `beat` shows that the line is alive. A slow reader makes it wait, not queue.
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
    changed = false;
    return framesOf(await regions(), shown) || `event: beat\ndata: ${clock.now()}\n\n`;
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

/**
 * One message with what differs from what `shown` remembers; empty when nothing does. Of a long region only the parts
 * that differ are sent: morphing hundreds of rows would hold a page up at each change.
 */
export function framesOf(regions: Regions, shown: Map<string, string>): string {
  const news = Object.entries(regions).flatMap(([id, markup]) => newsOf(id, markup, shown));
  if (news.length === 0) return "";
  const partials = news.map(([id, markup]) => partial(`#${id}`, "outerMorph", markup).text);
  return `data: ${partials.join("").replaceAll(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
}

function newsOf(id: string, markup: Html, shown: Map<string, string>): [string, Html][] {
  const isNew = (key: string, text: string) => {
    const lasting = lastingOf(text);
    if (shown.get(key) === lasting) return false;
    shown.set(key, lasting);
    return true;
  };
  if (!(markup instanceof Parted)) return isNew(id, markup.text) ? [[id, markup]] : [];
  const changed = [...markup.parts].filter(([part, { text }]) => isNew(part, text));
  return isNew(id, markup.frame) ? [[id, markup]] : changed;
}

/** Without the running times, which the page counts on by itself. */
function lastingOf(text: string): string {
  return text.replaceAll(/(<time [^>]*>)[^<]*|stroke-dasharray="\d+ 100"/g, "$1");
}
