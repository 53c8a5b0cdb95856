import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, buildApp } from "../src/app.ts";
import { loadConfig } from "../src/config.ts";
import { listen } from "../src/http/listen.ts";
import { assetRoot } from "../src/lib/asset-root.ts";
import { type Clock, systemClock } from "../src/lib/clock.ts";
import { createLogger } from "../src/lib/logger.ts";
import { openStore } from "../src/store/open.ts";
import type { Store } from "../src/store/store.ts";

export interface Gateway extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** A client key, and one that may do what an operator may. */
  readonly key: string;
  readonly adminKey: string;
  readonly app: App;
  readonly store: Store;
  readonly dataDir: string;
  /** Everything logged so far. */
  log(): string;
  /** `fetch` with the client key; `path` begins with a slash. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** A chat with the usual body; `body` overrides its fields. */
  chat(body?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kept afterwards; without it a folder of its own is made and removed. */
  readonly dataDir?: string;
  readonly clock?: Clock;
}

/** The whole gateway in this process, over real sockets and a real database. */
export async function startGateway({ env = {}, dataDir, clock = systemClock }: GatewayOptions = {}): Promise<Gateway> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "sluice-test-"));
  const config = loadConfig({
    flags: {},
    env: { DATA_DIR: folder, PORT: "0", LOG_LEVEL: "debug", ...env },
    cwd: folder,
    readFile: () => undefined,
  });
  let logged = "";
  const log = createLogger({
    ...config.log,
    clock,
    write: (text, done) => {
      logged += text;
      done();
    },
  });
  const { store, databasePath } = await openStore({ dataDir: folder, clock, log });
  const app = await buildApp({
    config,
    store,
    clock,
    log,
    version: "0.0.0",
    database: databasePath,
    assetRoot,
    notices: [],
    random: () => 0.5,
  });
  const listening = listen((request) => app.fetch(request), app.peers, config.server);
  await app.start();
  const { key } = await app.admin.keys.create("test");
  const { key: adminKey } = await app.admin.keys.create("operator", { admin: true });
  const url = `http://127.0.0.1:${listening.ports[0]}`;

  const ask = (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${key}`);
    return fetch(url + path, { ...init, headers });
  };
  const stop = async () => {
    await listening.kill();
    await app.stop();
    await store.close();
    if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return {
    url,
    key,
    adminKey,
    app,
    store,
    dataDir: folder,
    log: () => logged,
    ask,
    chat: (body = {}, init = {}) =>
      ask("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "echo hi" }], ...body }),
        ...init,
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
