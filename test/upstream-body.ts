import type { UpstreamBody } from "../src/lib/fetch.ts";

/** A stream as a body of an upstream. */
export function bodyOf(stream: ReadableStream<Uint8Array>): UpstreamBody {
  const reader = stream.getReader();
  let isOver = false;
  const read = async () => {
    const { done, value } = await reader.read();
    isOver = done;
    return value;
  };
  return {
    read,
    readBy: (by) =>
      void read().then(
        (bytes) => by.came(bytes),
        (error: unknown) => by.failed(error),
      ),
    rest: () => undefined,
    cancel() {
      if (!isOver) void reader.cancel();
    },
  };
}
