/**
 * The rules for messages (protocol.md, "Rules for messages"), each a pure function. A history that breaks one is
 * answered with 400 `Improperly formed request.` and nothing more, so it is repaired here and never sent broken.
 */
import { GatewayError } from "../../chat/error.ts";
import { textOf, type ImagePart, type Message, type Part, type ToolResultPart } from "../../chat/request.ts";
import { inputOf } from "./tools.ts";
import type { KiroImage, KiroReasoning, KiroToolResult } from "./wire.ts";

export interface UserTurn {
  readonly role: "user";
  readonly text: string;
  readonly images: readonly KiroImage[];
  readonly results: readonly KiroToolResult[];
}

/** A call with the name that the client gave its tool. */
export interface TurnCall {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface AssistantTurn {
  readonly role: "assistant";
  readonly text: string;
  readonly calls: readonly TurnCall[];
  readonly reasoning?: KiroReasoning;
}

export type Turn = UserTurn | AssistantTurn;

const MOST_IMAGES = 20;
const LARGEST_IMAGE_BYTES = 3_932_160;
const FORMATS: Readonly<Record<string, KiroImage["format"]>> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/jpg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};

export const CANCELLED = "Tool use was cancelled by the user";
export const CONTINUE = "Continue";

/**
 * The system text and the turns: messages with nothing in them left out, neighbours of one role joined. System messages
 * in front are the system text; later ones keep their place as words of the user.
 * @throws GatewayError invalid-request for an image that the service does not take
 */
export function turnsOf(messages: readonly Message[]): { system: string; turns: Turn[] } {
  const system: string[] = [];
  const turns: Turn[] = [];
  messages.forEach((message, index) => {
    if (message.role === "system" && turns.length === 0) {
      for (const part of message.parts) if (part.type === "text" && part.text.trim() !== "") system.push(part.text);
      return;
    }
    const last = turns.at(-1);
    if (message.role === "assistant") {
      const turn = assistantTurn(message.parts);
      if (isEmpty(turn)) return;
      if (last?.role === "assistant") turns[turns.length - 1] = joinAssistants(last, turn);
      else turns.push(turn);
      return;
    }
    const before = last?.role === "user" ? last : undefined;
    const turn = userTurn(message.parts, before?.images.length ?? 0, `messages[${index}].content`);
    if (isEmpty(turn)) return;
    if (before) turns[turns.length - 1] = joinUsers(before, turn);
    else turns.push(turn);
  });
  return { system: system.join("\n\n"), turns };
}

function isEmpty(turn: Turn): boolean {
  if (turn.text.trim() !== "") return false;
  return turn.role === "user" ? turn.images.length + turn.results.length === 0 : turn.calls.length === 0;
}

function joinTexts(...texts: string[]): string {
  return texts.filter((text) => text !== "").join("\n\n");
}

function joinUsers(first: UserTurn, second: UserTurn): UserTurn {
  return {
    role: "user",
    text: joinTexts(first.text, second.text),
    images: [...first.images, ...second.images],
    results: [...first.results, ...second.results],
  };
}

/** The later thinking is kept: a message has room for one, and the model goes on from the last. */
function joinAssistants(first: AssistantTurn, second: AssistantTurn): AssistantTurn {
  const reasoning = second.reasoning ?? first.reasoning;
  return {
    role: "assistant",
    text: joinTexts(first.text, second.text),
    calls: [...first.calls, ...second.calls],
    ...(reasoning ? { reasoning } : {}),
  };
}

function assistantTurn(parts: readonly Part[]): AssistantTurn {
  let reasoning: KiroReasoning | undefined;
  const calls: TurnCall[] = [];
  for (const part of parts) {
    if (part.type === "tool-call") calls.push({ id: part.id, name: part.name, input: inputOf(part.json) });
    if (part.type !== "reasoning") continue;
    // Thinking without a signature, or with a changed one, is refused: it goes back as it came or not at all.
    if (part.redacted !== undefined) reasoning = { redactedContent: part.redacted };
    else if (part.signature) reasoning = { reasoningText: { text: part.text, signature: part.signature } };
  }
  return { role: "assistant", text: textOf(parts), calls, ...(reasoning ? { reasoning } : {}) };
}

/** @param before images that the same turn already has, so that `[image n attached]` counts on */
function userTurn(parts: readonly Part[], before: number, field: string): UserTurn {
  const images: KiroImage[] = [];
  const results: KiroToolResult[] = [];
  const attach = (part: ImagePart): number => {
    images.push(imageOf(part, field));
    if (before + images.length > MOST_IMAGES) {
      throw new GatewayError("invalid-request", `Kiro takes at most ${MOST_IMAGES} images in one message.`, { field });
    }
    return before + images.length;
  };
  for (const part of parts) {
    if (part.type === "image") attach(part);
    if (part.type === "tool-result") results.push(resultOf(part, attach));
  }
  return { role: "user", text: textOf(parts), images, results };
}

