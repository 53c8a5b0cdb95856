/**
 * Runs in the program before its own code: notes how long its loop was held, and writes that down at SIGUSR2. A hold
 * counts as far as the process worked in it: on a busy machine it may just as well have waited for a processor.
 */
import { writeFileSync } from "node:fs";

const EVERY_MS = 5;
let holds: number[] = [];
let last = performance.now();
let lastWorked = process.cpuUsage();

function note(dueMs: number): void {
  const now = performance.now();
  const { user, system } = process.cpuUsage(lastWorked);
  holds.push(Math.min(now - last - dueMs, (user + system) / 1000));
  last = now;
  lastWorked = process.cpuUsage();
}

setInterval(note, EVERY_MS, EVERY_MS);

process.on("SIGUSR2", () => {
  note(0);
  const sorted = holds.toSorted((a, b) => a - b);
  holds = [];
  const p99 = sorted[Math.floor(sorted.length * 0.99)];
  writeFileSync(process.env["HOLDS_FILE"] ?? "", JSON.stringify({ p99, most: sorted.at(-1) }));
});
