/** Frames of a chat's socket as events, and the bodies of a turn (protocol.md, "Frames" and "Endpoints"). Pure. */
import { GatewayError } from "../../chat/error.ts";
import type { UpstreamEvent } from "../../chat/event.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import { TextTrack } from "./text-track.ts";

/** The two protocols of cookie accounts: of October 2025, and of April 2026. */
export type Protocol = "v1" | "v2";

/** The body of `POST /engine-agent/chat`. Only v2 takes base64: v1 would show it to the model. */
export function turnBody(protocol: Protocol, prompt: string, chatHistoryId: string, adapterName: string): string {
  return protocol === "v1"
    ? JSON.stringify({ prompt, chatHistoryId, adapterName })
    : JSON.stringify({ prompt: Buffer.from(prompt).toString("base64"), chatHistoryId, encoded: true });
}

/**
 * Refuses a body that the service would refuse, in the words that make clients compact their history. It is never cut.
 * @throws GatewayError context-too-long
 */
export function checkSize(body: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(body);
  if (bytes <= maxBytes) return;
  const text = `prompt is too long: ${bytes} bytes > ${maxBytes} maximum that cto.new takes in one message.`;
  throw new GatewayError("context-too-long", text, { field: "messages" });
}

/** Where a chat's answers come from. `organisation` and `workspace` belong to v2. */
export interface StreamAddress {
  readonly protocol: Protocol;
  readonly chatHistoryId: string;
  readonly user: string;
  readonly organisation: string | undefined;
  readonly workspace: string | undefined;
}

/** The address of a chat's socket. Its token is an identifier, not a secret, but it is private all the same. */
export function streamUrl(socketUrl: string, { protocol, chatHistoryId, user, ...v2 }: StreamAddress): string {
  const url = new URL(
    `${socketUrl.replace(/^http/, "ws").replace(/\/+$/, "")}/engine-agent/chat-histories/${encodeURIComponent(chatHistoryId)}/buffer/stream`,
  );
  const isV2 = protocol === "v2";
  url.searchParams.set("token", isV2 && v2.organisation !== undefined ? `${user}:${v2.organisation}` : user);
  if (isV2 && v2.workspace !== undefined) url.searchParams.set("workspaceId", v2.workspace);
  return url.href;
}

/**
 * One turn as its frames tell it. The idle state that every connection begins with is not the end: a turn ends with an idle
 * state after it has begun, which a busy state or a piece of the answer shows.
 */
export class TurnReader {
  /** The turn's own frames have come; before that the account's model may still be read. */
  begun = false;
  ended = false;
  /** The service says that the turn was stopped early. */
  cancelled = false;
  readonly #answer = new TextTrack();
  readonly #thinking = new TextTrack();

  /** Whether the answer has any text so far. */
  get hasText(): boolean {
    return this.#answer.all !== "";
  }

  /** Adds what one message means. Anything that is no JSON (such as `pong`) or unknown means nothing; it ends no turn. */
  read(message: string, out: UpstreamEvent[]): void {
    const frame = parseJson(message);
    if (this.ended || !frame.ok || !isObject(frame.value)) return;
    const { type, state, buffer } = frame.value;
    if (type === "state" && isObject(state)) this.#state(state, out);
    else if (type === "update") this.#update(buffer, out);
  }

  #state(state: Record<string, unknown>, out: UpstreamEvent[]): void {
    const { inProgress, cancelled } = state;
    if (inProgress === true) {
      this.begun = true;
      out.push({ type: "progress" });
    } else if (inProgress === false && this.begun) {
      this.ended = true;
      this.cancelled = cancelled === true;
      push(out, "reasoning-delta", this.#thinking.flush());
      push(out, "text-delta", this.#answer.flush());
    }
  }

  #update(buffer: unknown, out: UpstreamEvent[]): void {
    // Whatever a step says, the turn is alive.
    out.push({ type: "progress" });
    for (const inner of innerObjects(buffer)) this.#step(inner, out);
  }

  #step(inner: Record<string, unknown>, out: UpstreamEvent[]): void {
    // The echo of the prompt shows nothing about the answer.
    if (inner["role"] === "user") return;
    this.begun = true;
    const { type, chat, role, content } = inner;
    const id = typeof inner["id"] === "string" ? inner["id"] : undefined;
    const piece = isObject(chat) ? textIn(chat["content"]) : "";
    if (type === "thinking") push(out, "reasoning-delta", this.#thinking.piece(piece, id));
    else if (type === "chat") push(out, "text-delta", this.#answer.piece(piece, id));
    else if (role === "assistant") push(out, "text-delta", this.#answer.whole(textIn(content), id));
  }
}

/** Whether a message says that the chat does nothing now. */
export function isIdle(message: string): boolean {
  const frame = parseJson(message);
  const state = frame.ok && isObject(frame.value) && frame.value["type"] === "state" ? frame.value["state"] : undefined;
  return isObject(state) && state["inProgress"] === false;
}

/** A buffer is JSON inside a string, one object or one a line; what cannot be parsed is passed over. */
function innerObjects(buffer: unknown): Record<string, unknown>[] {
  if (typeof buffer !== "string") return isObject(buffer) ? [buffer] : [];
  const whole = parseJson(buffer);
  const values = whole.ok ? [whole] : buffer.split("\n").map(parseJson);
  return values.flatMap((parsed) => (parsed.ok && isObject(parsed.value) ? [parsed.value] : []));
}

function push(out: UpstreamEvent[], type: "text-delta" | "reasoning-delta", text: string): void {
  if (text !== "") out.push({ type, text });
}

/** A text, or the texts of a list of blocks. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((block) =>
      isObject(block) && block["type"] === "text" && typeof block["text"] === "string" ? block["text"] : "",
    )
    .join("");
}