/** Images in a result are ignored by the service: they move to the message, and the text says which they were. */
function resultOf(part: ToolResultPart, attach: (image: ImagePart) => number): KiroToolResult {
  const texts = part.content.map((item) => (item.type === "text" ? item.text : `[image ${attach(item)} attached]`));
  return { toolUseId: part.callId, content: [{ text: texts.join("\n") }], status: part.isError ? "error" : "success" };
}

function imageOf({ source }: ImagePart, field: string): KiroImage {
  if (source.kind === "url") {
    throw new GatewayError("invalid-request", "Kiro takes an image as bytes (base64), not by its address.", { field });
  }
  const format = FORMATS[source.mediaType.toLowerCase()];
  if (!format) {
    throw new GatewayError("invalid-request", "Kiro takes PNG, JPEG, GIF and WebP images only.", { field });
  }
  // Encoders break lines, which the service does not read.
  const bytes = source.data.replace(/\s+/g, "");
  if ((bytes.length * 3) / 4 > LARGEST_IMAGE_BYTES) {
    throw new GatewayError("invalid-request", "An image is larger than the 3.75 MB that Kiro takes.", { field });
  }
  return { format, source: { bytes } };
}

/** No toolUseId twice: a later call of the same id gets a new one, and so does the result in the turn after it. */
export function uniqueIds(turns: readonly Turn[]): Turn[] {
  const seen = new Set<string>();
  let renamed = new Map<string, string>();
  return turns.map((turn): Turn => {
    if (turn.role === "user") {
      const results = turn.results.map((result) => ({
        ...result,
        toolUseId: renamed.get(result.toolUseId) ?? result.toolUseId,
      }));
      return { ...turn, results };
    }
    renamed = new Map();
    const here = new Set<string>();
    const calls: TurnCall[] = [];
    for (const call of turn.calls) {
      if (here.has(call.id)) continue;
      here.add(call.id);
      let id = call.id;
      for (let copy = 2; seen.has(id); copy++) id = `${call.id}_${copy}`;
      seen.add(id);
      renamed.set(call.id, id);
      calls.push({ ...call, id });
    }
    return { ...turn, calls };
  });
}

/**
 * Each call has its result in the very next turn, in the order of the calls, and each result its call there. A missing
 * result says that the call was cancelled; a result without its call becomes text.
 */
export function pairTools(turns: readonly Turn[]): Turn[] {
  const paired: Turn[] = [];
  for (const [index, turn] of turns.entries()) {
    if (turn.role === "assistant") {
      paired.push(turn);
      if (turn.calls.length > 0 && turns[index + 1] === undefined) {
        paired.push(answered(turn, { role: "user", text: "", images: [], results: [] }));
      }
      continue;
    }
    const before = turns[index - 1];
    paired.push(answered(before?.role === "assistant" ? before : undefined, turn));
  }
  return paired;
}

function answered(asked: AssistantTurn | undefined, turn: UserTurn): UserTurn {
  const left = [...turn.results];
  const results = (asked?.calls ?? []).map(({ id }): KiroToolResult => {
    const at = left.findIndex(({ toolUseId }) => toolUseId === id);
    const [found] = at < 0 ? [] : left.splice(at, 1);
    return found ?? { toolUseId: id, content: [{ text: CANCELLED }], status: "error" };
  });
  const orphans = left.map(
    ({ content }) => `Result of an earlier tool call:\n${content.map(({ text }) => text).join("")}`,
  );
  return { ...turn, results, text: joinTexts(...orphans, turn.text) };
}

/** Begins and ends with the user: an answer at the start gets words before it, one at the end is to be continued. */
export function boundByUser(turns: readonly Turn[]): Turn[] {
  const go: UserTurn = { role: "user", text: CONTINUE, images: [], results: [] };
  const first = turns[0]?.role === "user" ? [] : [go];
  const last = turns.length > 0 && turns.at(-1)?.role === "assistant" ? [go] : [];
  return [...first, ...turns, ...last];
}

/** The system text in front of the first user text: there is no field for it. */
export function foldSystem(turns: readonly Turn[], system: string): Turn[] {
  const [first, ...rest] = turns;
  if (system === "" || first?.role !== "user") return [...turns];
  return [{ ...first, text: joinTexts(system, first.text) }, ...rest];
}

/** All rules in their order; the last turn is the current message. */
export function orderTurns(turns: readonly Turn[], system: string): Turn[] {
  return foldSystem(boundByUser(pairTools(uniqueIds(turns))), system);
}
