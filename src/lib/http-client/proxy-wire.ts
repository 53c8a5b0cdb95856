/** Connections through a proxy, over Node's sockets: they take TLS within whatever the proxy speaks. */
import net from "node:net";
import tls from "node:tls";
import {
  ConnectionError,
  connectionError,
  KEEP_ALIVE_MS,
  MOST_REST_S,
  type Place,
  type Wire,
  type WireUser,
} from "./wire.ts";

/** A proxy's refusal is short; what is longer is none. */
const MOST_ANSWER_BYTES = 65_536;

export class ProxyWire implements Wire {
  readonly opened: Promise<void>;
  readonly #user: WireUser;
  /** To the proxy. */
  readonly #outer: net.Socket;
  /** What bytes are written to: the same, or TLS within it. */
  #socket: net.Socket;
  #isClosed = false;

  /**
   * Begins to connect: to the place behind the proxy when that is `secure`, else to the proxy itself, which is then told
   * whole addresses.
   */
  constructor(proxy: URL, place: Place, user: WireUser) {
    this.#user = user;
    this.#outer = this.#socket = dial(proxy);
    this.opened = this.#open(proxy, place).catch((error: unknown) => {
      const closed = this.#isClosed;
      this.close();
      if (closed) return new Promise<never>(() => {});
      throw connectionError(error);
    });
  }

  get isDrained(): boolean {
    return this.#socket.writableLength === 0;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
    this.#outer.destroy();
  }

  rest(): void {
    this.#socket.setTimeout(MOST_REST_S * 1000);
    this.#outer.unref();
  }

  wake(): void {
    this.#socket.setTimeout(0);
    this.#outer.ref();
  }

  async #open(proxy: URL, place: Place): Promise<void> {
    await event(this.#socket, proxy.protocol === "https:" ? "secureConnect" : "connect");
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    if (place.secure) {
      await askForTunnel(this.#socket, proxy, place);
      const socket = tls.connect({ socket: this.#socket, servername: place.hostname, ALPNProtocols: ["http/1.1"] });
      this.#socket = unheard(socket);
      await event(socket, "secureConnect");
    }
    let failure: Error | undefined;
    this.#socket.on("data", (bytes: Buffer) => this.#user.came(bytes));
    this.#socket.on("timeout", () => this.#socket.destroy());
    this.#socket.on("error", (error) => (failure = error));
    this.#socket.on("close", () => {
      if (!this.#isClosed) this.#user.gone(failure);
      this.#isClosed = true;
    });
  }
}

function dial(proxy: URL): net.Socket {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const secure = proxy.protocol === "https:";
  const port = Number(proxy.port) || (secure ? 443 : 80);
  const named = net.isIP(host) === 0 ? { servername: host } : {};
  return unheard(secure ? tls.connect({ host, port, ...named }) : net.connect({ host, port }));
}

/** Whoever waits for an event hears of an error; between two events nobody listens, and an error unheard is a crash. */
function unheard<Socket extends net.Socket>(socket: Socket): Socket {
  return socket.on("error", () => {});
}

/** @throws ConnectionError EPROXY when the proxy does not open the way */
async function askForTunnel(socket: net.Socket, proxy: URL, { hostname, port }: Place): Promise<void> {
  const authority = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const login = proxyLogin(proxy);
  const proof = login === undefined ? "" : `proxy-authorization: ${login}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${proof}\r\n`);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    head += (await event<Uint8Array>(socket, "data")).toString();
    if (head.length > MOST_ANSWER_BYTES) break;
  }
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status?.startsWith("2") === true) return;
  const words = status === undefined ? "The proxy does not speak HTTP." : `The proxy answered ${status}.`;
  throw new ConnectionError("EPROXY", words);
}

/** The value of `proxy-authorization`; undefined for a proxy that wants none. */
export function proxyLogin({ username, password }: URL): string | undefined {
  if (username === "") return undefined;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(login).toString("base64")}`;
}

/** The next event of this name. @throws the socket's error, or ECONNRESET when it closes first */
function event<T = void>(socket: net.Socket, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (value: T): void => {
      leave();
      resolve(value);
    };
    const failed = (error?: unknown): void => {
      leave();
      reject(error instanceof Error ? error : new ConnectionError("ECONNRESET", "The proxy closed the connection."));
    };
    const leave = (): void => {
      socket.off(name, done).off("error", failed).off("close", failed);
    };
    socket.once(name, done).once("error", failed).once("close", failed);
  });
}
