/** A connection's bytes, however they travel: the part of a socket that HTTP needs. */
export interface Wire {
  /** Resolves when bytes can be written. Rejects with a ConnectionError; closing it meanwhile leaves it pending. */
  readonly opened: Promise<void>;
  /** Everything written has been handed to the system. */
  readonly isDrained: boolean;
  write(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Closes at once; its user is told nothing any more. */
  close(): void;
  /** Nothing is under way: it closes by itself after a while and does not keep the process alive. */
  rest(): void;
  /** The opposite of `rest`. */
  wake(): void;
}

/** Who is told what happens to an open wire. */
export interface WireUser {
  came(bytes: Buffer): void;
  /** The wire is gone, with an error unless the other end closed it properly. Told once. */
  gone(error: Error | undefined): void;
}

/** Where a wire leads. */
export interface Place {
  /** A name or an address, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** TLS, with the certificate and the name in it checked. */
  readonly secure: boolean;
}

/** How a connection failed. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** As the system or TLS names it: `ECONNREFUSED`, `CERT_HAS_EXPIRED`; or one of ours: `EPROXY`, `EHTTP`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Any failure of a socket as a ConnectionError. */
export function connectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return new ConnectionError(typeof code === "string" ? code : "", String(message ?? error), { cause: error });
}

/** How long a wire may rest, s. */
export const MOST_REST_S = 120;
/** A peer that vanished is noticed after about so long, ms. */
export const KEEP_ALIVE_MS = 60_000;
