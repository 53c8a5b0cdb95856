/** What models and services refuse of the format, learned from their refusals (protocol.md, "What is refused"). */
import { isObject } from "../../lib/json.ts";
import type { MessagesRequest } from "../../wire/anthropic-messages.ts";
import type { Refusal } from "../service-refusal.ts";

const QUIRKS = [
  "budget-thinking",
  "adaptive-thinking",
  "no-thinking-switch",
  "no-effort",
  "one-sampling",
  "no-sampling",
  "no-cache",
] as const;

/** One way in which a request to a model must differ. */
type Quirk = (typeof QUIRKS)[number];

/** How a turn differs from the plain form. */
export interface Form {
  readonly quirks: ReadonlySet<Quirk>;
  /** The most that the model gives, once it told. */
  readonly mostTokens: number | undefined;
  /** Earlier thinking stays behind: its signatures are another service's. Holds for one turn. */
  readonly withoutThinking: boolean;
}

/** What of a form is remembered for a model. */
export function noteOf({ quirks, mostTokens }: Form): unknown {
  return { quirks: [...quirks], ...(mostTokens === undefined ? {} : { mostTokens }) };
}

/** The form that a note of `noteOf` stands for; the plain one when it cannot be read. */
export function readForm(note: unknown): Form {
  const { quirks, mostTokens } = isObject(note) ? note : {};
  return {
    quirks: new Set(QUIRKS.filter((quirk) => Array.isArray(quirks) && quirks.includes(quirk))),
    mostTokens: typeof mostTokens === "number" && mostTokens > 0 ? mostTokens : undefined,
    withoutThinking: false,
  };
}

const REFUSES =
  /unsupported|not (be )?(support|specified|enabled)|n't support|cannot|unrecogni[sz]ed|unknown|permitted|not allowed|extra|unexpected|invalid|deprecated|instead|should be|must be/i;

const RULES: readonly (readonly [Quirk, RegExp, (body: MessagesRequest) => boolean])[] = [
  ["adaptive-thinking", /adaptive/, ({ thinking }) => thinking?.type === "enabled"],
  ["budget-thinking", /adaptive|thinking\.type/, ({ thinking }) => thinking?.type === "adaptive"],
  ["no-thinking-switch", /thinking/, ({ thinking }) => thinking?.type === "disabled"],
  ["no-effort", /effort|output_config/, ({ output_config: config }) => Boolean(config?.effort)],
  [
    "one-sampling",
    /temperature.*top_p|top_p.*temperature/s,
    (body) => body.temperature !== undefined && body.top_p !== undefined,
  ],
  [
    "no-sampling",
    /\b(temperature|top_p|top_k)\b/,
    (body) => body.temperature !== undefined || body.top_p !== undefined || body.top_k !== undefined,
  ],
  ["no-cache", /cache_control/, (body) => JSON.stringify(body).includes('"cache_control"')],
];

const MOST_TOKENS =
  /max_tokens\D{0,20}\d+\s*>\s*(\d+)|max_tokens.{0,120}?(?:at most|less than or equal to|up to|maximum|<=|≤|, ?)\D{0,20}?(\d{3,})/i;

/** The form in which to send the turn again after this refusal; undefined when nothing that is known helps. */
export function formAfter({ status, text }: Refusal, body: MessagesRequest, form: Form): Form | undefined {
  if (status !== 400 && status !== 422) return undefined;
  const most = MOST_TOKENS.exec(text);
  const mostTokens = Number(most?.[1] ?? most?.[2] ?? NaN);
  if (mostTokens > 0 && mostTokens < (body.max_tokens ?? 0)) return { ...form, mostTokens };
  const hasThinking = body.messages.some(({ content }) => typeof content !== "string" && content.some(isThinking));
  if (hasThinking && !form.withoutThinking && /signature|thinking.{0,20} blocks?/i.test(text)) {
    return { ...form, withoutThinking: true };
  }
  if (!REFUSES.test(text)) return undefined;
  const rule = RULES.find(([quirk, field, isSent]) => !form.quirks.has(quirk) && field.test(text) && isSent(body));
  return rule && { ...form, quirks: new Set([...form.quirks, rule[0]]) };
}

function isThinking({ type }: { readonly type: string }): boolean {
  return type === "thinking" || type === "redacted_thinking";
}
