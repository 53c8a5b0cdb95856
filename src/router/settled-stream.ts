import { GatewayError, toGatewayError } from "../chat/error.ts";
import type { ChatEvent, ChatStream, Usage } from "../chat/event.ts";

type Batch = readonly ChatEvent[];

/** How a turn ended. Without `failure` it ended with its end event. */
export interface TurnEnd {
  readonly failure?: GatewayError;
  /** Undefined when it broke before the upstream or the gateway could count. */
  readonly usage: Usage | undefined;
  /** Characters handed out: text, thinking and call arguments. */
  readonly characters: number;
}

/**
 * Hands an answer through and calls `ended` exactly once: at its end event, when it breaks, when the reader leaves, or
 * when `signal` aborts, whether or not anybody reads.
 */
export function settledStream(
  stream: ChatStream,
  signal: AbortSignal,
  ended: (end: TurnEnd) => void,
  observe?: (event: ChatEvent) => void,
): ChatStream {
  const source = stream[Symbol.asyncIterator]();
  let over = false;
  let broken: GatewayError | undefined;
  let characters = 0;

  const finish = (failure?: GatewayError, usage?: Usage): void => {
    if (over) return;
    over = true;
    broken = failure;
    signal.removeEventListener("abort", abort);
    ended({ ...(failure ? { failure } : {}), usage, characters });
    source.return?.().then(ignore, ignore);
  };
  const abort = (): void => finish(toGatewayError(signal.reason));
  signal.addEventListener("abort", abort, { once: true });

  const came = (result: IteratorResult<Batch>): IteratorResult<Batch> => {
    if (result.done) {
      const failure = new GatewayError("upstream-broken", "The answer ended before it was complete.");
      if (over) return result;
      finish(failure);
      throw failure;
    }
    for (const event of result.value) {
      observe?.(event);
      if (event.type === "text-delta" || event.type === "reasoning-delta") characters += event.text.length;
      else if (event.type === "tool-call-delta") characters += event.json.length;
      else if (event.type === "end") finish(undefined, event.usage);
    }
    return result;
  };
  const failed = (error: unknown): never => {
    const failure = toGatewayError(error);
    finish(failure);
    throw failure;
  };

  return {
    [Symbol.asyncIterator]() {
      return {
        next() {
          if (!over) return source.next().then(came, failed);
          if (broken) return Promise.reject(broken);
          return Promise.resolve({ value: undefined, done: true });
        },
        return() {
          if (!over) finish(new GatewayError("cancelled", "The client left."));
          return Promise.resolve({ value: undefined, done: true });
        },
      };
    },
  };
}

/** The answer was given up: how its rest fails interests nobody. */
function ignore(): void {}
