/** The processes that are measured, each started alone and ended at the end. */
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

/** A running program. */
export interface Target {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface Mock extends Target {
  /** Chats made and deleted, and streams open now. */
  state(): Promise<{ created: number; deleted: number; open: number }>;
}

export const KEY = "sk-bench-0123456789abcdef0123456789abcdef";

/** As the figures of reference were taken: one core for what is measured, the other for mocks and loader. */
const MEASURED = 0;
const AROUND = 1;

const PROGRAMS = join(import.meta.dir, "programs");
/** The floors fetch, and hold 5,000 streams; Bun would run 256 of them at a time. */
const FETCHES = { BUN_CONFIG_MAX_HTTP_REQUESTS: "8192" };

/** The command that keeps another on one core, where the system has one. */
function onCore(core: number): string[] {
  const taskset = availableParallelism() > 1 ? Bun.which("taskset") : null;
  return taskset ? [taskset, "-c", String(core)] : [];
}

/** Keeps the loader, which is this process, off the measured core. */
export function pinLoader(): void {
  const [taskset] = onCore(AROUND);
  if (taskset) Bun.spawnSync([taskset, "-a", "-c", "-p", String(AROUND), String(process.pid)], { stdout: "ignore" });
}

/** What runs now. */
const running = new Set<Bun.Subprocess>();

/** Ends whatever still runs, so that a bench that fails or is stopped leaves nothing behind. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(end));
}

function tracked<Child extends Bun.Subprocess>(child: Child): Child {
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return child;
}

/** Starts a program of this folder. */
export async function startProgram(
  name: string,
  env: Record<string, string> = {},
  core: number = MEASURED,
): Promise<Target> {
  const command = [...onCore(core), process.execPath, join(PROGRAMS, `${name}.ts`)];
  const child = tracked(
    Bun.spawn(command, { env: { ...FETCHES, ...env }, stdin: "ignore", stdout: "pipe", stderr: "inherit" }),
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!value) throw new Error(`${name} did not start`);
  const { port } = JSON.parse(new TextDecoder().decode(value)) as { port: number };
  return { pid: child.pid, port, stop: () => end(child) };
}

export async function startMock(name: "longcat-mock" | "openai-mock"): Promise<Mock> {
  const target = await startProgram(name, {}, AROUND);
  return {
    ...target,
    async state() {
      const response = await fetch(`http://127.0.0.1:${target.port}/bench/state`);
      const { data } = (await response.json()) as { data: { created: number; deleted: number; open: number } };
      return data;
    },
  };
}

export interface GatewayOptions {
  readonly binary: string;
  readonly longcatPort: number;
  readonly accounts?: number;
  readonly env?: Record<string, string>;
  /** Kept afterwards; else a folder of its own. */
  readonly folder?: string;
}

/** A new temporary folder. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "sluice-bench-"));
}

/**
 * Starts the compiled gateway with everything on: keys, accounts in rotation, statistics, and its log in a file. Resolves
 * at once; `port` may take a moment to answer.
 */
export async function spawnGateway(options: GatewayOptions): Promise<Target & { readonly ready: Promise<void> }> {
  const { binary, longcatPort, accounts = 20, env = {} } = options;
  const folder = options.folder ?? newFolder();
  const logPath = join(folder, "out.log");
  const port = await freePort();
  const child = tracked(
    Bun.spawn([...onCore(MEASURED), binary], {
      cwd: folder,
      env: {
        PORT: String(port),
        DATA_DIR: join(folder, "data"),
        LONGCAT_URL: `http://127.0.0.1:${longcatPort}`,
        AUTH_COOKIES: Array.from({ length: accounts }, (_, i) => cookie(i)).join(","),
        API_MASTER_KEY: KEY,
        ...env,
      },
      stdin: "ignore",
      stdout: openSync(logPath, "a"),
      stderr: "inherit",
    }),
  );
  const ready = (async () => {
    while (!readFileSync(logPath, "utf8").includes(`:${port}`)) {
      if (child.exitCode !== null) throw new Error(`the gateway ended: ${readFileSync(logPath, "utf8")}`);
      await Bun.sleep(5);
    }
  })();
  const stop = async () => {
    await end(child);
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return { pid: child.pid, port, stop, ready };
}

/** The same, and it listens. */
export async function startGateway(options: GatewayOptions): Promise<Target> {
  const target = await spawnGateway(options);
  await target.ready;
  return target;
}

/** Has the shape of LongCat's and belongs to nobody. */
function cookie(number: number): string {
  return `bench-account-${String(number).padStart(6, "0")}-`.padEnd(88, "x");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 3000);
  await child.exited;
  clearTimeout(forced);
}
