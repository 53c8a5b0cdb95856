/**
 * What the engine and its allocator read from the environment alone, before any code runs.
 *
 * The JIT's last stage comes twenty times later: it took a third of the processor time of the first ten thousand answers,
 * and gives back an eighth of what follows them. Holes between live objects are handed back to the system every two
 * seconds at most: at every chance, that cost a paced token a tenth of its processor time. And the timer that collects
 * garbage whether it is due or not does so every ten seconds, not every second.
 */
const OPTIONS: Readonly<Record<string, string>> = {
  BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "2000000",
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "2000", // ms
  BUN_GC_TIMER_INTERVAL: "10000", // ms
};

/**
 * Lets an executable begin again with the options, as the same process: this call does not return then. Options that are
 * set already stand as they are. Where a process cannot be replaced, under Windows or an emulator, it goes on without them.
 */
export function relaunch(): void {
  const missing = Object.keys(OPTIONS).some((name) => process.env[name] === undefined);
  if (!Bun.isStandaloneExecutable || !missing) return;
  const listeners = process.listeners("warning");
  // It calls itself experimental, on the terminal of somebody who has not asked for it.
  process.removeAllListeners("warning");
  try {
    process.execve?.(process.execPath, [process.argv0, ...process.argv.slice(2)], { ...OPTIONS, ...process.env });
  } catch {
    // It goes on as it is.
  }
  setImmediate(() => listeners.forEach((listener) => process.on("warning", listener)));
}
