/** Bodies that came compressed. They are unpacked as they are read: what a few bytes can grow into waits for its reader. */
import { Readable, pipeline, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { UpstreamBody } from "../fetch.ts";
import { ConnectionError } from "./wire.ts";

/** The codings that are understood, as `accept-encoding` names them. */
export const CODINGS = "gzip, deflate, br, zstd";

const UNPACKERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

/**
 * The body without its coding; one in a coding that is not known comes as it is.
 * @param coding the value of `content-encoding`
 */
export function unpacked(body: UpstreamBody, coding: string): UpstreamBody {
  const unpack = UNPACKERS[coding.trim().toLowerCase()]?.();
  if (!unpack) return body;
  pipeline(Readable.from(piecesOf(body)), unpack, () => {}); // The reader meets what fails.
  const pieces = unpack[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const read = async (): Promise<Uint8Array | undefined> => {
    try {
      const { value, done } = await pieces.next();
      return done ? undefined : value;
    } catch (error) {
      const { code } = error as { code?: string };
      throw code?.startsWith("Z_") ? new ConnectionError("EHTTP", "The answer cannot be unpacked.") : error;
    }
  };
  return {
    read,
    readBy(reader) {
      read().then(
        (bytes) => reader.came(bytes),
        (error: unknown) => reader.failed(error),
      );
    },
    rest: () => undefined,
    cancel() {
      unpack.destroy();
      body.cancel();
    },
  };
}

async function* piecesOf(body: UpstreamBody): AsyncGenerator<Uint8Array> {
  for (let piece = await body.read(); piece; piece = await body.read()) yield piece;
}
