import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What one check found: `output` is for a person, shown only when it did not pass. */
interface Finding {
  passed: boolean;
  output: string;
}

const repository = join(import.meta.dir, "..", "..");

/** Runs Bun with `args` in the repository, without a standard input, so that nothing can wait for an answer. */
async function bun(...args: string[]): Promise<Finding> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: repository,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { passed: code === 0, output: stdout + stderr };
}

/** Generates migrations into a copy of `drizzle/sqlite`: a new file there means that a schema change lacks its migration. */
async function migrationsAreCurrent(): Promise<Finding> {
  const scratch = await mkdtemp(join(tmpdir(), "sluice-migrations-"));
  try {
    await cp(join(repository, "drizzle", "sqlite"), scratch, { recursive: true });
    const before = await readdir(scratch);
    const schema = "--schema=src/store/sqlite/schema.ts";
    const generated = await bun(
      "run",
      "--silent",
      "drizzle-kit",
      "generate",
      "--dialect=sqlite",
      schema,
      `--out=${scratch}`,
    );
    const added = (await readdir(scratch)).filter((file) => !before.includes(file));
    if (generated.passed && added.length === 0) return generated;
    return { passed: false, output: `${generated.output}\nThe schema has changed: run bun run db:generate.` };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

const CHECKS: Readonly<Record<string, () => Promise<Finding>>> = {
  types: () => bun("check", "--no-script", "--no-pretty"),
  format: () => bun("fmt", "--check", "--no-script"),
  lint: () => bun("run", "--silent", "oxlint", "--deny-warnings"),
  "import rules": () => bun("test", "test/imports.test.ts"),
  "dead code": () => bun("run", "--silent", "knip", "--no-progress"),
  "migrations agree": () => bun("run", "--silent", "drizzle-kit", "check"),
  "migrations are current": migrationsAreCurrent,
};

const findings = await Promise.all(
  Object.entries(CHECKS).map(async ([name, check]) => {
    const finding = await check();
    process.stdout.write(finding.passed ? `ok    ${name}\n` : `FAIL  ${name}\n${finding.output.trimEnd()}\n`);
    return finding.passed;
  }),
);
const failed = findings.filter((passed) => !passed).length;
process.stdout.write(`${findings.length - failed} checks passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
