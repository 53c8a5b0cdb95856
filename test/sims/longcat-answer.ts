/** Turns a scripted answer into the steps of one LongCat stream. */
import { legacyFrame, SEARCH_TYPES, tokenInfo, v2Frame, type Tokens, type TurnIds } from "./longcat-frames.ts";
import type { Step } from "./sse-body.ts";

/**
 * The six ways an answer is told. `v2`: events with deltas. `v2-cumulative`: events with all text so far. `legacy`: delta
 * and cumulative text in one frame. `legacy-cumulative`, `legacy-delta`: only one of the two. `mixed`: `v2` and `legacy`
 * frames by turns.
 */
export type Format = "v2" | "v2-cumulative" | "legacy" | "legacy-cumulative" | "legacy-delta" | "mixed";

/** What a turn says and how it ends. Everything is optional: the plain turn ends well, with `finish` and `lastOne`. */
export type AnswerOptions = {
  /** Default: `v2` on the V2 path, `legacy` on the legacy path. */
  format?: Format;
  /** Thinking before the answer, and the event type that carries it (default `think`). */
  thinking?: string | string[];
  thinkingType?: "think" | "reason";
  /** A `summary` event after the thinking. V2 only. */
  summary?: string;
  /** `content` events of an earlier segment, before a second `think` event and the answer. V2 only. */
  preamble?: string | string[];
  /** Contents of search events before the answer, see SEARCH_SHAPES; the four event types are used in turn. V2 only. */
  search?: readonly unknown[];
  /** Further frames set before the answer as they are: unknown types, null contents, plug-ins. */
  extra?: unknown[];
  /**
   * The final text. Default: the pieces joined, as `finalContentX` in V2 and as the last `content` in legacy (which
   * `legacy-delta` leaves out). A string replaces it (longer, different, or empty), false leaves it out.
   */
  final?: string | false;
  finalField?: "finalContentX" | "finalContent";
  /** `finishType` of the `finish` event; `sensitive` marks a filtered answer, in both formats. */
  finishType?: string;
  /** Token counts (default 11 and 7), and where they stand; legacy knows `tokenInfo` only. False: none at all. */
  tokens?: Tokens | false;
  tokensAs?: "usage" | "tokenInfo";
  /** Whether `lastOne` comes in the finishing frame (default), in a frame of its own after it, alone, or never. */
  lastOne?: "with-finish" | "after-finish" | "without-finish" | "never";
  /** What the socket does after the end: a proper end of the body (default), or one that stays open, is cut or reset. */
  after?: "end" | "hang" | "cut" | "reset";
  /**
   * Breaks off after that many content frames (0: after the `create` frame): `eof` ends the body properly but early, `cut` closes the
   * connection, `reset` sends RST, `hang` stays silent, `comments` sends comments for ever; a list of steps does those.
   */
  breakAfter?: number;
  breakBy?: keyof typeof BREAKS | Step[];
};

/** All steps of one turn. A string answer is chopped into pieces on code points. */
export function answerSteps(answer: string | string[], ids: TurnIds, options: AnswerOptions = {}): Step[] {
  const { format = "v2" } = options;
  const pieces = chop(answer);
  const legacy = format.startsWith("legacy");
  const lead = legacy ? legacyLead(ids, options) : v2Lead(ids, options);
  const body =
    format === "mixed"
      ? mixedBody(pieces, ids)
      : legacy
        ? legacyBody(pieces, ids, options)
        : v2Body(pieces, ids, options);
  const steps: Step[] = [...lead, ...(options.extra ?? []), ...body].map((frame) => ({ frame }));
  if (options.breakAfter !== undefined) {
    const by = options.breakBy ?? "eof";
    const kept = options.breakAfter === 0 ? Math.min(1, lead.length) : steps.length - body.length + options.breakAfter;
    return [...steps.slice(0, kept), ...(Array.isArray(by) ? by : BREAKS[by])];
  }
  const end = legacy ? legacyEnd(pieces, ids, options) : v2End(pieces, ids, options);
  const after = options.after === undefined || options.after === "end" ? [] : BREAKS[options.after];
  return [...steps, ...end.map((frame): Step => ({ frame, done: true })), ...after];
}

/** Pieces of at least 3 code points, at most 64 of them; a list is taken as it is. */
export function chop(text: string | string[] | undefined): string[] {
  if (typeof text !== "string") return text ?? [];
  const points = Array.from(text);
  const size = Math.max(3, Math.ceil(points.length / 64));
  return Array.from({ length: Math.ceil(points.length / size) }, (_, index) =>
    points.slice(index * size, (index + 1) * size).join(""),
  );
}

/** For each piece, all text up to and including it. */
function totals(pieces: string[]): string[] {
  let total = "";
  return pieces.map((piece) => (total += piece));
}

