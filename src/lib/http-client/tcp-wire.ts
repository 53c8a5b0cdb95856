/** Direct connections, over Bun's own sockets: their events run on the thread of the program. */
import {
  ConnectionError,
  connectionError,
  KEEP_ALIVE_MS,
  MOST_REST_S,
  type Place,
  type Wire,
  type WireUser,
} from "./wire.ts";

/** One for all sockets: each finds its wire in `data`. */
const HANDLERS: Bun.SocketHandler<TcpWire> = {
  open: (socket) => socket.data.connected(socket),
  handshake: (socket, isTrusted, error) => socket.data.shookHands(isTrusted, error),
  data: (socket, bytes) => socket.data.user.came(bytes),
  drain: (socket) => socket.data.drain(),
  timeout: (socket) => socket.terminate(),
  error: (socket, error) => socket.data.lost(error),
  close: (socket, error) => socket.data.lost(error),
  connectError() {}, // What `connect` gives rejects with it.
};

export class TcpWire implements Wire {
  readonly user: WireUser;
  readonly opened: Promise<void>;
  readonly #secure: boolean;
  #opening: PromiseWithResolvers<void> | undefined;
  #socket: Bun.Socket<TcpWire> | undefined;
  #unsent: Uint8Array | undefined;
  #isClosed = false;

  /** Begins to connect. */
  constructor({ hostname, port, secure }: Place, user: WireUser) {
    this.user = user;
    this.#secure = secure;
    const opening = Promise.withResolvers<void>();
    this.#opening = opening;
    this.opened = opening.promise;
    const options: Bun.TCPSocketConnectOptions<TcpWire> = {
      hostname,
      port,
      data: this,
      socket: HANDLERS,
      ...(secure ? { tls: { serverName: hostname, rejectUnauthorized: true, ALPNProtocols: "http/1.1" } } : {}),
    };
    Bun.connect(options).catch((error: unknown) => this.#fail(connectionError(error)));
  }

  get isDrained(): boolean {
    return this.#unsent === undefined;
  }

  connected(socket: Bun.Socket<TcpWire>): void {
    if (this.#isClosed) return socket.terminate();
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    if (!this.#secure) this.#stand();
  }

  shookHands(isTrusted: boolean, error: Error | null): void {
    if (isTrusted) this.#stand();
    else this.#fail(connectionError(error ?? new ConnectionError("EPROTO", "The TLS handshake failed.")));
  }

  write(bytes: Uint8Array): void {
    this.#unsent = this.#unsent ? Buffer.concat([this.#unsent, bytes]) : bytes;
    this.drain();
  }

  drain(): void {
    while (this.#unsent) {
      const sent = this.#socket?.write(this.#unsent) ?? -1;
      if (sent <= 0) return;
      this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(sent) : undefined;
    }
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#opening = undefined;
    this.#socket?.terminate();
  }

  rest(): void {
    this.#socket?.timeout(MOST_REST_S);
    this.#socket?.unref();
  }

  wake(): void {
    this.#socket?.timeout(0);
    this.#socket?.ref();
  }

  lost(error: Error | undefined): void {
    if (this.#isClosed) return;
    if (this.#opening) return this.#fail(connectionError(error ?? closedAtOnce()));
    this.#isClosed = true;
    this.user.gone(error);
  }

  #stand(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  #fail(error: ConnectionError): void {
    const opening = this.#opening;
    this.close();
    opening?.reject(error);
  }
}

function closedAtOnce(): ConnectionError {
  return new ConnectionError("ECONNRESET", "The connection was closed before it stood.");
}
