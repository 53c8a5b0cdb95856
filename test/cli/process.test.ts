import { expect, test } from "bun:test";
import { join } from "node:path";

/** A program with the command line over the fake operations, on its own standard streams. */
const PROGRAM = `
import { runCli } from "${join(import.meta.dir, "../../src/cli/run.ts")}";
import { processIo } from "${join(import.meta.dir, "../../src/cli/process-io.ts")}";
import { fakeOperator } from "${join(import.meta.dir, "fake-operator.ts")}";
const { operator, calls } = fakeOperator();
process.exitCode = await runCli(process.argv.slice(1), processIo(), {
  version: "1.2.3",
  serve: async () => 0,
  openLocal: async () => ({ admin: operator, close: async () => {} }),
});
process.stderr.write(JSON.stringify(calls));
`;

test("row 39 in a real process secrets come through the pipe, results go to standard output, and it ends", async () => {
  const child = Bun.spawn([process.execPath, "-e", PROGRAM, "account", "add", "longcat"], {
    stdin: new TextEncoder().encode("one\n两\n"),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, DATA_DIR: "/nowhere" },
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(await child.exited).toBe(0);
  expect(stdout).toBe("acc_1\nacc_2\n");
  expect(JSON.parse(stderr)).toEqual([["add", "longcat", "one\n两", {}]]);
});
