import type { UpstreamBody } from "../src/lib/fetch.ts";

/** A stream as a body of an upstream. */
export function bodyOf(stream: ReadableStream<Uint8Array>): UpstreamBody {
  const reader = stream.getReader();
  let isOver = false;
  return {
    async read() {
      const { done, value } = await reader.read();
      isOver = done;
      return value;
    },
    rest: () => undefined,
    cancel() {
      if (!isOver) void reader.cancel();
    },
  };
}
