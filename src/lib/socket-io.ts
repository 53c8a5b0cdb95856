import type { Abortable } from "./abort.ts";
import type { io, Socket } from "socket.io-client";
import type { Clock } from "./clock.ts";

/** What comes in once the connection stands. After "dropped" the client dials again by itself until it is closed. */
export type SocketIoNews =
  | { readonly type: "event"; readonly name: string; readonly payload: unknown }
  | { readonly type: "dropped" }
  | { readonly type: "connected" }
  | { readonly type: "refused"; readonly message: string };

export interface SocketIoOptions {
  /** http, https, ws or wss; a path before `/socket.io/` is kept. */
  readonly url: string;
  /** The object of the connect packet, asked at each connect. */
  readonly auth: () => Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** An HTTP proxy's address. */
  readonly proxy?: string | undefined;
  readonly clock: Clock;
  /** How long the first connect may take, ms. */
  readonly connectMs: number;
  /** Closes the socket; a connect that is under way rejects with its reason. */
  readonly signal: Abortable;
}

/** The server answered the connect with a refusal; `message` is its own text. */
export class SocketIoRefused extends Error {
  override readonly name = "SocketIoRefused";
}

/** No connection came about, or it broke before the server took it. */
export class SocketIoBroken extends Error {
  override readonly name = "SocketIoBroken";
}

const REDIAL_MS = 200;
const LONGEST_REDIAL_MS = 2000;
const REDIAL_TIMEOUT_MS = 5000;
/** A server that shows the client out again and again is not asked for ever. */
const MOST_REJOINS = 5;

/**
 * A Socket.IO v4 client (Engine.IO 4, WebSocket alone, default namespace) that answers pings and comes back after a drop.
 * News goes to a listener at once instead of into a queue: whoever folds cumulative events holds only the latest.
 */
export class SocketIo {
  readonly #socket: Socket;
  readonly #signal: Abortable;
  readonly #clock: Clock;
  #rejoins = 0;
  #cancelRejoin = (): void => {};
  #closed = false;

  private constructor(dial: typeof io, { url, auth, headers, proxy, signal, clock }: SocketIoOptions) {
    const { origin, path } = addressOf(url);
    this.#signal = signal;
    this.#clock = clock;
    const options: Parameters<typeof io>[1] = {
      path,
      transports: ["websocket"],
      forceNew: true,
      autoConnect: false,
      autoUnref: true,
      auth: (give) => give({ ...auth() }),
      extraHeaders: { ...headers },
      reconnectionDelay: REDIAL_MS,
      reconnectionDelayMax: LONGEST_REDIAL_MS,
      timeout: REDIAL_TIMEOUT_MS,
    };
    // Bun's WebSocket takes the proxy from an agent, of which it reads this field alone.
    if (proxy !== undefined) Object.assign(options, { agent: { proxy: new URL(proxy) } });
    this.#socket = dial(origin, options);
    const { io: manager } = this.#socket;
    // The library leaves a close packet unread and would wait for the connection to follow it.
    manager.on("open", () =>
      manager.engine.on("packet", ({ type }) => {
        if (type === "close") manager.engine.close();
      }),
    );
  }

  /**
   * Resolves when the namespace is joined. `listen` must not throw.
   * @throws SocketIoRefused, SocketIoBroken, or the signal's reason
   */
  static async open(options: SocketIoOptions, listen: (news: SocketIoNews) => void): Promise<SocketIo> {
    options.signal.throwIfAborted();
    // Six packages that a gateway without such an account never needs.
    const library = await import("socket.io-client");
    options.signal.throwIfAborted();
    const client = new SocketIo(library.io, options);
    try {
      await client.#join(options.connectMs);
      client.#watch(listen);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Ends the connection and every attempt at one. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelRejoin();
    this.#signal.removeEventListener("abort", this.#abort);
    this.#socket.offAny();
    this.#socket.off();
    this.#socket.disconnect();
    this.#socket.io.off();
  }

  readonly #abort = (): void => this.close();

  #join(connectMs: number): Promise<void> {
    const socket = this.#socket;
    const signal = this.#signal;
    return new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        over();
        reject(error);
      };
      const onAbort = (): void => fail(signal.reason);
      const onConnect = (): void => {
        over();
        resolve();
      };
      const onError = (error: Error): void =>
        fail(socket.active ? new SocketIoBroken(error.message) : new SocketIoRefused(error.message));
      const onDisconnect = (reason: string): void => fail(new SocketIoBroken(reason));
      const cancelDeadline = this.#clock.after(connectMs, () =>
        fail(new SocketIoBroken(`no connection within ${connectMs} ms`)),
      );
      const over = (): void => {
        cancelDeadline();
        signal.removeEventListener("abort", onAbort);
        socket.off("connect", onConnect).off("connect_error", onError).off("disconnect", onDisconnect);
      };
      signal.addEventListener("abort", onAbort);
      socket.on("connect", onConnect).on("connect_error", onError).on("disconnect", onDisconnect);
      // The first packet after the connect may be in the same read, before `open` has resolved.
      socket.onAny((name: string, payload: unknown) => this.#tell({ type: "event", name, payload }));
      socket.connect();
    });
  }

  #early: SocketIoNews[] = [];
  #tell = (news: SocketIoNews): void => void this.#early.push(news);

  #watch(listen: (news: SocketIoNews) => void): void {
    const socket = this.#socket;
    this.#signal.addEventListener("abort", this.#abort);
    socket.on("connect", () => listen({ type: "connected" }));
    socket.on("connect_error", (error: Error) => {
      if (!socket.active) listen({ type: "refused", message: error.message });
    });
    socket.on("disconnect", () => {
      listen({ type: "dropped" });
      if (!socket.active) this.#rejoin();
    });
    this.#tell = listen;
    for (const news of this.#early.splice(0)) listen(news);
    if (!socket.connected) {
      listen({ type: "dropped" });
      if (!socket.active) this.#rejoin();
    }
  }

  /** The server showed the client out of the namespace, after which the library does not dial again. */
  #rejoin(): void {
    if (this.#closed || this.#rejoins >= MOST_REJOINS) return;
    this.#rejoins += 1;
    this.#cancelRejoin = this.#clock.after(REDIAL_MS, () => this.#socket.connect());
  }
}

/** Where to dial: the client takes a URL's path for a namespace, so the two are told apart here. */
function addressOf(url: string): { origin: string; path: string } {
  const { protocol, host, pathname } = new URL(url);
  const secure = protocol === "https:" || protocol === "wss:";
  const base = pathname.replace(/\/+$/, "").replace(/\/socket\.io$/, "");
  return { origin: `${secure ? "https" : "http"}://${host}`, path: `${base}/socket.io/` };
}
