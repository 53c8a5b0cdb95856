import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatStream } from "../chat/event.ts";
import type { StreamEncoder } from "../dialects/dialect.ts";
import type { Clock } from "../lib/clock.ts";

/** A proxy in between cuts a silent stream, so silence is filled with comments this often. */
export const PING_MS = 15_000;
/** A client that reads nothing for so long is gone. */
const STALLED_CLIENT_MS = 120_000;

const PING = new TextEncoder().encode(": ping\n\n");
const utf8 = new TextEncoder();

export interface StreamOptions {
  readonly encoder: StreamEncoder;
  readonly clock: Clock;
  /** The client has waited long enough already: the first comment goes out at once, and the status with it. */
  readonly late?: boolean;
  /** The client stopped reading or went away. */
  readonly leave: () => void;
  /** The last byte was handed over, or nobody wants it. Called once. */
  readonly end: () => void;
  /** Sees a failure that happened after the status was sent. */
  readonly failed: (error: GatewayError) => void;
}

/**
 * Writes an answer's events as the body of a response. What arrived together goes out in one write; nothing is read from
 * the upstream before the client took what was there. A failure becomes the dialect's last frame, never a clean end.
 *
 * @param answer may still be under way: comments fill the time until it is there
 */
export function streamBody(answer: Promise<ChatStream>, options: StreamOptions): ReadableStream<Uint8Array> {
  const { encoder, clock } = options;
  let events: AsyncIterator<readonly Parameters<StreamEncoder["event"]>[0][]> | undefined;
  let started = false;
  let over = false;
  let pulling = false;
  let wroteAt = clock.monotonic();
  let cancelTimer = () => {};

  const finish = () => {
    if (over) return;
    over = true;
    cancelTimer();
    options.end();
  };

  /** One timer a stream: it looks at how long ago the last write was instead of being set anew at each. */
  const watch = (controller: ReadableStreamDefaultController<Uint8Array>, afterMs: number) => {
    cancelTimer = clock.after(afterMs, () => {
      if (over) return;
      const silentMs = clock.monotonic() - wroteAt;
      if (!pulling) {
        if (silentMs >= STALLED_CLIENT_MS) {
          options.leave();
          void events?.return?.();
          finish();
          controller.error(new Error("the client stopped reading"));
          return;
        }
      } else if (silentMs >= PING_MS) {
        controller.enqueue(PING);
        wroteAt = clock.monotonic();
      }
      const nextMs = pulling ? PING_MS - (clock.monotonic() - wroteAt) : PING_MS;
      watch(controller, Math.max(nextMs, 1));
    });
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // The server sends the head with the first bytes, not before.
        if (options.late) controller.enqueue(PING);
        watch(controller, PING_MS);
      },
      async pull(controller) {
        pulling = true;
        let text = "";
        try {
          events ??= (await answer)[Symbol.asyncIterator]();
          if (!started) {
            started = true;
            text = encoder.start();
          }
          while (!over) {
            const { value, done } = await events.next();
            if (done) {
              if (text) controller.enqueue(utf8.encode(text));
              finish();
              controller.close();
              return;
            }
            for (const event of value) text += encoder.event(event);
            if (text) break;
          }
          if (over) return;
          wroteAt = clock.monotonic();
          controller.enqueue(utf8.encode(text));
        } catch (thrown) {
          if (over) return;
          const error = toGatewayError(thrown);
          options.failed(error);
          if (error.kind !== "cancelled") {
            controller.enqueue(utf8.encode((started ? text : encoder.start() + text) + encoder.failure(error)));
          }
          finish();
          controller.close();
        } finally {
          pulling = false;
        }
      },
      cancel() {
        options.leave();
        void events?.return?.();
        finish();
      },
    },
    { highWaterMark: 0 },
  );
}
