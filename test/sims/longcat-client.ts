/** A bare client of the LongCat sim, for the sim's own tests. */
import type { Gate, LongcatSim } from "./longcat.ts";

export const TOKEN = "token-a";

/** The parts of a frame that the tests look at. */
export type Frame = {
  event?: { type: string; content: unknown; finalContentX?: string; finalContent?: string; finishType?: string };
  choices?: { delta: { content: string | null } }[];
  content?: string | null;
  code?: number;
  lastOne?: boolean;
};

/** What the web page sends with every call. */
export function headers(token = TOKEN) {
  return {
    cookie: `passport_token_key=${token}; long_cat_region_key=2`,
    "content-type": "application/json",
    "x-requested-with": "XMLHttpRequest",
    "x-client-language": "zh",
  };
}

/** Posts JSON to `/api/v1/<path>`. */
export function post(sim: LongcatSim, path: string, body: unknown, init: RequestInit = {}) {
  return fetch(`${sim.url}/api/v1/${path}`, {
    method: "POST",
    headers: headers(),
    body: JSON.stringify(body),
    redirect: "manual",
    ...init,
  });
}

/** Makes a conversation and gives its id. */
export async function create(sim: LongcatSim, init: RequestInit = {}): Promise<string> {
  const body = (await (await post(sim, "session-create", { model: "", agentId: "1" }, init)).json()) as {
    data: { conversationId: string };
  };
  return body.data.conversationId;
}

/** Sends the turn "hi". */
export function chat(sim: LongcatSim, conversationId: string, path: "v2" | "legacy" = "v2", init: RequestInit = {}) {
  const body = { conversationId, content: "hi", agentId: "1", reasonEnabled: 0, searchEnabled: 0 };
  return post(sim, path === "v2" ? "chat-completion-V2" : "chat-completion", body, init);
}

/** The frames of a whole body, whatever its line ends. */
export function framesOf(text: string): Frame[] {
  return text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => JSON.parse(line.slice(5)) as Frame);
}

/** The texts of the V2 `content` events. */
export const contentsOf = (frames: Frame[]) =>
  frames.filter(({ event }) => event?.type === "content").map(({ event }) => event?.content);

/** The code of an envelope. */
export const codeOf = async (response: Response) => ((await response.json()) as { code: number }).code;

/** Reads a body piece by piece; the sim goes on past each of its `cuts` only when the piece before it was read. */
export async function readsOf(response: Response, gate: Gate, cuts: number): Promise<Buffer[]> {
  const reads: Buffer[] = [];
  for await (const bytes of response.body ?? []) {
    reads.push(Buffer.from(bytes));
    if (reads.length > cuts) continue;
    await gate.arrived();
    gate.release();
  }
  return reads;
}
