/** What the kernel knows of a process. */
import { readFileSync } from "node:fs";

/** Linux counts processor time in ticks of 10 ms wherever Bun runs. */
const TICK_US = 10_000;

/** µs of processor time since its start, all threads, user and system. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** Resident memory, KB. */
export function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
}
