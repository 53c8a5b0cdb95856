import { afterEach, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogFields } from "../../src/lib/log.ts";
import { createLogger, type LoggerOptions } from "../../src/lib/logger.ts";
import type { Sink } from "../../src/lib/outlet.ts";
import { VirtualClock } from "../virtual-clock.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-log-"));
  folders.push(folder);
  return folder;
}

/** A logger and all that it wrote. */
function recorder(options: Partial<LoggerOptions> = {}) {
  const written: string[] = [];
  const write: Sink = (text, done) => {
    written.push(text);
    done();
  };
  const log = createLogger({ level: "info", format: "text", write, clock: new VirtualClock(), ...options });
  return { log, written };
}

const texts: { fields: LogFields; line: string }[] = [
  {
    fields: { account: "acc_1", use: "2/3", ms: 12, ok: true, gone: undefined },
    line: "account=acc_1 use=2/3 ms=12 ok=true",
  },
  { fields: { text: 'two words and "one"' }, line: 'text="two words and \\"one\\""' },
  { fields: { text: "a\nfake line\u001b[2J\u009b" }, line: 'text="a\\nfake line\\u001b[2J\\u009b"' },
  { fields: { text: "" }, line: 'text=""' },
  { fields: { text: "会话已失效" }, line: "text=会话已失效" },
  { fields: { url: "/v1/models?key=abc" }, line: 'url="/v1/models?key=***"' },
  { fields: { credential: "short" }, line: "credential=***" },
  { fields: { inputTokens: 5, password: "" }, line: 'inputTokens=5 password=""' },
];
test.each(texts)("the fields $fields are written as one line", async ({ fields, line }) => {
  const { log, written } = recorder();
  log.info("thing-done", fields);
  await log.flush();
  expect(written).toEqual([`2026-11-20T12:00:00.000Z INFO  thing-done ${line}\n`]);
});

test("JSON lines carry the same, and the fields of with", async () => {
  const { log, written } = recorder({ format: "json" });
  log.with({ request: "req_1" }).with({ n: 1 }).warn("it-is", { text: 'a\n"b"', token: "zz", left: undefined });
  await log.flush();
  expect(JSON.parse(written.join(""))).toEqual({
    time: "2026-11-20T12:00:00.000Z",
    level: "warn",
    event: "it-is",
    request: "req_1",
    n: 1,
    text: 'a\n"b"',
    token: "***",
  });
});

test("the level can change while it runs, and lines below it are left out", async () => {
  const { log, written } = recorder();
  const inner = log.with({ a: 1 });
  inner.debug("one");
  log.setLevel("debug");
  inner.debug("two");
  log.setLevel("error");
  inner.warn("three");
  await log.flush();
  expect(written.join("")).toContain("DEBUG two a=1\n");
  expect(written.join("").split("\n")).toHaveLength(2);
});

test("the lines of one tick go out as one text", async () => {
  const { log, written } = recorder();
  for (let i = 0; i < 100; i++) log.info("line", { i });
  await log.flush();
  expect(written).toHaveLength(1);
  expect(written[0]?.split("\n")).toHaveLength(101);
});

