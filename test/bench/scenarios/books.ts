/** What is done besides answering: log and statistics of a request, and the count of a prompt's tokens. */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { newFolder } from "../targets.ts";
import type { Report } from "../report.ts";

const PROGRAM = join(dirname(import.meta.dir), "programs", "books.ts");

export interface Books {
  readonly bookUs: number;
  readonly countMs: number;
  readonly script: string;
}

export async function books(_world: unknown, report: Report): Promise<void> {
  const folder = newFolder();
  const child = Bun.spawn([process.execPath, PROGRAM], {
    env: { DATA_DIR: folder },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const text = await new Response(child.stderr).text();
  rmSync(folder, { recursive: true, force: true });
  if ((await child.exited) !== 0) throw new Error(text);
  const { bookUs, countMs, script } = JSON.parse(text) as Books;
  report.set("sluice", { "log+stats µs": bookUs, "1 MB count ms": countMs });
  report.goal(12, "log and statistics per request", bookUs, 15, 5, " µs");
  report.goal(12, `count of 1 MB, worst script (${script})`, countMs, 20, 5, " ms");
}
