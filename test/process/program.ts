import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");
/** Nothing of the developer's own environment reaches the program but where programs are found. */
const CLEAN = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", LANG: "C" };

/** An empty folder to start the program in; removed with everything in it. */
export function folder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sluice-process-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** All that was printed so far. */
  output(): string;
  /** What it wrote on standard error, once it has ended. */
  errors(): Promise<string>;
  /** The first client key, if this start printed one. */
  readonly key: string | undefined;
  /** Sends a signal and resolves to the exit code (signals: 128 and their number). */
  end(signal: NodeJS.Signals): Promise<number>;
  readonly exited: Promise<number>;
}

export interface ServeOptions {
  /** The most files that it may open. */
  readonly openFiles?: number;
  /** A module that runs in it before its own code. */
  readonly preload?: string;
}

/** Starts the program from the sources as a process of its own and waits until it says where it listens. */
export async function serve(
  cwd: string,
  env: Record<string, string> = {},
  { openFiles, preload }: ServeOptions = {},
): Promise<Served> {
  const limit = openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`];
  const before = preload === undefined ? [] : ["--preload", preload];
  const child = Bun.spawn([...limit, process.execPath, ...before, MAIN, "--port", "0"], {
    cwd,
    env: { ...CLEAN, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  const ADDRESS = /(http:\/\/127\.0\.0\.1:\d+)\/console\//;
  while (!ADDRESS.test(output)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the program ended: ${output}${await new Response(child.stderr).text()}`);
    output += decoder.decode(value, { stream: true });
  }
  const drain = async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      output += decoder.decode(value, { stream: true });
    }
  };
  void drain();
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return child.exited;
  };
  return {
    url: ADDRESS.exec(output)?.[1] ?? "",
    pid: child.pid,
    output: () => output,
    errors: () => new Response(child.stderr).text(),
    key: /sk-sluice-[\w-]+/.exec(output)?.[0],
    exited: child.exited,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command to its end. */
export async function sluice(
  cwd: string,
  args: readonly string[],
  { env = {}, stdin = "" }: { env?: Record<string, string>; stdin?: string } = {},
): Promise<Finished> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    cwd,
    env: { ...CLEAN, ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