function segment(pieces: string[], type: string, ids: TurnIds, cumulative: boolean) {
  const contents = cumulative ? totals(pieces) : pieces;
  // The service marks the end of a segment, not of the turn, with FINISHED.
  return contents.map((content, index) =>
    v2Frame(ids, type, { content, status: index === contents.length - 1 ? "FINISHED" : "PROCESSING" }),
  );
}

function v2Lead(ids: TurnIds, options: AnswerOptions): unknown[] {
  const cumulative = options.format === "v2-cumulative";
  const type = options.thinkingType ?? "think";
  const preamble = chop(options.preamble);
  return [
    v2Frame(ids, "create"),
    ...segment(chop(options.thinking), type, ids, cumulative),
    ...segment(preamble, "content", ids, cumulative),
    ...(preamble.length > 0 ? segment(["Now the answer."], type, ids, cumulative) : []),
    ...(options.summary === undefined ? [] : [v2Frame(ids, "summary", { content: options.summary })]),
    ...(options.search ?? []).map((content, index) =>
      v2Frame(ids, SEARCH_TYPES[index % SEARCH_TYPES.length] ?? "search", { content }),
    ),
  ];
}

function v2Body(pieces: string[], ids: TurnIds, options: AnswerOptions): unknown[] {
  return segment(pieces, "content", ids, options.format === "v2-cumulative");
}

function mixedBody(pieces: string[], ids: TurnIds): unknown[] {
  const sums = totals(pieces);
  return pieces.map((delta, index) =>
    index % 2 === 0 ? v2Frame(ids, "content", { content: delta }) : legacyFrame(ids, { delta, content: sums[index] }),
  );
}

function v2End(pieces: string[], ids: TurnIds, options: AnswerOptions): unknown[] {
  const { final = pieces.join(""), finalField = "finalContentX", tokens = { input: 11, output: 7 } } = options;
  const { tokensAs = "usage", lastOne = "with-finish" } = options;
  const last = v2Frame(ids, "content", { content: null, status: "FINISHED" }, { lastOne: true });
  if (lastOne === "without-finish") return [last];
  const finish = v2Frame(
    ids,
    "finish",
    {
      status: "FINISHED",
      finishType: options.finishType ?? "normal",
      ...(final === false ? {} : { [finalField]: final }),
      ...(tokens && tokensAs === "usage"
        ? {
            usage: {
              inputTokens: tokens.input,
              outputTokens: tokens.output,
              totalTokens: tokens.input + tokens.output,
            },
          }
        : {}),
    },
    { lastOne: lastOne === "with-finish", tokenInfo: tokens && tokensAs === "tokenInfo" ? tokenInfo(tokens) : null },
  );
  return lastOne === "after-finish" ? [finish, last] : [finish];
}

function legacyLead(ids: TurnIds, options: AnswerOptions): unknown[] {
  const { delta, whole } = legacySides(options);
  const pieces = chop(options.thinking);
  const sums = totals(pieces);
  return pieces.map((piece, index) =>
    legacyFrame(ids, { reasoningDelta: delta ? piece : undefined, reasonContent: whole ? sums[index] : undefined }),
  );
}

function legacyBody(pieces: string[], ids: TurnIds, options: AnswerOptions): unknown[] {
  const { delta, whole } = legacySides(options);
  const sums = totals(pieces);
  return pieces.map((piece, index) =>
    legacyFrame(ids, {
      delta: delta ? piece : undefined,
      content: whole ? sums[index] : undefined,
      reasonContent: whole && options.thinking ? chop(options.thinking).join("") : undefined,
    }),
  );
}

function legacyEnd(pieces: string[], ids: TurnIds, options: AnswerOptions): unknown[] {
  const { final = options.format === "legacy-delta" ? false : pieces.join(""), lastOne = "with-finish" } = options;
  const { tokens = { input: 11, output: 7 } } = options;
  const part = {
    content: final === false ? undefined : final,
    sensitive: options.finishType === "sensitive",
    tokens: tokens || undefined,
  };
  const last = legacyFrame(ids, { ...part, lastOne: true });
  if (lastOne === "without-finish") return [last];
  const finish = legacyFrame(ids, { ...part, finish: true, lastOne: lastOne === "with-finish" });
  return lastOne === "after-finish" ? [finish, legacyFrame(ids, { ...part, finish: true, lastOne: true })] : [finish];
}

function legacySides({ format }: AnswerOptions) {
  return { delta: format !== "legacy-cumulative", whole: format !== "legacy-delta" };
}

const BREAKS: Record<"eof" | "cut" | "reset" | "hang" | "comments", Step[]> = {
  eof: [],
  cut: [{ cut: true }],
  reset: [{ reset: true }],
  hang: [{ hang: true }],
  comments: [{ endless: ": ping\n\n" }],
};
