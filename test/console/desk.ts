import { Elysia } from "elysia";
import { createAuth, createConsole, type Client } from "../../src/console/index.ts";
import { assetRoot } from "../../src/lib/asset-root.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import { fakeAdmin, type FakeWorld } from "./fake-admin.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

/** A clock that a test turns by hand; timers fire when it is turned past them. */
export function handClock(
  start = Date.UTC(2026, 10, 21, 12),
): Clock & { turn(ms: number): void; armed(): Promise<void> } {
  let now = start;
  const timers = new Set<{ at: number; run: () => void }>();
  let arm: () => void = () => undefined;
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      arm();
      return () => void timers.delete(timer);
    },
    /** Resolves as soon as somebody waits for this clock. */
    async armed() {
      if (timers.size > 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      arm = resolve;
      await promise;
    },
    turn(ms) {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

/** A console over a fake Admin and sessions in memory. */
export async function desk(
  options: { clock?: Clock; world?: Partial<FakeWorld>; client?: Partial<Client>; basePath?: string } = {},
) {
  const clock = options.clock ?? handClock();
  const fake = fakeAdmin(clock, options.world);
  const sessions = new Map<string, number>();
  const auth = createAuth({
    clock,
    sessions: {
      find: async (hash, now) => ((sessions.get(hash) ?? 0) > now ? hash : undefined),
      insert: async ({ tokenHash, expiresAt }) => void sessions.set(tokenHash, expiresAt),
      remove: async (hash) => void sessions.delete(hash),
      removeAll: async () => sessions.clear(),
    },
    passwordHash: async () => fake.world.password,
    async setPassword(password) {
      await fake.admin.setPassword(password);
      sessions.clear();
    },
  });
  const stopping = new AbortController();
  const console = createConsole({
    admin: fake.admin,
    auth,
    assetRoot,
    basePath: options.basePath ?? "/",
    log: silent,
    clock,
    version: "0.1.0",
    client: (request) => ({
      address: "192.0.2.7",
      secure: false,
      origin: `http://${request.headers.get("host") ?? "localhost"}`,
      ...options.client,
    }),
    stopping: stopping.signal,
  });
  const app = new Elysia().use(console);
  return { ...fake, app, auth, clock, sessions, stopping };
}

type Desk = Awaited<ReturnType<typeof desk>>;

/** A browser without a page: it keeps the session cookie and asks in one language. */
export function visitor({ app }: Pick<Desk, "app">, cookie = "") {
  let kept = cookie;
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set("host", "localhost");
    if (kept !== "") headers.set("cookie", headers.has("cookie") ? `${kept}; ${headers.get("cookie")}` : kept);
    const response = await app.handle(new Request(`http://localhost${path}`, { ...init, headers }));
    const session = response.headers.getSetCookie().find((value) => value.startsWith("sluice_session="));
    if (session !== undefined) kept = session.split(";")[0] ?? "";
    return response;
  };
  return {
    get: (path: string, headers: Record<string, string> = {}) => send(path, { headers }),
    post: (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
      send(path, { method: "POST", body: new URLSearchParams(fields), headers }),
    send,
    cookie: () => kept,
  };
}

export const PASSWORD = "correct horse battery";

/** A visitor who has set the password by the setup link and so is signed in. */
export async function operator(at: Desk) {
  const browser = visitor(at);
  const token = at.auth.issueSetupToken();
  await browser.post("/console/setup", { token, password: PASSWORD, again: PASSWORD });
  return browser;
}
