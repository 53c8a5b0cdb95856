/** What the kernel knows of a process. */
import { readdirSync, readFileSync } from "node:fs";

/** By process, what each thread had used when it was last seen: one that has ended is not listed any more. */
const seen = new Map<number, Map<string, number>>();

/**
 * µs of processor time since its start, all threads, user and system. The process's own figure counts in ticks of 10 ms,
 * which is 2.5 µs of a paced token; each thread's counts in nanoseconds.
 */
export function cpuUs(pid: number): number {
  let threads = seen.get(pid);
  if (!threads) seen.set(pid, (threads = new Map()));
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [runNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ");
      threads.set(thread, Number(runNs) / 1000);
    } catch {
      // It ended between the list and the look: what it had used at the last one stays.
    }
  }
  return [...threads.values()].reduce((sum, us) => sum + us, 0);
}

/** Resident memory, KB. */
export function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
}
