/** Everything that runs while the targets are compared: mocks, floors and the gateway. */
import { chatCall, type Call } from "./client.ts";
import { KEY, startGateway, startMock, startProgram, type Mock, type Target } from "./targets.ts";

export type TargetName = "pipe" | "lc" | "lc1" | "sluice";

export interface World {
  readonly binary: string;
  readonly longcat: Mock;
  readonly openai: Mock;
  readonly targets: Readonly<Record<TargetName, Target>>;
  /** A chat request at a target. */
  call(target: TargetName, prompt: string, stream?: boolean): Call;
  stop(): Promise<void>;
}

export const TARGET_NAMES: readonly TargetName[] = ["pipe", "lc", "lc1", "sluice"];

/** Chats are deleted at once, so that a run pays for its own deletions. */
const DELETED_AT_ONCE = { SESSION_DELETE_DELAY_MS: "50-100" };

export async function startWorld(binary: string): Promise<World> {
  const [longcat, openai] = await Promise.all([startMock("longcat-mock"), startMock("openai-mock")]);
  const longcatUrl = `http://127.0.0.1:${longcat.port}`;
  const [pipe, lc, lc1, sluice] = await Promise.all([
    startProgram("pipe-floor", { UPSTREAM: `http://127.0.0.1:${openai.port}` }),
    startProgram("longcat-floor", { UPSTREAM: longcatUrl }),
    startProgram("longcat-floor", { UPSTREAM: longcatUrl, KEEP: "1" }),
    startGateway({ binary, longcatPort: longcat.port, env: DELETED_AT_ONCE }),
  ]);
  const targets = { pipe, lc, lc1, sluice };
  return {
    binary,
    longcat,
    openai,
    targets,
    call: (target, prompt, stream = false) => chatCall(targets[target].port, prompt, { stream, key: KEY }),
    async stop() {
      await Promise.all([...Object.values(targets), longcat, openai].map((target) => target.stop()));
    },
  };
}

/** Runs `measure` for each target in turn, `rounds` times over, so that a slow minute of the machine meets all alike. */
export async function interleaved<T extends string, R>(
  names: readonly T[],
  rounds: number,
  measure: (name: T) => Promise<R>,
): Promise<Record<T, R[]>> {
  const results = Object.fromEntries(names.map((name) => [name, [] as R[]])) as unknown as Record<T, R[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await measure(name));
  }
  return results;
}