test("row 48 a sink that is not drained costs bounded memory, and what was dropped is told once it is", async () => {
  let held = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const texts: string[] = [];
  const { log } = recorder({
    write(text, done) {
      held += text.length;
      most = Math.max(most, held);
      texts.push(text);
      waiting.push(() => {
        held -= text.length;
        done();
      });
    },
  });
  for (let i = 0; i < 20_000; i++) {
    log.info("line", { i, filler: "word ".repeat(40) });
    if (i % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(waiting).toHaveLength(1);
  expect(most).toBeLessThan(1_000_001);
  const dropped = log.dropped();
  expect(dropped).toBeGreaterThan(10_000);
  const flushed = log.flush();
  for (let release = waiting.shift(); release; release = waiting.shift()) {
    release();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await flushed;
  const lines = texts.join("").trimEnd().split("\n");
  expect(lines.filter((line) => line.includes("log-dropped"))).toEqual([
    `2026-11-20T12:00:00.000Z WARN  log-dropped lines=${dropped}`,
  ]);
  expect(lines.length - 1 + dropped).toBe(20_000);
});

test("row 48 lines that could not be written are counted and told when writing works again", async () => {
  let broken = true;
  const { log, written } = recorder({
    write(text, done) {
      if (broken) return done(new Error("ENOSPC"));
      written.push(text);
      done();
    },
  });
  log.info("one");
  log.info("two");
  await log.flush();
  log.info("three");
  await log.flush();
  expect(log.dropped()).toBe(3);
  broken = false;
  log.info("four");
  await log.flush();
  expect(written.join("").replace(/^\S+ /gm, "")).toBe("WARN  log-dropped lines=3\nINFO  four\n");
  expect(log.dropped()).toBe(3);
});

/** A program that logs 60,000 lines of 200 characters to its standard output, then says on standard error how it went. */
const LOUD = `
import { createLogger } from "${join(import.meta.dir, "../../src/lib/logger.ts")}";
import { streamSink } from "${join(import.meta.dir, "../../src/lib/outlet.ts")}";
import { systemClock } from "${join(import.meta.dir, "../../src/lib/clock.ts")}";
const log = createLogger({ level: "info", format: "text", write: streamSink(process.stdout), clock: systemClock });
for (let i = 0; i < 60000; i++) {
  log.info("line", { i, filler: "word ".repeat(40) });
  if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
process.stderr.write(JSON.stringify({ dropped: log.dropped(), rss: process.memoryUsage().rss }), () => process.exit(0));
`;

test("row 48 a process whose standard output nobody reads goes on and stays small", async () => {
  const folder = scratch();
  await Bun.$`mkfifo ${join(folder, "pipe")}`;
  const pipe = openSync(join(folder, "pipe"), constants.O_RDWR);
  const loud = Bun.spawn([process.execPath, "-e", LOUD], { stdin: "ignore", stdout: pipe, stderr: "pipe" });
  const report = JSON.parse(await new Response(loud.stderr).text()) as { dropped: number; rss: number };
  closeSync(pipe);
  expect(await loud.exited).toBe(0);
  expect(report.dropped).toBeGreaterThan(40_000);
  expect(report.rss).toBeLessThan(200 * 1_048_576);
}, 20_000);

test.if(process.platform === "linux")(
  "row 48 a process goes on when the disk of its standard output is full",
  async () => {
    const full = openSync("/dev/full", "w");
    const loud = Bun.spawn([process.execPath, "-e", LOUD], { stdin: "ignore", stdout: full, stderr: "pipe" });
    const report = JSON.parse(await new Response(loud.stderr).text()) as { dropped: number };
    closeSync(full);
    expect(await loud.exited).toBe(0);
    expect(report.dropped).toBeGreaterThan(50_000);
  },
  20_000,
);

test("a log file rotates at its size, keeps so many files, and only the owner reads it", async () => {
  const path = join(scratch(), "logs", "sluice.log");
  const { log } = recorder({ file: { path, maxBytes: 1000, files: 3 } });
  for (let i = 0; i < 50; i++) {
    log.info("line", { i, filler: "x".repeat(20) });
    await log.flush();
  }
  expect(readdirSync(join(path, "..")).toSorted()).toEqual(["sluice.log", "sluice.log.1", "sluice.log.2"]);
  const all = [`${path}.2`, `${path}.1`, path].map((name) => readFileSync(name, "utf8"));
  for (const text of all) expect(text.length).toBeLessThanOrEqual(1000);
  const numbers = [...all.join("").matchAll(/ i=(\d+)/g)].map((match) => Number(match[1]));
  expect(numbers.at(-1)).toBe(49);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a single log file starts again when it is full", async () => {
  const path = join(scratch(), "sluice.log");
  const { log } = recorder({ file: { path, maxBytes: 200, files: 1 } });
  for (let i = 0; i < 9; i++) {
    log.info("line", { i });
    await log.flush();
  }
  expect(readdirSync(join(path, ".."))).toEqual(["sluice.log"]);
  expect(readFileSync(path, "utf8")).toContain(" i=8\n");
  expect(statSync(path).size).toBeLessThanOrEqual(200);
});

test("a log file that is there goes on where it stood", async () => {
  const path = join(scratch(), "sluice.log");
  await Bun.write(path, "before\n");
  const { log } = recorder({ file: { path, maxBytes: 1000, files: 2 } });
  log.info("after");
  await log.flush();
  expect(readFileSync(path, "utf8")).toMatch(/^before\n\S+ INFO {2}after\n$/);
});

test.if(process.platform === "linux")(
  "row 48 a log file on a full disk drops lines while standard output goes on",
  async () => {
    const { log, written } = recorder({ file: { path: "/dev/full", maxBytes: 1000, files: 2 } });
    for (let i = 0; i < 3; i++) {
      log.info("line", { i });
      await log.flush();
    }
    expect(written.join("").match(/ i=\d/g)).toHaveLength(3);
    expect(log.dropped()).toBe(3);
  },
);
