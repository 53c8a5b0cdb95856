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

/** Signs in with a code that is granted at the third look, or never. */
const SIGNING_IN = PROGRAM.replace(
  "fakeOperator();",
  "fakeOperator({ begun: WAITING, polls: [WAITING, WAITING, ...(process.env.NEVER ? [WAITING] : [DONE])] });",
)
  .replace("import { fakeOperator }", "import { DONE, fakeOperator, SIGN_IN }")
  .replace("const {", "const WAITING = { ...SIGN_IN, prompt: { ...SIGN_IN.prompt, pollAfterMs: 20 } };\nconst {");
const LOGIN = ["login", "kiro", "code", "--field", "startUrl=https://org.test"];

test("a process that only waits for a sign-in stays until it is done, whatever its standard input does", async () => {
  const child = Bun.spawn([process.execPath, "-e", SIGNING_IN, ...LOGIN], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(await child.exited).toBe(0);
  expect(stdout).toBe("acc_1\n");
  expect(stderr).toContain("ABCD-EFGH");
});

test("row 11 an interrupt cancels the sign-in before the process ends", async () => {
  const env = { ...process.env, NEVER: "1" };
  const child = Bun.spawn([process.execPath, "-e", SIGNING_IN, ...LOGIN], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env,
  });
  let stderr = "";
  let pressed = false;
  for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += piece;
    if (pressed || !stderr.includes("Waiting until")) continue;
    pressed = true;
    child.kill("SIGINT");
  }
  expect(await child.exited).toBe(1);
  expect(stderr).toContain('["cancel","login_1"]');
  expect(await new Response(child.stdout).text()).toBe("");
});

test("a reader that leaves early ends the output, and nothing is said of it", async () => {
  // The errors alone go out, and they end when the program does.
  const child = Bun.spawn(["sh", "-c", '("$0" -e "$1" key list 2>&3 | true) 3>&1', process.execPath, PROGRAM], {
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("[]");
});

test("output that cannot be written is a failure in words", async () => {
  const child = Bun.spawn(["sh", "-c", '"$0" -e "$1" key add laptop > /dev/full', process.execPath, PROGRAM], {
    stderr: "pipe",
    env: { ...process.env, DATA_DIR: "/nowhere" },
  });
  const stderr = await new Response(child.stderr).text();
  expect(await child.exited).toBe(1);
  expect(stderr).toContain("sluice: the output could not be written (ENOSPC)");
  expect(stderr).not.toContain("    at ");
});
