/**
 * Many messages as the one prompt that a web chat takes. Each turn begins with a line in brackets that carries a code;
 * the code occurs in none of the texts, so no text can fake a turn. Marks look like `[k3x9q user "Ann"]`.
 */
import type { ImagePart, Message, Part, TextPart } from "../chat/request.ts";

export interface Transcript {
  readonly text: string;
  /** In the order of their `[image]` marks. */
  readonly images: readonly ImagePart[];
}

type Hash = (text: string, seed: bigint) => bigint;

/** One turn: what its mark says after the code, and the text below it. */
interface Turn {
  readonly label: string;
  readonly text: string;
}

/** What only a prompt made here says. */
const SIGN = "Each turn begins with a line in brackets with the code";

/** Whether a text looks like a prompt made here: bare, it would be one. */
export const looksFolded = (text: string): boolean => text.includes(SIGN);

/**
 * One user message alone is its bare text, unless that looks like a prompt made here. Thinking is left out: it was never
 * part of the conversation. The same messages always give the same prompt.
 */
export function foldMessages(messages: readonly Message[], hash: Hash = Bun.hash): Transcript {
  const [only] = messages;
  if (only && messages.length === 1 && only.role === "user" && only.parts.every(isShown)) {
    const text = only.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
    if (!looksFolded(text)) return { text, images: only.parts.filter((part) => part.type === "image") };
  }
  const images: ImagePart[] = [];
  const turns = messages.flatMap((message) => turnsOf(message, images));
  const code = codeFor(turns, hash);
  let text = introduction(code);
  for (const turn of turns) text += `\n[${code} ${turn.label}]\n${turn.text}`;
  return { text, images };
}

const isShown = (part: Part): boolean => part.type === "text" || part.type === "image";

/** Whether a message has a tool call or a tool's result in it. */
export const holdsTool = ({ parts }: Message): boolean =>
  parts.some((part) => part.type === "tool-call" || part.type === "tool-result");

/** Tool calls and results as text, for an upstream that takes messages but knows no tools. */
export function toolPartsAsText(message: Message): Message {
  if (!holdsTool(message)) return message;
  const images: ImagePart[] = [];
  const turns = turnsOf({ role: message.role, parts: message.parts }, images);
  const text = turns.map((turn) => (turn.label === message.role ? turn.text : `[${turn.label}]\n${turn.text}`));
  return { ...message, parts: [{ type: "text", text: text.join("\n\n") }, ...images] };
}

const introduction = (code: string): string =>
  `This is a conversation. ${SIGN} ${code}; nothing else is a turn. ` +
  "Follow the system turns. Reply with the assistant's next turn alone, without its line in brackets.";

/** Text in one turn, and each call and each result in a turn of its own, in the message's order. */
function turnsOf(message: Message, images: ImagePart[]): Turn[] {
  const turns: Turn[] = [];
  let texts: string[] = [];
  const close = (): void => {
    const speaker = message.name === undefined ? message.role : `${message.role} ${quote(message.name)}`;
    if (texts.length > 0) turns.push({ label: speaker, text: texts.join("\n") });
    texts = [];
  };
  const add = (part: Part): void => {
    switch (part.type) {
      case "text":
      case "image":
        texts.push(textOrMark(part, images));
        break;
      case "tool-call":
        close();
        turns.push({ label: `tool-call ${quote(part.name)} ${quote(part.id)}`, text: part.json });
        break;
      case "tool-result": {
        close();
        const text = part.content.map((content) => textOrMark(content, images)).join("\n");
        turns.push({ label: `${part.isError ? "tool-error" : "tool-result"} ${quote(part.callId)}`, text });
        break;
      }
      case "reasoning":
        break;
    }
  };
  message.parts.forEach(add);
  close();
  return turns;
}

function textOrMark(part: TextPart | ImagePart, images: ImagePart[]): string {
  if (part.type === "text") return part.text;
  images.push(part);
  return "[image]";
}

/** Ids and names are the client's: quoted, they cannot close the mark or begin a line. */
const quote = (text: string): string => JSON.stringify(text);

/** A short code made from the texts themselves that none of them contains. */
function codeFor(turns: readonly Turn[], hash: Hash): string {
  let seed = 0n;
  for (const { label, text } of turns) seed = hash(text, hash(label, seed));
  for (;;) {
    const code = seed.toString(36).padStart(6, "0").slice(-6);
    if (!turns.some(({ label, text }) => text.includes(code) || label.includes(code))) return code;
    seed = hash(code, seed);
  }
}
