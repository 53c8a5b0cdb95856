/**
 * What comes back, as a stream. Events that arrived together travel together: a stream yields batches, so that a
 * network read costs each stage one step however many frames it held, and goes out to the client in one write.
 */

export type StopReason = "stop" | "length" | "tool-calls" | "content-filter" | "stop-sequence" | "refusal";

/** Token counts of one turn. `estimated` marks figures that the gateway made because the upstream gave none. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Part of `outputTokens`. */
  readonly reasoningTokens?: number;
  /** Parts of `inputTokens`. */
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly estimated: boolean;
}

export interface Citation {
  readonly title: string;
  readonly url: string;
  readonly snippet?: string;
}

/** New text of the answer. Never empty. */
export interface TextDelta {
  readonly type: "text-delta";
  readonly text: string;
}

/** New thinking. Never empty. */
export interface ReasoningDelta {
  readonly type: "reasoning-delta";
  readonly text: string;
}

/** Closes the thinking before it: the upstream's signature over it, or its encrypted form. */
export interface ReasoningSignature {
  readonly type: "reasoning-signature";
  readonly signature?: string;
  readonly redacted?: string;
}

/** A call begins. Its argument pieces follow under the same `id`; calls may interleave. */
export interface ToolCallStart {
  readonly type: "tool-call-start";
  readonly id: string;
  readonly name: string;
}

/** A piece of the call's arguments as JSON text. */
export interface ToolCallDelta {
  readonly type: "tool-call-delta";
  readonly id: string;
  readonly json: string;
}

/** The call is whole: the pieces under `id` join to one JSON object. */
export interface ToolCallEnd {
  readonly type: "tool-call-end";
  readonly id: string;
}

/** Sources that the upstream searched. They are not answer text. */
export interface Citations {
  readonly type: "citations";
  readonly citations: readonly Citation[];
}

/** The upstream is at work but has nothing for the client: it resets the idle deadline and is not a first event. */
export interface Progress {
  readonly type: "progress";
}

interface EndOf<U> {
  readonly type: "end";
  readonly reason: StopReason;
  /** The stop sequence that was met, when `reason` is "stop-sequence". */
  readonly stopSequence?: string;
  readonly usage: U;
  /** The upstream's own whole answer where it gives one. A whole answer uses it; a stream cannot take back what it sent. */
  readonly text?: string;
}

export type End = EndOf<Usage>;

type Content =
  TextDelta | ReasoningDelta | ReasoningSignature | ToolCallStart | ToolCallDelta | ToolCallEnd | Citations;

/** What a provider yields: exactly one end, and it is last. `usage` is undefined when the upstream measured nothing. */
export type UpstreamEvent = Content | Progress | EndOf<Usage | undefined>;

/** What a dialect encodes: no progress, and usage always filled in. */
export type ChatEvent = Content | End;

/** Each read of an upstream's batches is answered by one call of these, at once or later. */
export interface UpstreamReader {
  /** The next events, which arrived together, perhaps none; undefined after the last. */
  came(batch: readonly UpstreamEvent[] | undefined): void;
  /** It broke off, with a GatewayError. */
  failed(failure: unknown): void;
}

/** A generator is one. What also gives its batches to a reader is read so: a token costs less without promises. */
export interface UpstreamIterator extends AsyncIterator<readonly UpstreamEvent[]> {
  /** Asks for the next batch; the one before must have come. */
  read?(reader: UpstreamReader): void;
}

/** Batches of events that arrived together; a batch may be empty. Ends after `end`, or throws a GatewayError. */
export interface UpstreamStream {
  [Symbol.asyncIterator](): UpstreamIterator;
}

/** Each read of a ChatStream is answered by one call of these, at once or later. */
export interface ChatReader {
  /** The next events, which arrived together; perhaps none. */
  came(batch: readonly ChatEvent[]): void;
  /** The answer broke off, with a GatewayError. */
  failed(failure: unknown): void;
}

/**
 * An answer, read batch by batch up to its `end` or a failure. Its reader is called and gets no promise: each token
 * would pay for one at each stage.
 */
export interface ChatStream {
  /** Asks for the next batch; the one before must have come. After `end` nothing more is asked for. */
  read(reader: ChatReader): void;
  /** Lets go of an answer that nobody wants any more. A read under way fails; after the end it does nothing. */
  cancel(): void;
}

/** True for the events before which a failure may still go to another account. */
export function isFirstEvent(event: UpstreamEvent): boolean {
  return event.type !== "progress" && event.type !== "citations" && event.type !== "end";
}
