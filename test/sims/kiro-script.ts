/** The behaviours a test gives a Kiro sim: what the next call of a kind meets. */
import { event } from "./kiro-frames.ts";
import type { Seen, SimAccount } from "./kiro-state.ts";
import type { Exchange } from "./raw-http.ts";
import { playBody, type Step, type Wire } from "./sse-body.ts";

export interface KiroCall {
  readonly exchange: Exchange;
  readonly seen: Seen;
  readonly account: SimAccount;
}

export type Behaviour = (call: KiroCall) => Promise<void> | void;

const STREAM = { "content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "sim" };

/** A tool call as the service streams it: its input in pieces. */
export interface SaidCall {
  readonly id: string;
  readonly name: string;
  readonly input: string | readonly string[];
  /** False: the pieces come, the end does not. */
  readonly stop?: boolean;
}

export interface Said {
  readonly thinking?: readonly string[];
  readonly signature?: string;
  readonly calls?: readonly SaidCall[];
  /** The last events: all (default), the legacy pair, or none, as when the answer was cut. */
  readonly tail?: "runtime" | "legacy" | "none";
  readonly percentage?: number;
  readonly usage?: Record<string, number>;
  readonly stopReason?: string;
  readonly wire?: Wire;
}

/** The messages of an answer that says these pieces. */
export function answerFrames(pieces: readonly string[], said: Said = {}): Buffer[] {
  const { tail = "runtime", percentage = 1.5, calls = [], thinking = [] } = said;
  const usage = said.usage ?? { uncachedInputTokens: 100, outputTokens: 20, totalTokens: 120 };
  const { stopReason = "END_TURN" } = said;
  return [
    event("initial-response", {}),
    ...thinking.map((text) => event("reasoningContentEvent", { text })),
    ...(said.signature === undefined ? [] : [event("reasoningContentEvent", { signature: said.signature })]),
    ...pieces.map((content) => event("assistantResponseEvent", { content, modelId: "m" })),
    ...calls.flatMap(callFrames),
    ...(tail === "runtime" ? [event("metadataEvent", { tokenUsage: usage, stopReason })] : []),
    ...(tail === "none"
      ? []
      : [
          event("contextUsageEvent", { contextUsagePercentage: percentage }),
          event("meteringEvent", { usage: 0.1, unit: "credit", unitPlural: "credits" }),
        ]),
  ];
}

function callFrames({ id, name, input, stop = true }: SaidCall): Buffer[] {
  const pieces = typeof input === "string" ? [input] : input;
  return [
    ...pieces.map((piece) => event("toolUseEvent", { toolUseId: id, name, input: piece })),
    ...(stop ? [event("toolUseEvent", { toolUseId: id, name, stop: true })] : []),
  ];
}

/** A whole answer. */
export function says(pieces: string | readonly string[], said: Said = {}): Behaviour {
  const frames = answerFrames(typeof pieces === "string" ? [pieces] : pieces, said);
  return stream(
    frames.map((raw) => ({ raw })),
    said.wire,
  );
}

/** A 200 whose body is exactly these steps. */
export function stream(steps: Step[], wire: Wire = {}): Behaviour {
  return async ({ exchange }) => {
    await exchange.head(200, STREAM);
    await playBody(exchange, steps, wire);
  };
}

/** A JSON answer of any status. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  return ({ exchange }) =>
    exchange.answer(status, { "content-type": "application/json", ...headers }, JSON.stringify(body));
}

/** A refusal as the service words it. */
export function refuse(
  status: number,
  message: string,
  reason?: string | null,
  headers: Record<string, string> = {},
): Behaviour {
  return json(status, { message, ...(reason === undefined ? {} : { reason }) }, headers);
}

/** A page in place of an answer. */
export function page(status: number): Behaviour {
  return ({ exchange }) => exchange.answer(status, { "content-type": "text/html" }, "<html><h1>Sorry</h1></html>");
}

/** Closes the connection before any byte. */
export const drop: Behaviour = ({ exchange }) => exchange.reset();
