import type { Log } from "../lib/log.ts";

/** Takes the address that a browser came back to; false when it is not the end of this sign-in. */
export type TakeAddress = (address: string) => Promise<boolean>;

interface Door {
  readonly servers: readonly Bun.Server<undefined>[];
  readonly guests: Map<string, { readonly path: string; readonly take: TakeAddress }>;
}

/** Both forms of this machine's own address: browsers choose either for `localhost`. */
const HOSTS = ["127.0.0.1", "::1"];

/**
 * Listens on this machine for browsers that come back from a sign-in, only while one is open. Several sign-ins may wait
 * on one port.
 */
export class Callbacks {
  readonly #log: Log;
  readonly #doors = new Map<number, Door>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** False when the port is taken: the user then pastes the address. */
  open(id: string, { port, path }: { readonly port: number; readonly path: string }, take: TakeAddress): boolean {
    const door = this.#doors.get(port) ?? this.#listen(port);
    if (!door) return false;
    door.guests.set(id, { path, take });
    return true;
  }

  isOpen(id: string): boolean {
    return [...this.#doors.values()].some(({ guests }) => guests.has(id));
  }

  close(id: string): void {
    for (const [port, { guests, servers }] of this.#doors) {
      if (!guests.delete(id) || guests.size > 0) continue;
      this.#doors.delete(port);
      // The page of a browser that has just come back is still on its way.
      for (const server of servers) void server.stop(false);
    }
  }

  closeAll(): void {
    for (const { servers } of this.#doors.values()) for (const server of servers) void server.stop(true);
    this.#doors.clear();
  }

  #listen(port: number): Door | undefined {
    const guests: Door["guests"] = new Map();
    const fetch = (request: Request) => this.#answer(request, port, guests);
    const servers = HOSTS.flatMap((hostname) => {
      try {
        return [Bun.serve({ hostname, port, fetch, development: false })];
      } catch (error) {
        const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
        this.#log.debug("callback-not-listening", { host: hostname, port, reason });
        return [];
      }
    });
    if (servers.length === 0) return undefined;
    const door = { servers, guests };
    this.#doors.set(port, door);
    return door;
  }

  async #answer(request: Request, port: number, guests: Door["guests"]): Promise<Response> {
    const url = new URL(request.url);
    const waiting = [...guests.values()].filter(({ path }) => path === url.pathname);
    if (request.method !== "GET" || waiting.length === 0)
      return page(404, "Nothing waits here.", "此处没有等待中的登录。");
    // The address as the service was told it, whatever name the browser used for this machine.
    const address = `http://localhost:${port}${url.pathname}${url.search}`;
    try {
      for (const { take } of waiting) {
        if (await take(address))
          return page(200, "You are signed in. Close this window.", "登录成功，可以关闭此窗口。");
      }
    } catch (error) {
      this.#log.debug("callback-failed", { reason: error instanceof Error ? error.message : "unknown error" });
      return page(502, "This sign-in did not succeed: sluice says why.", "登录未成功，原因请见 sluice。");
    }
    return page(400, "This is not the end of a sign-in that waits here.", "此地址不属于等待中的登录。");
  }
}

/** Says nothing of what came in: the address holds a code. */
function page(status: number, english: string, chinese: string): Response {
  const html = `<!doctype html><meta charset="utf-8"><title>sluice</title><p>${english}</p><p lang="zh">${chinese}</p>`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      connection: "close",
    },
  });
}
