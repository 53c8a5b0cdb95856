/** JSON requests one at a time and many at once, and the time to the first token. */
import { Connection, load, longcatCall, median, type Call } from "../client.ts";
import { cpuUs } from "../process-stats.ts";
import { nowUs, promptOf } from "../programs/plan.ts";
import type { Report } from "../report.ts";
import { interleaved, TARGET_NAMES, type TargetName, type World } from "../world.ts";

const ANSWER = promptOf({ kind: "packed", tokens: 20, everyMs: 0 });
const TEXT = "token token";
const ROUNDS = 5;
const COUNT = 1200;
/** Deletions of the last chats are over by then. */
const SETTLE_MS = 250;
const CREATE_MS = 50;

/** Processor time of one JSON request, sixteen at a time. */
export async function json(world: World, report: Report): Promise<void> {
  const measure = async (name: TargetName) => {
    const { pid } = world.targets[name];
    await load(world.call(name, ANSWER), 100, 8, TEXT);
    const before = cpuUs(pid);
    await load(world.call(name, ANSWER), COUNT, 16, TEXT);
    await Bun.sleep(SETTLE_MS);
    return (cpuUs(pid) - before) / COUNT;
  };
  for (const name of TARGET_NAMES) await load(world.call(name, ANSWER), 1500, 16, TEXT);
  const runs = await interleaved(TARGET_NAMES, ROUNDS, measure);
  for (const name of TARGET_NAMES) report.set(name, { "CPU µs/request": median(runs[name]) });
  report.goal(1, "CPU per JSON request, × lc", median(runs.sluice) / median(runs.lc), 1.3, 0.75);
}

/** What a target adds to the time of one JSON request when nothing else runs. */
export async function latency(world: World, report: Report): Promise<void> {
  const measure = async (name: TargetName) => {
    const times = await load(world.call(name, ANSWER), 300, 1, TEXT);
    const straight = await load(longcatCall(world.longcat.port, ANSWER), 300, 1, "token ");
    return median(times) - median(straight);
  };
  for (const name of TARGET_NAMES) await load(world.call(name, ANSWER), 500, 1, TEXT);
  const runs = await interleaved(TARGET_NAMES, ROUNDS, measure);
  for (const name of TARGET_NAMES) report.set(name, { "added p50 µs": median(runs[name]) });
  report.goal(2, "added p50 at concurrency 1, × lc1", median(runs.sluice) / median(runs.lc1), 1.5, 1);
}

/** What a target adds to the time until a streaming client has the first token, also where chats take 50 ms to make. */
export async function firstToken(world: World, report: Report): Promise<void> {
  const measure = async (name: TargetName) => {
    const times = await firstTokens(world.call(name, ANSWER, true), 200, 0);
    const straight = await firstTokens(longcatCall(world.longcat.port, ANSWER), 200, 0);
    return median(times) - median(straight);
  };
  for (const name of TARGET_NAMES) await firstTokens(world.call(name, ANSWER, true), 300, 0);
  const runs = await interleaved(TARGET_NAMES, ROUNDS, measure);
  for (const name of TARGET_NAMES) report.set(name, { "added TTFT µs": median(runs[name]) });
  report.goal(3, "added time to first token, × lc1", median(runs.sluice) / median(runs.lc1), 1.5, 1);

  await createTakes(world, CREATE_MS);
  const straight = median(await firstTokens(longcatCall(world.longcat.port, ANSWER), 12, CREATE_MS * 2));
  const slow = await interleaved(["lc", "lc1", "sluice"] as const, 1, async (name) => {
    const call = world.call(name, ANSWER, true);
    await firstTokens(call, 3, CREATE_MS * 2);
    return (median(await firstTokens(call, 12, CREATE_MS * 2)) - straight) / 1000;
  });
  await createTakes(world, 0);
  for (const name of ["lc", "lc1", "sluice"] as const) report.set(name, { "TTFT ms, slow chats": median(slow[name]) });
  report.goal(3, "added time to first token, slow chats", median(slow.sluice), 1, 1, " ms");
}

async function createTakes(world: World, ms: number): Promise<void> {
  await fetch(`http://127.0.0.1:${world.longcat.port}/bench/create-ms/${ms}`);
}

/** µs until the first token of each of `count` streams, one after another with `pauseMs` between. */
async function firstTokens(call: Call, count: number, pauseMs: number): Promise<number[]> {
  const connection = await Connection.open(call.port);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = nowUs();
    let first: number | undefined;
    await connection.ask(call, (piece) => {
      if (first === undefined && piece.includes(`"content":"token`)) first = nowUs() - begin;
    });
    if (first === undefined) throw new Error("a stream without a token");
    times.push(first);
    if (pauseMs > 0) await Bun.sleep(pauseMs);
  }
  connection.close();
  return times;
}
