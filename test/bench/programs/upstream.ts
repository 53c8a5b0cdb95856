/** What both mock upstreams share: streams that follow a plan, and a count of those that are open. */
import { nowUs, type Plan } from "./plan.ts";

/** How one upstream writes its stream. */
export interface Frames {
  /** One token with this text. */
  token(text: string): string;
  /** What ends the stream. */
  end(): string;
}

const utf8 = new TextEncoder();
const TOKEN = "token ";
/** Packed answers are the same bytes each time. */
const packed = new Map<number, Uint8Array<ArrayBuffer>>();

let open = 0;

export const STREAM = { "content-type": "text/event-stream" } as const;

/** Open streams: those that nobody hung up and that have not ended. */
export function openStreams(): number {
  return open;
}

/** The body of a streamed answer. Paced tokens carry the time at which they were written: `t` and 16 digits, epoch µs. */
export function bodyOf(plan: Plan, frames: Frames): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  if (plan.kind === "packed") {
    let bytes = packed.get(plan.tokens);
    if (!bytes) packed.set(plan.tokens, (bytes = utf8.encode(frames.token(TOKEN).repeat(plan.tokens) + frames.end())));
    return bytes;
  }
  let timer: ReturnType<typeof setInterval> | undefined;
  let isOpen = true;
  open++;
  const close = () => {
    if (isOpen) open--;
    isOpen = false;
    clearInterval(timer);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let left = plan.tokens;
      const write = () => {
        controller.enqueue(utf8.encode(frames.token(`t${nowUs()} `)));
        if (--left > 0 || plan.kind === "hold") return;
        controller.enqueue(utf8.encode(frames.end()));
        controller.close();
        close();
      };
      write();
      if (plan.kind === "paced" && left > 0) timer = setInterval(write, plan.everyMs);
    },
    cancel: close,
  });
}

/** Tells the bench where this program listens. */
export function announce(server: { readonly port: number | undefined }): void {
  process.stdout.write(`${JSON.stringify({ port: server.port })}\n`);
}
