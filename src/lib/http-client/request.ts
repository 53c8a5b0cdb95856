import type { UpstreamInit } from "../fetch.ts";
import { routeOf, type Route } from "./connection.ts";
import { proxyLogin } from "./proxy-wire.ts";
import { CODINGS } from "./unpack.ts";
import { ConnectionError, type Place } from "./wire.ts";

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
  /** Without a proxy. */
  readonly direct: Route;
}

/** How many origins and names of headers are remembered. */
const MOST_REMEMBERED = 1000;
const origins = new Map<string, Origin>();
const goodNames = new Set<string>();

const ORIGIN = /^https?:\/\/[^/?#\\]*/i;
/** A path that stands as it is written; any other is written anew. */
const PLAIN_PATH = /^\/[\x21\x24-\x3b\x3d\x3f-\x5a\x5f\x61-\x7a~]*$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What would end a header's line, stands for no letter, or cannot be written in one byte. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

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
  const proxy = proxyOf?.(origin.url);
  const route = proxy === undefined ? origin.direct : routeOf(origin.place, new URL(proxy));
  const path = pathOf(url, start.length);
  const asked = route.proxy && !origin.place.secure ? origin.url.origin + path : path;

  let head = `${method} ${asked} HTTP/1.1\r\nhost: ${origin.url.host}\r\n`;
  for (const name in headers) head += headerLine(name, headers[name] ?? "");
  if (headers["user-agent"] === undefined) head += "user-agent: sluice\r\n";
  if (headers["accept"] === undefined) head += "accept: */*\r\n";
  if (headers["accept-encoding"] === undefined) head += `accept-encoding: ${CODINGS}\r\n`;
  if (route.proxy && !origin.place.secure) {
    const login = proxyLogin(route.proxy);
    if (login !== undefined) head += `proxy-authorization: ${login}\r\n`;
  }
  const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
  if (body !== undefined || method !== "GET") head += `content-length: ${bodyBytes}\r\n`;
  head += "connection: keep-alive\r\n\r\n";

  // A header's letters beyond ASCII are one byte each, which a body's are not.
  const bytes = Buffer.allocUnsafe(head.length + bodyBytes);
  bytes.write(head, "latin1");
  if (typeof body === "string") bytes.write(body, head.length, "utf8");
  else if (body) bytes.set(body, head.length);
  return { route, bytes };
}

function headerLine(name: string, value: string): string {
  if (!goodNames.has(name)) {
    if (!HEADER_NAME.test(name)) throw unsendable();
    if (goodNames.size >= MOST_REMEMBERED) goodNames.clear();
    goodNames.add(name);
  }
  if (UNSENDABLE.test(value)) throw unsendable();
  return `${name}: ${value}\r\n`;
}

function unsendable(): ConnectionError {
  return new ConnectionError("EHTTP", "A header of the request cannot be sent.");
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
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const place = { hostname, port: Number(url.port) || (secure ? 443 : 80), secure };
  origin = { url, place, direct: routeOf(place, undefined) };
  if (origins.size >= MOST_REMEMBERED) origins.clear();
  origins.set(text, origin);
  return origin;
}
