/** What a token costs: packed, as fast as it goes; and paced, as a model speaks. */
import { Connection, median, type Call } from "../client.ts";
import { cpuUs } from "../process-stats.ts";
import { nowUs, promptOf } from "../programs/plan.ts";
import type { Report } from "../report.ts";
import { interleaved, TARGET_NAMES, type TargetName, type World } from "../world.ts";

const ROUNDS = 5;

const PACKED_TOKENS = 5000;
const PACKED_ANSWERS = 16;

/** Processor time of a token when a whole answer comes at once. */
export async function packed(world: World, report: Report): Promise<void> {
  const prompt = promptOf({ kind: "packed", tokens: PACKED_TOKENS, everyMs: 0 });
  const measure = async (name: TargetName) => {
    const { pid } = world.targets[name];
    const before = cpuUs(pid);
    await Promise.all([1, 2].map(() => streams(world.call(name, prompt, true), PACKED_ANSWERS / 2, PACKED_TOKENS)));
    return (cpuUs(pid) - before) / PACKED_TOKENS / PACKED_ANSWERS;
  };
  for (const name of TARGET_NAMES) await measure(name);
  const runs = await interleaved(TARGET_NAMES, ROUNDS, measure);
  for (const name of TARGET_NAMES) report.set(name, { "packed µs/token": median(runs[name]) });
  report.goal(4, "CPU per packed token, × lc", median(runs.sluice) / median(runs.lc), 1.3, 0.5);
}

/** Reads `count` streams one after another. @throws when one has not exactly `tokens` tokens and one end */
async function streams(call: Call, count: number, tokens: number): Promise<void> {
  const connection = await Connection.open(call.port);
  for (let i = 0; i < count; i++) {
    const { status, text } = await connection.ask(call);
    const whole = text.replace(/\r\n[0-9a-f]+\r\n/g, ""); // a chunk may end within a token
    const found = whole.split("token ").length - 1;
    if (status !== 200 || found !== tokens || !whole.includes("[DONE]")) {
      throw new Error(`a stream of ${found} tokens instead of ${tokens}: ${text.slice(0, 300)}`);
    }
  }
  connection.close();
}

const PACED_STREAMS = 40;
const PACED_TOKENS = 100;
const EVERY_MS = 10;
/** Each stream's own moment within the pace: upstreams do not tick together. */
const STAGGER_MS = EVERY_MS / PACED_STREAMS;

/** Processor time, system calls and delay of a token when answers come at a model's pace. */
export async function paced(world: World, report: Report): Promise<void> {
  const measure = async (name: TargetName) => {
    const { pid } = world.targets[name];
    const before = cpuUs(pid);
    const delays = await pacedStreams(world, name);
    return { cpu: (cpuUs(pid) - before) / delays.length, delay: median(delays), tokens: delays.length };
  };
  for (const name of TARGET_NAMES) await pacedStreams(world, name);
  const runs = await interleaved(TARGET_NAMES, ROUNDS, measure);
  const of = (name: TargetName, figure: "cpu" | "delay") => median(runs[name].map((run) => run[figure]));
  const lost = (name: TargetName) =>
    runs[name].reduce((sum, run) => sum + PACED_STREAMS * PACED_TOKENS - run.tokens, 0);
  for (const name of TARGET_NAMES) {
    report.set(name, {
      "paced µs/token": of(name, "cpu"),
      "delay µs": of(name, "delay"),
      "lost tokens": lost(name),
    });
  }
  report.goal(5, "CPU per paced token, × lc", of("sluice", "cpu") / of("lc", "cpu"), 1.2, 0.6);
  report.goal(6, "delay per token p50, × pipe", of("sluice", "delay") / of("pipe", "delay"), 2, 1.2);
  report.goal(6, "tokens lost", lost("sluice"), 0, 0);
  for (const name of TARGET_NAMES) {
    const calls = await systemCalls(world.targets[name].pid, () => pacedStreams(world, name));
    if (calls === undefined) return report.note("System calls were not counted: strace is not here or may not attach.");
    report.set(name, { "syscalls/token": calls / PACED_STREAMS / PACED_TOKENS });
    if (name === "sluice")
      report.goal(5, "system calls per paced token", calls / PACED_STREAMS / PACED_TOKENS, Infinity, 3.5);
  }
}

/** µs from the moment each token was written to the moment it came here. */
async function pacedStreams(world: World, name: TargetName): Promise<number[]> {
  const prompt = promptOf({ kind: "paced", tokens: PACED_TOKENS, everyMs: EVERY_MS });
  const call = world.call(name, prompt, true);
  const delays: number[] = [];
  const read = async (index: number) => {
    const connection = await Connection.open(call.port);
    await Bun.sleep(index * STAGGER_MS);
    await connection.ask(call, (piece) => {
      const now = nowUs();
      for (const [, stamp] of piece.matchAll(/t(\d{16}) /g)) delays.push(now - Number(stamp));
    });
    connection.close();
  };
  await Promise.all(Array.from({ length: PACED_STREAMS }, (_, index) => read(index)));
  return delays;
}

/** System calls that a process makes while `work` runs; undefined where they cannot be counted. */
async function systemCalls(pid: number, work: () => Promise<unknown>): Promise<number | undefined> {
  const strace = Bun.which("strace");
  if (!strace) return undefined;
  const child = Bun.spawn([strace, "-c", "-f", "-p", String(pid)], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  await Bun.sleep(300);
  await work();
  child.kill("SIGINT");
  const text = await new Response(child.stderr).text();
  const [, calls] = /^\s*100\.00\s+[\d.]+\s+\d+\s+(\d+)\b.*total$/m.exec(text) ?? [];
  return calls === undefined ? undefined : Number(calls);
}
