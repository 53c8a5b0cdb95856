/** Reads an event stream whose end is known by its content: the loop that answers of several formats share. */
import type { Clock } from "./clock.ts";
import type { EventStream } from "./event-body.ts";
import type { ServerEvent } from "./sse.ts";

/** "open": more must come. "finished": whole, but something may still follow. "last": nothing follows. */
export type AnswerState = "open" | "finished" | "last";

/** Turns the data of events into events of the caller's own kind. */
export interface AnswerReader<E> {
  readonly state: AnswerState;
  /** Appends to `out`. @throws for an answer that failed */
  read(data: string, out: E[]): void;
  /** Appends the closing events. @throws when the answer is not whole */
  end(out: E[]): void;
}

/** How long what may follow the finish is waited for, ms. */
const LINGER_MS = 2000;

/**
 * One batch per network read. A connection that breaks after the finish ends the answer as well as any other end. After
 * the closing events the rest of the body is read, so that its connection lives on.
 * @throws what `wrap` makes of a failure; what came with it is yielded first, once the answer has begun
 */
export async function* readAnswer<E>(
  stream: EventStream,
  answer: AnswerReader<E>,
  { clock, wrap }: { readonly clock: Clock; readonly wrap: (error: unknown) => Error },
): AsyncGenerator<readonly E[]> {
  let stopLinger = () => {};
  let lingered: Promise<void> | undefined;
  let out: E[] = [];
  let hasBegun = false;
  let isTold = false;
  try {
    for (;;) {
      const events = await (lingered ? stream.next(lingered).catch(() => undefined) : stream.next());
      if (!events) break;
      const state = readFrames(events, answer, out);
      if (state === "last") break;
      if (state === "finished") lingered ??= new Promise((resolve) => (stopLinger = clock.after(LINGER_MS, resolve)));
      if (out.length > 0) yield out;
      hasBegun ||= out.length > 0;
      out = [];
    }
    if (answer.state === "open") readFrames(stream.last(), answer, out);
    answer.end(out);
    isTold = true;
    yield out;
    if (answer.state === "last") while (await stream.next());
  } catch (error) {
    if (isTold) return; // Only a connection that is not used again.
    // Before the answer has begun, another account may begin it afresh.
    if (hasBegun && out.length > 0) yield out;
    throw wrap(error);
  } finally {
    stopLinger();
    stream.cancel();
  }
}

/** Reads frames up to the last one, where more may follow. */
function readFrames<E>(events: readonly ServerEvent[], answer: AnswerReader<E>, out: E[]): AnswerState {
  for (const { data } of events) {
    if (answer.state === "last") break;
    answer.read(data, out);
  }
  return answer.state;
}
