import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setPassword, passwordHash } from "./admin/password.ts";
import { type App, buildApp } from "./app.ts";
import { type CliDeps, runCli } from "./cli/run.ts";
import { processIo } from "./cli/process-io.ts";
import { openBrowser } from "./cli/open-browser.ts";
import { TOKEN_FILE } from "./cli/connect.ts";
import { startText } from "./cli/start-text.ts";
import { type Config, isLoopback } from "./config.ts";
import { listen } from "./http/listen.ts";
import { assetRoot } from "./lib/asset-root.ts";
import { sleep, systemClock } from "./lib/clock.ts";
import { containerNotices, readContainerFacts } from "./lib/container.ts";
import type { Log } from "./lib/log.ts";
import { createLogger, type Logger } from "./lib/logger.ts";
import { streamSink } from "./lib/outlet.ts";
import { appendTrouble } from "./lib/rotating-file.ts";
import { version } from "./lib/version.ts";
import { writeWhole } from "./store/files.ts";
import { acquireLock, FolderInUseError, type Lock } from "./store/lock.ts";
import { databasePathOf, openStore, StoreOpenError } from "./store/open.ts";
import type { Store } from "./store/store.ts";

/** How long answers under way may take once the program is told to stop. */
const DRAIN_MS = 30_000;
/** An executable starts with a JIT that compiles next to nothing: what runs at a start runs once. Serving does not. */
const NORMAL_JIT_POLICY = 1;
/** How long the last output may take. */
const LAST_OUTPUT_MS = 500;

/** Runs one command line; the process ends with its exit code. */
export async function start(argv: string[]): Promise<void> {
  const deps: CliDeps = { serve, openLocal, version };
  process.exitCode = await runCli(argv, processIo(), deps);
  // Output that is still on its way must not be cut off, and a connection that nobody closes must not keep the process.
  setTimeout(() => process.exit(), LAST_OUTPUT_MS).unref();
}

/** The data folder, locked, and the gateway over it. */
interface Opened {
  readonly app: App;
  readonly store: Store;
  readonly lock: Lock;
  /** The file in use, absolute. */
  readonly database: string;
}

interface Opening {
  readonly operatorToken?: string;
  readonly notices?: readonly string[];
  /** Used in place of the data folder, which is not touched. */
  readonly scratch?: string;
}

async function open(config: Config, log: Logger, { operatorToken, notices = [], scratch }: Opening): Promise<Opened> {
  const { data } = config;
  const files = scratch === undefined ? filesOf(data) : { dataDir: scratch };
  const secret = data.secret === undefined ? {} : { secret: data.secret };
  const lock = acquireLock(files.dataDir);
  let store: Store | undefined;
  try {
    const opened = await openStore({ ...files, ...secret, clock: systemClock, log });
    store = opened.store;
    const container = containerNotices(readContainerFacts(), data.dataDir);
    const database = scratch === undefined ? opened.databasePath : data.databasePath;
    const app = await buildApp({
      config,
      store,
      clock: systemClock,
      log,
      version,
      database,
      assetRoot,
      notices: [...notices, ...opened.notices, ...container],
      ...(operatorToken === undefined ? {} : { operatorToken }),
    });
    return { app, store, lock, database };
  } catch (error) {
    await store?.close();
    lock.release();
    throw error;
  }
}

/** Opens the data folder for a command while nobody serves it. One that only looks in sees an empty one where none is. */
async function openLocal(config: Config, onlyLooks: boolean) {
  const { data } = config;
  const log = createLogger({ level: "warn", format: "text", write: streamSink(process.stderr), clock: systemClock });
  const isThere = !onlyLooks || existsSync(databasePathOf(filesOf(data)));
  const scratch = isThere ? undefined : mkdtempSync(join(tmpdir(), "sluice-"));
  const removeScratch = () => scratch !== undefined && rmSync(scratch, { recursive: true, force: true });
  const opening = scratch === undefined ? {} : { scratch, notices: [`There is nothing in ${data.dataDir} yet.`] };
  try {
    const { app, store, lock } = await open(config, log, opening);
    return {
      admin: app.admin,
      async close() {
        await app.stop();
        await store.close();
        lock.release();
        removeScratch();
      },
    };
  } catch (error) {
    removeScratch();
    throw error;
  }
}

function filesOf({ dataDir, databasePath, databaseNamed }: Config["data"]) {
  return { dataDir, ...(databaseNamed ? { databasePath } : {}) };
}

