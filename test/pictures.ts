import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { pinnedGet, type PinnedGet } from "../src/lib/pinned-get.ts";

const bytes = (head: string, size: number): Buffer => Buffer.concat([Buffer.from(head, "latin1")], size);

export const PNG = bytes("\x89PNG\r\n\x1a\n", 40);
export const JPEG = bytes("\xff\xd8\xff\xe0", 40);
export const GIF = bytes("GIF89a", 40);
export const WEBP = bytes("RIFF\x20\0\0\0WEBPVP8 ", 40);
/** A public address; `dialled` stands it on this machine. */
export const PUBLIC = "93.184.216.34";

export interface Pictures extends AsyncDisposable {
  readonly port: number;
  /** Paths asked for, in order. */
  readonly asked: string[];
  /** Addresses that were to be connected to, in order. */
  readonly dialled: string[];
  /** Connects to this server whatever the address, which was judged by then. */
  readonly get: PinnedGet;
}

/** A server of pictures on this machine that pretends to stand on the public internet. */
export async function servePictures(listener: RequestListener): Promise<Pictures> {
  const asked: string[] = [];
  const dialled: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    dialled,
    get(url, options) {
      dialled.push(options.address);
      return pinnedGet(url, { ...options, address: "127.0.0.1" });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
