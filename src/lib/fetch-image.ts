/** Fetches an image that a client named by its address: the rule against requests forged through the gateway. */
import type { IncomingMessage } from "node:http";
import { orAborted } from "./abort.ts";
import type { Clock } from "./clock.ts";
import { imageType, type ImageType } from "./image-type.ts";
import { pinnedGet, type PinnedGet } from "./pinned-get.ts";
import { AddressRefused, type Lookup, publicAddresses } from "./public-address.ts";

export interface FetchedImage {
  readonly mediaType: ImageType;
  readonly bytes: Buffer;
}

/**
 * @throws ImageRefused when the address gives no image that may be used, and the signal's reason as soon as it aborts
 */
export type FetchImage = (url: string, signal: AbortSignal) => Promise<FetchedImage>;

/** `message` says why, fit for a client: it names hosts, never a path or query, which may carry secrets. */
export class ImageRefused extends Error {
  override readonly name = "ImageRefused";
}

export interface FetchImageOptions {
  readonly clock: Clock;
  /** Default: the system's resolver. */
  readonly lookup?: Lookup | undefined;
  readonly get?: PinnedGet | undefined;
}

const MOST_BYTES = 10 * 1024 * 1024;
const MOST_REDIRECTS = 3;
/** For names, connections, redirects and bytes together. */
const DEADLINE_MS = 10_000;
const HEADERS = { accept: "image/png, image/jpeg, image/gif, image/webp", "accept-encoding": "identity" };

/**
 * A fetch that reaches public addresses only. Each name is resolved once, and the connection goes to an address that was
 * checked; a redirect is a new name. It sends no credentials and goes through no proxy, which would resolve by itself.
 */
export function createFetchImage({ clock, lookup, get = pinnedGet }: FetchImageOptions): FetchImage {
  const follow = async (address: string, signal: AbortSignal): Promise<FetchedImage> => {
    let url = readAddress(address);
    for (let redirects = 0; ; redirects++) {
      const response = await open(url, signal);
      const location = locationOf(response);
      if (location === undefined) return read(response, url.host);
      response.destroy();
      if (redirects === MOST_REDIRECTS)
        throw new ImageRefused(`${url.host} redirects more than ${MOST_REDIRECTS} times`);
      url = readAddress(location, url);
    }
  };

  const open = async (url: URL, signal: AbortSignal): Promise<IncomingMessage> => {
    let failure: unknown;
    for (const address of await addressesOf(url, lookup)) {
      signal.throwIfAborted();
      try {
        return await get(url, { address, headers: HEADERS, signal });
      } catch (error) {
        failure = error;
      }
    }
    throw new ImageRefused(wordsFor(failure, url.host), { cause: failure });
  };

  return async (address, signal) => {
    const deadline = new AbortController();
    const late = new ImageRefused(`it did not arrive within ${DEADLINE_MS / 1000} s`);
    const cancel = clock.after(DEADLINE_MS, () => deadline.abort(late));
    const either = AbortSignal.any([signal, deadline.signal]);
    try {
      // A look-up cannot be stopped, only left.
      return await orAborted(follow(address, either), either);
    } finally {
      cancel();
    }
  };
}

/** @param base the address that redirects to this one */
function readAddress(text: string, base?: URL): URL {
  const url = URL.parse(text, base);
  const where = base ? `${base.host} redirects to an address that` : "its address";
  if (!url || !/^https?:$/.test(url.protocol)) throw new ImageRefused(`${where} is not http:// or https://`);
  if (url.username || url.password) throw new ImageRefused(`${where} holds a user name or password`);
  return url;
}

/** IPv4 first: many a container has an IPv6 address and no way out. */
async function addressesOf({ hostname }: URL, lookup: Lookup | undefined): Promise<readonly string[]> {
  try {
    const addresses = await publicAddresses(hostname, lookup);
    return addresses.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
  } catch (error) {
    const words = error instanceof AddressRefused ? error.message.replace(/\.$/, "") : `${hostname} cannot be resolved`;
    throw new ImageRefused(words, { cause: error });
  }
}

function locationOf({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode) ? headers.location : undefined;
}

async function read(response: IncomingMessage, host: string): Promise<FetchedImage> {
  const refuse = (why: string): ImageRefused => {
    response.destroy();
    return new ImageRefused(why);
  };
  if (response.statusCode !== 200) throw refuse(`${host} answered with status ${response.statusCode}`);
  const tooLarge = `it is larger than ${MOST_BYTES / 1024 / 1024} MiB`;
  if (Number(response.headers["content-length"] ?? 0) > MOST_BYTES) throw refuse(tooLarge);
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      size += piece.length;
      if (size > MOST_BYTES) throw refuse(tooLarge);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof ImageRefused) throw error;
    throw new ImageRefused(`${host} broke off in the middle of it`, { cause: error });
  }
  const bytes = Buffer.concat(pieces, size);
  const mediaType = imageType(bytes);
  if (!mediaType) throw new ImageRefused(`what ${host} sends is no PNG, JPEG, GIF or WebP image`);
  return { mediaType, bytes };
}

function wordsFor(error: unknown, host: string): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const isCertificate = /CERT|TLS|SSL|SELF_SIGNED/.test(code);
  return isCertificate ? `the certificate of ${host} is not valid` : `${host} cannot be reached`;
}
