import { type Gateway, startGateway } from "../gateway.ts";
import { type LongcatSim, startLongcatSim } from "../sims/longcat.ts";

export const [A, B] = ["A".repeat(100), "B".repeat(100)] as const;

export interface World extends AsyncDisposable {
  readonly sim: LongcatSim;
  readonly gateway: Gateway;
}

/** The gateway before a LongCat with the accounts A and B. */
export async function startWorld(env: Record<string, string> = {}): Promise<World> {
  const sim = await startLongcatSim();
  for (const token of [A, B]) sim.account(token);
  const gateway = await startGateway({
    env: {
      LONGCAT_URL: sim.url,
      AUTH_COOKIES: `${A},${B}`,
      SESSION_READY: "off",
      SESSION_DELETE_DELAY_MS: "0",
      ...env,
    },
  });
  return {
    sim,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await sim.stop();
    },
  };
}

interface Chunk {
  readonly choices?: readonly {
    delta: { content?: string; reasoning_content?: string };
    finish_reason: string | null;
  }[];
  readonly error?: { message: string; code: string | null };
}

/** A stream as a client saw it: the text, how it said that it is over, and the error frame if there was one. */
export function readStream(body: string) {
  const data = body
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: "))
    .map((frame) => frame.slice("data: ".length));
  const chunks = data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text) as Chunk);
  return {
    text: chunks.map(({ choices }) => choices?.[0]?.delta.content ?? "").join(""),
    finishes: chunks.flatMap(({ choices }) => choices?.[0]?.finish_reason ?? []),
    dones: data.filter((text) => text === "[DONE]").length,
    error: chunks.findLast(({ error }) => error !== undefined)?.error,
  };
}
