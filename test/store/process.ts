import { fileURLToPath } from "node:url";

/** Starts child.ts and resolves when it has said its word. */
export async function child(task: "hold" | "fill", dataDir: string) {
  const started = Bun.spawn([process.execPath, fileURLToPath(import.meta.resolve("./child.ts")), task, dataDir], {
    stdout: "pipe",
  });
  for await (const _ of started.stdout) break;
  return started;
}

/** Ends it as a power switch would. */
export async function kill(victim: Bun.Subprocess): Promise<void> {
  victim.kill("SIGKILL");
  await victim.exited;
}
