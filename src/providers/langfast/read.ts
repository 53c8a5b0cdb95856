import { GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import type { Abortable } from "../../lib/abort.ts";
import type { Clock } from "../../lib/clock.ts";
import { refusalOf, saidInRun, type Refusal } from "./failure.ts";
import type { Inbox } from "./inbox.ts";

/** How long a dropped connection may take to come back, and then how long the next chunk, which repairs all. */
const REPAIR_MS = 15_000;
/** The same for a run that has said nothing yet: most likely it is still thinking and nothing was missed. */
const FIRST_REPAIR_MS = 60_000;
/** The longest silence between two chunks. */
const SILENCE_MS = 60_000;
/** How long an end that named no run waits for a chunk that proves it another's: with this run alone, and with others. */
const HINT_ALONE_MS = 500;
const HINT_CROWDED_MS = 10_000;

export interface ReadOptions {
  readonly clock: Clock;
  readonly signal: Abortable;
  /** The longest wait for the first chunk, ms. */
  readonly firstChunkMs: number;
  readonly alone: () => boolean;
  /** A stream cannot take back text; a whole answer can. */
  readonly stream: boolean;
  /** What a failed run means, for this account and request. */
  readonly judge: (refusal: Refusal) => GatewayError;
}

/** The events of a run that was begun, to its end. @throws GatewayError when it fails, falls silent or changes its text */
export async function* readRun(inbox: Inbox, options: ReadOptions): AsyncGenerator<readonly UpstreamEvent[]> {
  const { clock, signal } = options;
  let chunks = 0;
  for (;;) {
    const { answer } = inbox;
    const text = answer.take();
    if (text !== "") yield [{ type: "text-delta", text }];
    else if (answer.chunks > chunks && !answer.ended) yield [{ type: "progress" }];
    chunks = answer.chunks;
    signal.throwIfAborted();
    if (answer.fault) throw faultOf(inbox, options);
    if (answer.revised && options.stream) {
      throw new GatewayError("upstream-broken", "LangFast changed text that it had already given out.");
    }
    if (answer.ended) {
      // Whatever came while the last piece was read.
      const rest = answer.take();
      if (rest !== "") yield [{ type: "text-delta", text: rest }];
      yield [
        {
          type: "end",
          reason: answer.reason,
          usage: undefined,
          ...(answer.revised ? { text: answer.text } : {}),
        },
      ];
      return;
    }
    if (inbox.refused !== undefined) {
      throw new GatewayError("upstream-broken", "LangFast's runner did not take the connection back.");
    }
    const dueAt = nextDeadline(inbox, options);
    const leftMs = dueAt.at - clock.monotonic();
    if (leftMs <= 0) dueAt.pass();
    else await inbox.bell.wait(clock, leftMs, signal);
  }
}

interface Deadline {
  /** Monotonic ms. */
  readonly at: number;
  /** Ends the run, or throws. */
  readonly pass: () => void;
}

/** The earliest moment at which waiting on is no use, and what it means. */
function nextDeadline(inbox: Inbox, options: ReadOptions): Deadline {
  const { answer, heardAt, droppedAt, backAt, hintedAt } = inbox;
  const { firstChunkMs, alone } = options;
  const isFirst = answer.chunks === 0;
  const silenceMs = isFirst ? firstChunkMs : SILENCE_MS;
  const deadlines: Deadline[] = [
    {
      at: heardAt + silenceMs,
      pass: () => {
        const what = isFirst ? "did not begin to answer" : "has sent nothing";
        throw new GatewayError("upstream-timeout", `LangFast ${what} for ${silenceMs / 1000} s.`);
      },
    },
  ];
  if (droppedAt !== undefined) {
    const pass = (): void => {
      throw new GatewayError("upstream-broken", "The connection to LangFast broke and the rest of the answer is lost.");
    };
    const at = backAt === undefined ? droppedAt + REPAIR_MS : backAt + (isFirst ? FIRST_REPAIR_MS : REPAIR_MS);
    deadlines.push({ at, pass });
  }
  if (hintedAt !== undefined) {
    const waitMs = alone() && !isFirst ? HINT_ALONE_MS : HINT_CROWDED_MS;
    deadlines.push({ at: hintedAt + waitMs, pass: () => answer.finish() });
  }
  return deadlines.reduce((first, each) => (each.at < first.at ? each : first));
}

function faultOf({ answer: { fault } }: Inbox, { judge, clock }: ReadOptions): GatewayError {
  if (fault?.kind === "too-long") {
    return new GatewayError("upstream-broken", "LangFast sent more than an answer can be.");
  }
  if (fault?.kind === "changed") {
    return new GatewayError("upstream-changed", "LangFast's chunks hold their text in another form.", {
      field: "content",
    });
  }
  return judge(refusalOf(saidInRun(fault?.error), clock.now()));
}
