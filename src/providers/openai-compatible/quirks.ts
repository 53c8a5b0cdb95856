/** What single services refuse of the format, learned from their refusals (protocol.md, "What services refuse"). */
import type { ChatCompletionRequest } from "../../wire/openai-chat.ts";
import type { Refusal } from "../service-refusal.ts";

const QUIRKS = [
  "no-stream-options",
  "other-token-limit",
  "no-parallel-tool-calls",
  "no-effort",
  "no-top-k",
  "no-reasoning-text",
  "flat-content",
] as const;

/** One way in which a request to a model must differ. */
type Quirk = (typeof QUIRKS)[number];

/** How a turn differs from the plain form. */
export type Form = ReadonlySet<Quirk>;

/** The form that was remembered for a model, as a list; the plain one when it cannot be read. */
export function readForm(note: unknown): Form {
  return new Set(QUIRKS.filter((quirk) => Array.isArray(note) && note.includes(quirk)));
}

/** How a refused field is named, by the quirk that leaves it out; a client's own wish is never left out. */
const FIELDS: readonly (readonly [Quirk, RegExp, (body: ChatCompletionRequest) => boolean])[] = [
  ["no-stream-options", /stream_options|include_usage/, (body) => body.stream_options !== undefined],
  ["other-token-limit", /\bmax_tokens\b/, (body) => body.max_tokens !== undefined],
  ["other-token-limit", /\bmax_completion_tokens\b/, (body) => body.max_completion_tokens !== undefined],
  ["no-parallel-tool-calls", /parallel_tool_calls/, (body) => body.parallel_tool_calls !== undefined],
  ["no-effort", /reasoning[._]effort/, (body) => body.reasoning_effort !== undefined],
  ["no-top-k", /\btop_k\b/, (body) => body.top_k !== undefined],
  [
    "no-reasoning-text",
    /reasoning_content/,
    (body) => body.messages.some((message) => message.reasoning_content !== undefined),
  ],
];

const REFUSES =
  /unsupported|not (be )?support|n't support|unrecogni[sz]ed|unknown|permitted|allowed|extra|unexpected|additional propert|invalid|must not|cannot|instead|不支持|未知|非法/i;
const WANTS_STRING = /content\b.{0,80}(string|str\b)|string.{0,60}content\b|not of type 'string'/i;

/** The form in which to send the turn again after this refusal; undefined when nothing that is known helps. */
export function formAfter(refusal: Refusal, body: ChatCompletionRequest, form: Form): Form | undefined {
  const quirk = quirkOf(refusal, body, form);
  return quirk && new Set([...form, quirk]);
}

function quirkOf({ status, text, param }: Refusal, body: ChatCompletionRequest, known: Form): Quirk | undefined {
  if (status !== 400 && status !== 422) return undefined;
  const said = `${param} ${text}`;
  for (const [quirk, field, isSent] of FIELDS) {
    if (!known.has(quirk) && isSent(body) && field.test(said) && REFUSES.test(text)) return quirk;
  }
  const isFlat = body.messages.every(({ content }) => !Array.isArray(content));
  return !isFlat && !known.has("flat-content") && WANTS_STRING.test(said) ? "flat-content" : undefined;
}
