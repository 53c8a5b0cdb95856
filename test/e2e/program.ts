import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const dist = join(import.meta.dir, "..", "..", "dist");

/** What a first start prints once it listens, each with what ends it. */
export const ADDRESS = /(http:\/\/127\.0\.0\.1:\d+)[/\s]/;
export const CLIENT_KEY = /(sk-sluice-[\w-]{32})\s/;
export const SETUP_LINK = /(http:\/\/127\.0\.0\.1:\d+\/\S*setup\S*)\s/;

/** A compiled program alone in a temporary folder, beside an empty one to work in. */
export interface Installed {
  /** The copied executable. */
  program: string;
  /** The empty folder it is started in. */
  folder: string;
  remove(): Promise<void>;
}

/** Copies `dist/<name>` out of the repository. Throws when it was not built. */
export async function install(name: string): Promise<Installed> {
  if (!(await Bun.file(join(dist, name)).exists())) throw new Error(`dist/${name} is not built`);
  const root = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const program = join(root, "bin", basename(name));
  const folder = join(root, "work");
  await Promise.all([mkdir(join(root, "bin")), mkdir(folder)]);
  await copyFile(join(dist, name), program);
  return { program, folder, remove: () => rm(root, { recursive: true }) };
}

/** One running copy of the program. */
export interface Running {
  pid: number;
  /** Standard output up to now. */
  printed(): string;
  /** The first group of `pattern` in what was printed. Throws when it is not there. */
  find(pattern: RegExp): string;
  /** Sends SIGTERM and resolves with the exit code, -1 when a signal ended it. */
  stop(): Promise<number>;
  /** Ends it without a chance to clean up; nothing happens when it has ended. */
  kill(): Promise<void>;
}

/** How long a program may take until it says that it listens; emulated ones are slow. */
const START_MS = 60_000;

/**
 * Starts a command with nothing but `environment` and resolves as soon as all of `until` were printed.
 * Throws with everything that was printed when it ends before that, or is ended for taking more than a minute.
 */
export async function run(
  command: string[],
  folder: string,
  until: RegExp[],
  environment: Record<string, string> = {},
): Promise<Running> {
  const child = Bun.spawn(command, {
    cwd: folder,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true, // a process group of its own, so that what it starts can be ended with it
  });
  const endAll = () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const errors = new Response(child.stderr).text();
  const ready = Promise.withResolvers<void>();
  const deadline = setTimeout(endAll, START_MS);
  let printed = "";
  const follow = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      printed += decoder.decode(chunk, { stream: true });
      if (until.every((pattern) => pattern.test(printed))) ready.resolve();
    }
    ready.reject(new Error(`${command.join(" ")} ended before it was ready:\n${printed}\n${await errors}`));
  };
  const ended = follow();
  const exitCode = async () => {
    await ended;
    await child.exited;
    return child.exitCode ?? -1;
  };
  await ready.promise.finally(() => clearTimeout(deadline));
  return {
    pid: child.pid,
    printed: () => printed,
    find(pattern) {
      const found = pattern.exec(printed)?.[1];
      if (found === undefined) throw new Error(`${pattern} is not in:\n${printed}`);
      return found;
    },
    stop() {
      child.kill("SIGTERM");
      return exitCode();
    },
    async kill() {
      endAll();
      await exitCode();
    },
  };
}

/** Runs a command that ends by itself, within a minute: its exit code, and what it printed on both outputs. */
export async function call(command: string[], folder: string, environment: Record<string, string> = {}) {
  const child = Bun.spawn(command, {
    cwd: folder,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: START_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
