/** Frames, answers and failures that a test gives a cto.new sim. */
import type { Gate } from "./gate.ts";
import type { Behaviour, Step } from "./cto-state.ts";

let messages = 0;

/** A state frame. */
export const state = (inProgress: boolean, cancelled = false): Step => ({
  frame: { type: "state", state: { inProgress, cancelled, taskId: "task_1" } },
});

/** An update frame; `buffer` is JSON text with a line feed, as the service writes it. */
export const update = (inner: unknown): Step => ({ frame: { type: "update", buffer: `${JSON.stringify(inner)}\n` } });

export const chat = (content: string, id = "msg_1"): Step => update({ id, type: "chat", chat: { content } });
export const thinking = (content: string, id = "msg_0"): Step => update({ id, type: "thinking", chat: { content } });
export const echo = (text: string): Step => update({ id: "msg_u", role: "user", content: [{ type: "text", text }] });

/** A whole turn: busy, these pieces, idle, title. */
export function answer(pieces: readonly string[], { gate }: { gate?: Gate } = {}): Step[] {
  const id = `msg_${++messages}`;
  const steps = pieces.flatMap((piece): Step[] => [...(gate ? [{ gate }] : []), chat(piece, id)]);
  return [state(true), ...steps, state(false), { frame: { type: "label", label: "A chat" } }];
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour =>
  () =>
    Response.json(body, { status, headers });

export const empty =
  (status: number): Behaviour =>
  () =>
    new Response(null, { status });

export const page =
  (status: number, body: string, headers: Record<string, string> = {}): Behaviour =>
  () =>
    new Response(body, { status, headers: { "content-type": "text/html", ...headers } });

/** Clerk's errors. */
export const clerkError = (status: number, code: string, headers: Record<string, string> = {}): Behaviour =>
  json(
    status,
    { errors: [{ message: code, long_message: `The call failed: ${code}.`, code }], clerk_trace_id: "trace_1" },
    headers,
  );

export const challengePage = (status = 403): Behaviour =>
  page(status, "<!doctype html><title>Just a moment...</title><script>window._cf_chl_opt={}</script>");
