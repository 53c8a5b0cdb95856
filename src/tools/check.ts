import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";

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

/** drizzle-kit exits with 0 after most failures, and asks questions about others: only its own good word counts. */
async function drizzle(good: string, ...args: string[]): Promise<Finding> {
  const { passed, output } = await bun("run", "--silent", "drizzle-kit", ...args);
  return { passed: passed && output.includes(good), output };
}

/** Generates migrations beside a copy of `drizzle/sqlite`, so that a schema change without its migration shows. */
async function migrationsAreCurrent(): Promise<Finding> {
  const cache = join("node_modules", ".cache"); // drizzle-kit takes no absolute path
  await mkdir(join(repository, cache), { recursive: true });
  const scratch = await mkdtemp(join(repository, cache, "migrations-"));
  try {
    await cp(join(repository, "drizzle", "sqlite"), scratch, { recursive: true });
    const place = ["--schema=src/store/sqlite/schema.ts", `--out=${join(cache, basename(scratch))}`];
    const { passed, output } = await drizzle("No schema changes", "generate", "--dialect=sqlite", ...place);
    return { passed, output: `${output}\nA schema change needs its migration: bun run db:generate` };
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
  "migrations agree": () => drizzle("Everything's fine", "check"),
  "migrations are current": migrationsAreCurrent,
};

const findings = await Promise.all(
  Object.entries(CHECKS).map(async ([name, check]) => {
    const finding = await check().catch((error: unknown) => ({ passed: false, output: String(error) }));
    process.stdout.write(finding.passed ? `ok    ${name}\n` : `FAIL  ${name}\n${finding.output.trimEnd()}\n`);
    return finding.passed;
  }),
);
const failed = findings.filter((passed) => !passed).length;
process.stdout.write(`${findings.length - failed} checks passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
