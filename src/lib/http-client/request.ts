import type { UpstreamInit } from "../fetch.ts";
import type { Route } from "./connection.ts";
import { headerLines } from "./head.ts";
import { proxyLogin } from "./proxy-wire.ts";
import { CODINGS } from "./unpack.ts";
import type { Place } from "./wire.ts";

/** A request, ready to be sent. */
export interface UpstreamRequest {
  readonly route: Route;
  /** Head and body. */
  readonly bytes: Uint8Array;
}

/** What an address says before its path; the same few come with each call. */
interface Origin {
  readonly url: URL;
  readonly place: Place;
  /** For the Host header. */
  readonly host: string;
}

const MOST_ORIGINS = 1000;
const origins = new Map<string, Origin>();

const ORIGIN = /^https?:\/\/[^/?#\\]*/i;
/** A path that stands as it is written; any other is written anew. */
const PLAIN_PATH = /^\/[\x21\x24-\x3b\x3d\x3f-\x5a\x5f\x61-\x7a~]*$/;
const ASCII = /^[\0-\x7f]*$/;

/**
 * @param proxyOf the proxy for an address
 * @throws TypeError for what is no http(s) address; ConnectionError EHTTP for a header that cannot be sent
 */
export function requestTo(
  url: string,
  { method = "GET", headers = {}, body }: UpstreamInit,
  proxyOf?: (target: URL) => string | undefined,
): UpstreamRequest {
  const [start = ""] = ORIGIN.exec(url) ?? [];
  const origin = originOf(start);
  const proxyUrl = proxyOf?.(origin.url);
  const proxy = proxyUrl === undefined ? undefined : new URL(proxyUrl);
  const path = pathOf(url, start.length);
  const asksProxy = proxy !== undefined && !origin.place.secure;

  let head = `${method} ${asksProxy ? origin.url.origin + path : path} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  head += headerLines(headers);
  if (headers["user-agent"] === undefined) head += "user-agent: sluice\r\n";
  if (headers["accept"] === undefined) head += "accept: */*\r\n";
  if (headers["accept-encoding"] === undefined) head += `accept-encoding: ${CODINGS}\r\n`;
  const login = asksProxy ? proxyLogin(proxy) : undefined;
  if (login !== undefined) head += `proxy-authorization: ${login}\r\n`;
  if (body !== undefined || method !== "GET") {
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
    head += `content-length: ${bytes}\r\n`;
  }
  head += "connection: keep-alive\r\n\r\n";
  return { route: { place: origin.place, proxy }, bytes: bytesOf(head, body) };
}

function bytesOf(head: string, body: string | Uint8Array = ""): Uint8Array {
  // A header's letters beyond ASCII are one byte each, which is not how a text is sent.
  if (typeof body === "string" && ASCII.test(head)) return Buffer.from(head + body);
  return Buffer.concat([Buffer.from(head, "latin1"), bytesOfBody(body)]);
}

function bytesOfBody(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}

function pathOf(url: string, start: number): string {
  const path = url.slice(start);
  if (PLAIN_PATH.test(path)) return path;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function originOf(text: string): Origin {
  let origin = origins.get(text);
  if (origin) return origin;
  const url = new URL(text);
  const secure = url.protocol === "https:";
  const place = {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
  };
  origin = { url, place, host: url.host };
  if (origins.size >= MOST_ORIGINS) origins.clear();
  origins.set(text, origin);
  return origin;
}
