/** A WebSocket of text messages, read as an async iterable. It ends on the other side's close, on ours and on an abort. */
import type { Abortable } from "./abort.ts";
import type { Clock } from "./clock.ts";

export interface SocketOptions {
  /** Sent with the handshake: Origin, Cookie, Authorization, User-Agent. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An http or https proxy; the proxy variables of the environment do not count for sockets. */
  readonly proxy?: string | undefined;
  /** Closes the socket at any moment; its reason is what waiters and readers are thrown. */
  readonly signal: Abortable;
  readonly clock: Clock;
  /** How long the handshake may take, ms; default 10,000. */
  readonly openMs?: number;
  /** A text sent again and again while the socket is open. */
  readonly heartbeat?: { readonly text: string; readonly everyMs: number };
  /** The longest message, and the most that may wait unread, in UTF-16 units; default 16 Mi. */
  readonly maxChars?: number;
}

export type SocketFault = "unreachable" | "refused" | "timeout" | "closed" | "too-large";

/** Why a socket did not open or did not stay open. The message names neither the address nor what was sent. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly fault: SocketFault;
  /** The HTTP status of a handshake that was refused. */
  readonly status: number | undefined;
  /** The close code: 1006 for a connection that just broke. */
  readonly code: number | undefined;

  constructor(fault: SocketFault, message: string, details: { status?: number; code?: number } = {}) {
    super(message);
    this.fault = fault;
    this.status = details.status;
    this.code = details.code;
  }
}

/**
 * An open socket. Each step gives the messages that came since the last one, in order. After `close` it ends; a close
 * by the other side, whatever its code, is thrown as a SocketError once the messages before it are read.
 */
export interface TextSocket extends AsyncIterable<readonly string[]> {
  /** Sends a text; does nothing on a closed socket. */
  send(text: string): void;
  /** What came and was not read yet, without waiting. */
  take(): readonly string[];
  /** Resolves when something waits to be taken. Rejects as a read would; never resolves after our own close. One at a time. */
  arrival(): Promise<void>;
  /** Closes with 1000. Does nothing the second time. */
  close(): void;
}

const OPEN_MS = 10_000;
const MAX_CHARS = 16 * 1024 * 1024;

/** Bun's constructor takes headers and a proxy, which the DOM's type does not know. */
const BunSocket = WebSocket as unknown as new (
  url: string,
  options: { headers?: Readonly<Record<string, string>>; proxy?: string; perMessageDeflate: boolean },
) => WebSocket & { terminate(): void };

/**
 * Opens a socket; resolves once it is open.
 * @throws SocketError unreachable, refused (with the status) or timeout; the signal's reason when it aborts
 */
export async function openSocket(url: string, options: SocketOptions): Promise<TextSocket> {
  options.signal.throwIfAborted();
  const line = new Line(url, options);
  await line.opened;
  return line;
}

class Line implements TextSocket {
  readonly opened: Promise<void>;
  readonly #socket: WebSocket & { terminate(): void };
  readonly #signal: Abortable;
  readonly #maxChars: number;
  #messages: string[] = [];
  #chars = 0;
  /** Set once nothing more will come: an error to throw, or "closed" after our own close. */
  #end: { readonly error: unknown } | "closed" | undefined;
  #wake = (): void => {};
  #settleOpen: { resolve(): void; reject(error: unknown): void };
  #cancelTimer: () => void;

  constructor(url: string, options: SocketOptions) {
    const { clock, signal, headers, proxy, heartbeat, openMs = OPEN_MS, maxChars = MAX_CHARS } = options;
    this.#signal = signal;
    this.#maxChars = maxChars;
    // A compressed message could unpack to more than its reader can hold.
    const socket = new BunSocket(url, {
      perMessageDeflate: false,
      ...(headers ? { headers } : {}),
      ...(proxy === undefined ? {} : { proxy }),
    });
    this.#socket = socket;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#settleOpen = { resolve, reject };
    this.#cancelTimer = clock.after(openMs, () =>
      this.#fail(new SocketError("timeout", `the socket did not open within ${openMs / 1000} s`)),
    );
    signal.addEventListener("abort", this.#abort);
    socket.addEventListener("open", () => {
      this.#cancelTimer();
      if (heartbeat) this.#beat(clock, heartbeat);
      resolve();
    });
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => this.#came(data));
    socket.addEventListener("error", (event) => this.#failedToOpen("message" in event ? String(event.message) : ""));
    socket.addEventListener("close", ({ code }) =>
      this.#fail(new SocketError("closed", `the socket was closed with code ${code}`, { code })),
    );
  }

  send(text: string): void {
    if (this.#end === undefined && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  take(): readonly string[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#chars = 0;
    return messages;
  }

  async arrival(): Promise<void> {
    for (;;) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (this.#messages.length > 0) return;
      if (this.#end !== undefined && this.#end !== "closed") throw this.#end.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    if (this.#end !== undefined) return;
    this.#finish("closed");
    this.#socket.close(1000);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly string[]> {
    try {
      for (;;) {
        if (this.#signal.aborted) throw this.#signal.reason;
        if (this.#messages.length > 0) yield this.take();
        else if (this.#end === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if (this.#end === "closed") return;
        else throw this.#end.error;
      }
    } finally {
      this.close();
    }
  }

  readonly #abort = (): void => this.#fail(this.#signal.reason);

  #came(data: unknown): void {
    if (this.#end !== undefined || typeof data !== "string") return;
    this.#chars += data.length;
    if (this.#chars > this.#maxChars) {
      const what = data.length > this.#maxChars ? "a message" : "the unread messages";
      this.#fail(new SocketError("too-large", `${what} grew over ${this.#maxChars} characters`));
      return;
    }
    this.#messages.push(data);
    this.#wake();
  }

  /** A handshake that failed tells its status only in words. */
  #failedToOpen(words: string): void {
    const status = /Expected 101 status code: (\d{3})/.exec(words)?.[1];
    if (status === undefined) this.#fail(new SocketError("unreachable", "the socket could not be opened"));
    else
      this.#fail(new SocketError("refused", `the socket was refused with HTTP ${status}`, { status: Number(status) }));
  }

  #fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#finish({ error });
    this.#settleOpen.reject(error);
    // An orderly close would wait for the other side's answer.
    this.#socket.terminate();
  }

  #finish(end: { readonly error: unknown } | "closed"): void {
    this.#end = end;
    this.#cancelTimer();
    this.#signal.removeEventListener("abort", this.#abort);
    this.#wake();
  }

  #beat(clock: Clock, heartbeat: { readonly text: string; readonly everyMs: number }): void {
    this.#cancelTimer = clock.after(heartbeat.everyMs, () => {
      this.send(heartbeat.text);
      this.#beat(clock, heartbeat);
    });
  }
}
