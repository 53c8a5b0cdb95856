/**
 * Writes a server-sent event body step by step, with full say over line ends, spacing and where the bytes are cut.
 * Shared by every sim whose upstream speaks SSE.
 */
import type { Gate } from "./gate.ts";
import { bytesOf, type Exchange } from "./raw-http.ts";

/** How frames become bytes and how the bytes are cut into writes. */
export type Wire = {
  /** Line end; default LF. */
  eol?: "\n" | "\r" | "\r\n";
  /** A space after `data:`; default true. */
  space?: boolean;
  /** Lines set before each event's data, such as `event: message`; default none. */
  before?: string[];
  /**
   * Where writes are cut. `frames` (default): a write per frame. `whole`: one write up to the next pause. `bytes`: a write
   * per byte. A number or list: cuts at those byte offsets of the body, nowhere else.
   */
  cut?: "frames" | "whole" | "bytes" | number | number[];
  /**
   * Passed at every cut. Without it the sim pauses for 1 ms at a cut by offset (not with `bytes`): a fetch that reads on
   * a thread of its own may still join the two sides, so a test that must see two reads uses the gate.
   */
  cutGate?: Gate;
};

/**
 * One thing a stream does. An object under `frame` becomes one event; `raw` goes out as it is. `hang` stays silent until
 * the client leaves; `cut` closes with FIN and no end mark; `reset` sends RST; `gate` waits for the test; `endless`
 * repeats a text, once per passage of its gate, or every 5 ms without one, until the client leaves. `done` on a frame
 * says that with it the turn is over for the upstream, whatever still follows.
 */
export type Step =
  | { frame: unknown; done?: boolean }
  | { raw: string | Uint8Array }
  | { gate: Gate }
  | { hang: true }
  | { cut: true }
  | { reset: true }
  | { endless: string; gate?: Gate };

/** One event's bytes as text. A string is taken as the data itself, anything else is written as JSON. */
export function eventText(frame: unknown, { eol = "\n", space = true, before = [] }: Wire = {}): string {
  const data = typeof frame === "string" ? frame : JSON.stringify(frame);
  return [...before, `data:${space ? " " : ""}${data}`, "", ""].join(eol);
}

/**
 * Plays the steps into an exchange whose head is written, then ends it unless a step did.
 *
 * @param gate asked before every frame and raw piece
 * @param onDone called as a `done` frame goes out
 */
export async function playBody(
  exchange: Exchange,
  steps: Step[],
  wire: Wire = {},
  gate?: Gate,
  onDone: () => void = () => {},
): Promise<void> {
  let held: Uint8Array[] = [];
  const flush = async () => {
    const bytes = Buffer.concat(held);
    held = [];
    let first = true;
    for (const piece of pieces(bytes, exchange.bytesWritten, wire.cut)) {
      if (!first) await pauseAtCut(exchange, wire);
      first = false;
      await exchange.write(piece);
    }
  };
  const send = async (bytes: Uint8Array, done = false) => {
    if (gate && !(await gate.pass(exchange.closed))) return;
    // Before the bytes: a client may hang up the moment it reads the end, and that is no abort.
    if (done) onDone();
    held.push(bytes);
    if (gate || wire.cut === undefined || wire.cut === "frames") await flush();
  };
  for (const step of steps) {
    if (exchange.over) break;
    if ("frame" in step) await send(bytesOf(eventText(step.frame, wire)), step.done);
    else if ("raw" in step) await send(bytesOf(step.raw));
    else {
      await flush();
      if ("endless" in step) await repeat(exchange, step.endless, step.gate);
      else if ("gate" in step) await step.gate.pass(exchange.closed);
      else if ("cut" in step) exchange.cut();
      else if ("reset" in step) exchange.reset();
      else await exchange.closed;
    }
  }
  await flush();
  exchange.end();
}

/** Lets the reader take what was written before the next piece goes out. */
export async function pauseAtCut(exchange: Exchange, { cut, cutGate }: Wire): Promise<void> {
  if (cutGate) await cutGate.pass(exchange.closed);
  else if (cut !== "bytes") await Bun.sleep(1);
}

async function repeat(exchange: Exchange, text: string, gate?: Gate): Promise<void> {
  while (!exchange.over) {
    if (gate) await gate.pass(exchange.closed);
    else await Bun.sleep(5);
    await exchange.write(text);
  }
}

function* pieces(bytes: Buffer, offset: number, cut: Wire["cut"]): Generator<Uint8Array> {
  if (cut === "bytes") for (const byte of bytes) yield Uint8Array.of(byte);
  else {
    const cuts = typeof cut === "number" ? [cut] : Array.isArray(cut) ? cut : [];
    let from = 0;
    for (const at of cuts.map((absolute) => absolute - offset).filter((at) => at > 0 && at < bytes.length)) {
      yield bytes.subarray(from, at);
      from = at;
    }
    yield bytes.subarray(from);
  }
}
