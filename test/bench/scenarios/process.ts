/** The process itself: how soon it answers and what it costs while nobody asks. */
import { rmSync } from "node:fs";
import { chatCall, Connection, median } from "../client.ts";
import { cpuUs, residentKb } from "../process-stats.ts";
import { promptOf } from "../programs/plan.ts";
import type { Report } from "../report.ts";
import { KEY, newFolder, spawnGateway, startGateway } from "../targets.ts";
import type { World } from "../world.ts";

const ANSWER = promptOf({ kind: "packed", tokens: 20, everyMs: 0 });
const STARTS = 5;
const IDLE_S = 5;

/** From the spawn to the first right answer of LongCat, in a new folder and in one that is there already. */
export async function startUp({ binary, longcat }: World, report: Report): Promise<void> {
  const fresh: number[] = [];
  const again: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const folder = newFolder();
    for (const times of [fresh, again]) {
      const begin = performance.now();
      const target = await spawnGateway({ binary, longcatPort: longcat.port, folder });
      await firstAnswer(target.port);
      times.push(performance.now() - begin);
      await target.ready;
      await target.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }
  report.set("sluice", { "start ms": median(again), "first start ms": median(fresh) });
  report.goal(10, "spawn to first right answer", median(again), 200, 90, " ms");
  report.goal(10, "the same in an empty folder", median(fresh), 200, 90, " ms");
}

async function firstAnswer(port: number): Promise<void> {
  for (;;) {
    try {
      const connection = await Connection.open(port);
      const { status, text } = await connection.ask(chatCall(port, ANSWER, { key: KEY }));
      connection.close();
      if (status === 200 && text.includes("token token")) return;
      throw new Error(`a wrong first answer: ${text.slice(0, 300)}`);
    } catch (error) {
      // Not listening yet.
      if (!(error instanceof Error) || !("code" in error) || error.code !== "ECONNREFUSED") throw error;
      await Bun.sleep(1);
    }
  }
}

/** Memory and processor time while nobody asks. */
export async function idle({ binary, longcat }: World, report: Report): Promise<void> {
  const target = await startGateway({ binary, longcatPort: longcat.port });
  await firstAnswer(target.port);
  await Bun.sleep(2000);
  const before = cpuUs(target.pid);
  await Bun.sleep(IDLE_S * 1000);
  const percent = (cpuUs(target.pid) - before) / IDLE_S / 10_000;
  const mb = residentKb(target.pid) / 1024;
  await target.stop();
  report.set("sluice", { "idle MB": mb, "idle CPU %": percent });
  report.goal(11, "idle memory", mb, 90, 60, " MB");
  report.goal(11, "idle processor time", percent, 0.5, 0.2, " %");
}
