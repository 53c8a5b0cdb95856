/**
 * `bun run bench`: the compiled gateway beside the floors, in the same run. Loopback only; about three minutes, five with
 * `--long`. See the names below for `--only`.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Report } from "./report.ts";
import { books } from "./scenarios/books.ts";
import { idle, startUp } from "./scenarios/process.ts";
import { firstToken, json, latency } from "./scenarios/requests.ts";
import { live, orphans, silence } from "./scenarios/streams.ts";
import { packed, paced } from "./scenarios/tokens.ts";
import { endAll, pinLoader } from "./targets.ts";
import { startWorld, type World } from "./world.ts";

const SCENARIOS: Readonly<Record<string, (world: World, report: Report) => Promise<void>>> = {
  json,
  latency,
  "first-token": firstToken,
  packed,
  paced,
  live,
  orphans,
  start: startUp,
  idle,
  books,
};
/** Only with `--long`, or by name. */
const LONG = { silence };

const USAGE = `Usage: bun run bench [--only NAME[,NAME]] [--long] [--binary PATH]
Builds dist/sluice, unless --binary names a built one, and compares it with the floors. Names: ${Object.keys({ ...SCENARIOS, ...LONG }).join(", ")}.
Ends with 1 when a figure is over the bar of the first release.`;

const repository = join(import.meta.dir, "..", "..");

async function build(): Promise<string> {
  const child = Bun.spawn([process.execPath, "src/tools/build.ts"], {
    cwd: repository,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) throw new Error("the gateway could not be built");
  return join(repository, "dist", "sluice");
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      long: { type: "boolean" },
      binary: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const all = { ...SCENARIOS, ...LONG };
  const names = values.only?.split(",") ?? Object.keys(values.long ? all : SCENARIOS);
  const unknown = names.filter((name) => !(name in all));
  if (values.help || unknown.length > 0) {
    process.stderr.write(`${unknown.map((name) => `No scenario ${name}.\n`).join("")}${USAGE}\n`);
    return values.help ? 0 : 2;
  }
  if (process.platform !== "linux") throw new Error("The bench reads /proc: it runs on Linux alone.");
  const binary = values.binary === undefined ? await build() : resolve(values.binary);
  pinLoader();
  const world = await startWorld(binary);
  const report = new Report();
  try {
    for (const [name, run] of Object.entries(all)) {
      if (!names.includes(name)) continue;
      const begin = performance.now();
      process.stderr.write(`${name} ...`);
      await run(world, report);
      process.stderr.write(` ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
    }
  } finally {
    await world.stop();
  }
  process.stdout.write(`\n${report.text()}`);
  return report.passed ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void endAll().then(() => process.exit(1)));
try {
  process.exitCode = await main();
} finally {
  await endAll();
}
process.exit();