/** Serves until a signal says otherwise; resolves to the exit code. */
async function serve(config: Config): Promise<number> {
  const { server, data } = config;
  const log = createLogger({ ...config.log, write: streamSink(process.stdout), clock: systemClock });
  const operatorToken = randomBytes(32).toString("base64url");
  const { app, store, lock, database } = await open(config, log, {
    operatorToken,
    notices: logFileNotices(config),
  }).catch((error: unknown) => {
    throw withExitCode(error);
  });
  const listening = listen((request) => app.fetch(request), app.peers, server);
  const urls = addressesOf(server.host, listening.ports, server.basePath);
  const [url = ""] = urls;
  const tokenPath = join(data.dataDir, TOKEN_FILE);
  try {
    lock.describe({ pid: process.pid, url });
    const holder = { url: loopbackUrl(server, listening.ports), token: operatorToken, pid: process.pid };
    writeWhole(tokenPath, `${JSON.stringify(holder)}\n`);
  } catch (error) {
    throw withExitCode(error);
  }

  const stopped = stopOnSignals(async () => {
    const drained = app.turns.drain(DRAIN_MS);
    const closed = listening.stop();
    await drained;
    // The last frames are written, but not yet sent.
    await Promise.race([closed, sleep(systemClock, LAST_OUTPUT_MS)]);
    await app.stop();
    await store.close();
    await listening.kill();
    rmSync(tokenPath, { force: true });
    lock.release();
    await Promise.race([log.flush(), sleep(systemClock, LAST_OUTPUT_MS)]);
  }, log);
  process.on("uncaughtException", (error) => log.error("uncaught", { cause: error.stack ?? error.message }));
  process.on("unhandledRejection", (cause) => log.error("unhandled", { cause: String(cause) }));

  await app.start();
  const { text, rest } = startText({
    version,
    language: config.language,
    urls,
    loopback: isLoopback(server.host),
    database,
    newKey: await firstKey(app),
    setupLink: await setupLink(config, app, store, url),
    hasAccounts: (await app.admin.accounts.list()).length > 0,
    notices: app.notices(),
  });
  process.stdout.write(text);
  for (const notice of rest) log.warn("notice", { text: notice });
  Bun.unsafe.setJITPolicy(NORMAL_JIT_POLICY);
  if (server.openBrowser) openBrowser(`${url}/console/`);
  return stopped;
}

/** The log never stops the gateway, so its file is tried before the first line is lost. */
function logFileNotices({ log: { file } }: Config): string[] {
  const trouble = file && appendTrouble(file.path);
  return trouble ? [`LOG_FILE ${file.path} cannot be written (${trouble}): the log goes to standard output alone`] : [];
}

/** A client key when there is none yet: the API works at once with it. */
async function firstKey(app: App): Promise<string | undefined> {
  if ((await app.admin.keys.list()).length > 0) return undefined;
  return (await app.admin.keys.create("start")).key;
}

/** Takes the password of the environment at the first start; else the one-time address that sets one. */
async function setupLink(config: Config, app: App, store: Store, url: string): Promise<string | undefined> {
  if ((await passwordHash(store)) !== undefined) return undefined;
  if (config.adminPassword !== undefined) {
    await setPassword(store, config.adminPassword, 1);
    return undefined;
  }
  return `${url}/console/setup?token=${app.auth.issueSetupToken()}`;
}

/** The first signal stops in order, the second at once. Resolves to the exit code: 1 when the stop failed. */
function stopOnSignals(stop: () => Promise<void>, log: Log): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const signalled = () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop().then(
        () => resolve(0),
        (cause: unknown) => {
          log.error("stop-failed", { cause: String(cause) });
          resolve(1);
        },
      );
    };
    process.on("SIGTERM", signalled);
    process.on("SIGINT", signalled);
  });
}

/** A second gateway on a folder is a failed start; anything else about the folder has an exit code of its own. */
function withExitCode(error: unknown): unknown {
  if (!(error instanceof StoreOpenError)) return error;
  return Object.assign(error, { exitCode: error instanceof FolderInUseError ? 1 : 3 });
}

/** Addresses to click and to copy, the best first: this machine's own in the network when it is open to it. */
function addressesOf(host: string, ports: readonly number[], basePath: string): string[] {
  const base = basePath === "/" ? "" : basePath;
  const isAny = host === "0.0.0.0" || host === "::";
  const hosts = isAny ? ["127.0.0.1", ...lanAddress()] : [host];
  return hosts.flatMap((name) =>
    ports.map((port) => `http://${name.includes(":") ? `[${name}]` : name}:${port}${base}`),
  );
}

/** The first address that others in the network may reach this machine at, if there is one. */
function lanAddress(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses
    .flatMap(({ family, internal, address }) => (family === "IPv4" && !internal ? [address] : []))
    .slice(0, 1);
}

/** Where the command line of this machine finds the gateway. */
function loopbackUrl(server: Config["server"], ports: readonly number[]): string {
  const host = server.host === "0.0.0.0" ? "127.0.0.1" : server.host === "::" ? "::1" : server.host;
  const [url = ""] = addressesOf(host, ports, server.basePath);
  return url;
}
