/**
 * An HTTP/1.1 server over raw TCP for the sims: parsed requests come in, and the answer's bytes leave exactly as told.
 *
 *     const server = await startRawHttp(async (exchange) => {
 *       await exchange.head(200, { "content-type": "text/event-stream" });
 *       await exchange.write("data: a");       // one chunk, one TCP segment
 *       await exchange.write("bc\n\n");
 *       exchange.end();                        // or cut() (FIN without the end mark), or reset() (RST)
 *     });
 *
 * Every write waits until the kernel took it (so a slow reader holds the sim back) and then lets the event loop turn,
 * so that a reader in this process sees two writes as two reads. A handler that returns without ending its exchange
 * leaves the socket open, silent, until the client goes or the server stops; one that throws fails `stop()`.
 */
import { createServer, type Server, type Socket } from "node:net";

const turnLoop = globalThis.setImmediate;

/** One parsed request. Header names are in lower case; `body` is the whole body, chunked or not. */
export type RawRequest = {
  method: string;
  /** The request target as sent, with its query. */
  target: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  body: Buffer;
};

/** Text as UTF-8 bytes; bytes as they are. */
export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}

/** How the end of a body is marked: the zero chunk, the end of the connection, or the caller's own content-length. */
export type Framing = "chunked" | "close" | "length";

/** One request and its answer. Writing after the client left does nothing. */
export class Exchange {
  /** Resolves when nothing more can be sent: the answer is over, or the client hung up. */
  readonly closed: Promise<void>;
  /** The client closed the connection before the answer was over. */
  hungUp = false;
  /** Body bytes handed to the kernel so far. */
  bytesWritten = 0;
  #framing: Framing = "chunked";
  #over = false;
  #close: () => void;
  #lost = () => {
    this.hungUp = true;
    this.#finish();
  };

  constructor(
    readonly request: RawRequest,
    readonly socket: Socket,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#close = resolve;
    socket.once("close", this.#lost);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Writes status line and headers; the headers for `framing` are added, any other header is the caller's. */
  head(status: number, headers: Record<string, string> = {}, framing: Framing = "chunked"): Promise<void> {
    this.#framing = framing;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    if (framing === "chunked") lines.push("transfer-encoding: chunked\r\n");
    if (framing === "close") lines.push("connection: close\r\n");
    return this.raw(`HTTP/1.1 ${status} Sim\r\n${lines.join("")}\r\n`);
  }

  /** Writes body bytes in one go: one HTTP chunk when the framing is chunked. Empty bytes write nothing. */
  async write(bytes: string | Uint8Array): Promise<void> {
    const body = bytesOf(bytes);
    if (body.length === 0) return;
    this.bytesWritten += body.length;
    if (this.#framing !== "chunked") return this.raw(body);
    await this.raw(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]));
  }

  /** Writes bytes to the socket with no framing at all. */
  async raw(bytes: string | Uint8Array): Promise<void> {
    if (this.#over) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.write(bytes, () => resolve());
    await Promise.race([promise, this.closed]);
    await new Promise<void>((resume) => turnLoop(resume));
  }

  /** A whole answer with its content-length. */
  async answer(status: number, headers: Record<string, string>, body: string | Uint8Array): Promise<void> {
    const bytes = bytesOf(body);
    await this.head(status, { ...headers, "content-length": String(bytes.length) }, "length");
    await this.write(bytes);
    this.end();
  }

  /** Ends the answer properly; the connection lives on unless the framing is `close`. */
  end(): void {
    if (this.#over) return;
    if (this.#framing === "chunked") this.socket.write("0\r\n\r\n");
    this.#finish();
    if (this.#framing === "close") this.socket.end();
  }

  /** Closes the connection with FIN, without any end mark. */
  cut(): void {
    this.#finish();
    this.socket.end();
  }

  /** Closes the connection with RST. */
  reset(): void {
    this.#finish();
    this.socket.resetAndDestroy();
  }

  #finish(): void {
    this.#over = true;
    this.socket.off("close", this.#lost);
    this.#close();
  }
}

/** A running server. `connections` counts open sockets. */
export type RawServer = {
  url: string;
  connections(): number;
  /** Drops every connection and frees the port. Throws what a handler threw. */
  stop(): Promise<void>;
};

/** Starts a server on 127.0.0.1 at a free port. Requests of one connection are handled one after another. */
export async function startRawHttp(handle: (exchange: Exchange) => Promise<void> | void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const faults: unknown[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const inbox = new Inbox();
    socket.on("data", (bytes: Buffer) => inbox.push(bytes));
    // A reset by the client is an ordinary hang-up here; "close" follows and tells the exchange.
    socket.on("error", () => inbox.close());
    socket.on("close", () => {
      sockets.delete(socket);
      inbox.close();
    });
    serveConnection(socket, inbox, handle).catch((fault: unknown) => {
      faults.push(fault);
      socket.destroy();
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => sockets.size,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      if (faults.length > 0) throw faults[0];
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address.port);
    });
  });
}

async function serveConnection(
  socket: Socket,
  inbox: Inbox,
  handle: (exchange: Exchange) => Promise<void> | void,
): Promise<void> {
  for (;;) {
    const request = await readRequest(inbox);
    if (!request) return;
    const exchange = new Exchange(request, socket);
    await handle(exchange);
    await exchange.closed;
  }
}

async function readRequest(inbox: Inbox): Promise<RawRequest | undefined> {
  const head = await inbox.through("\r\n\r\n");
  if (!head) return undefined;
  const [first = "", ...lines] = head.toString("latin1").trimEnd().split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const body = headers["transfer-encoding"]
    ? await readChunks(inbox)
    : await inbox.take(Number(headers["content-length"] ?? 0));
  if (!body) return undefined;
  const { pathname, searchParams } = new URL(target, "http://sim");
  return { method, target, path: pathname, query: searchParams, headers, body };
}

async function readChunks(inbox: Inbox): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (;;) {
    const line = await inbox.through("\r\n");
    const size = line && Number.parseInt(line.toString("latin1"), 16);
    if (size === undefined) return undefined;
    const part = await inbox.take(size);
    if (!part || !(await inbox.take(2))) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(part);
  }
}

/** Received bytes, waiting to be read. Reads give undefined once the connection closed before enough came. */
class Inbox {
  #held: Buffer[] = [];
  #size = 0;
  #closed = false;
  #wake = () => {};

  push(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#size += bytes.length;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async take(count: number): Promise<Buffer | undefined> {
    while (this.#size < count) if (!(await this.#more())) return undefined;
    const all = Buffer.concat(this.#held);
    this.#held = [all.subarray(count)];
    this.#size = all.length - count;
    return all.subarray(0, count);
  }

  async through(mark: string): Promise<Buffer | undefined> {
    for (;;) {
      const all = Buffer.concat(this.#held);
      this.#held = [all];
      const at = all.indexOf(mark);
      if (at >= 0) return this.take(at + mark.length);
      if (!(await this.#more())) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    if (this.#closed) return false;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    return !this.#closed || this.#size > 0;
  }
}
