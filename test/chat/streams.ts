import type { ChatEvent, ChatStream } from "../../src/chat/event.ts";

type Batch = readonly ChatEvent[];

/** Batches as an answer that may be read. */
export function streamFrom(batches: AsyncIterable<Batch>): ChatStream {
  const iterator = batches[Symbol.asyncIterator]();
  return {
    read(reader) {
      iterator.next().then(
        ({ value, done }) => (done ? reader.failed(new Error("read beyond the end")) : reader.came(value)),
        (failure: unknown) => reader.failed(failure),
      );
    },
    cancel: () => void iterator.return?.(),
  };
}

/** An answer as an iterator, which is easier to read in a test. */
export function iterated(
  stream: ChatStream,
): AsyncIterableIterator<Batch> & { return(): Promise<IteratorResult<Batch>> } {
  const done = { value: undefined, done: true } as const;
  let hasEnded = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () =>
      new Promise((resolve, reject) => {
        if (hasEnded) return resolve(done);
        const came = (value: Batch) => {
          hasEnded = value.at(-1)?.type === "end";
          resolve({ value, done: false });
        };
        stream.read({ came, failed: reject });
      }),
    async return() {
      stream.cancel();
      return done;
    },
  };
}

/** All events of an answer. */
export async function drain(stream: ChatStream): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of iterated(stream)) events.push(...batch);
  return events;
}
