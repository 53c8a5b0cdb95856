import type { UpstreamInit } from "../fetch.ts";
import { routeOf, type Route } from "./connection.ts";
import { headerLines } from "./header-lines.ts";
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
  /** As it is written in addresses. */
  readonly text: string;
  readonly url: URL;
  /** For the `host` line. */
  readonly host: string;
  readonly place: Place;
  /** Without a proxy. */
  readonly direct: Route;
}

/** How many origins are remembered. */
const MOST_ORIGINS = 1000;
const origins = new Map<string, Origin>();

const ORIGIN = /^https?:\/\/[^/?#\\]*/i;
/** A path that stands as it is written; any other is written anew. */
const PLAIN_PATH = /^\/[\x21\x24-\x3b\x3d\x3f-\x5a\x5f\x61-\x7a~]*$/;

/**
 * @param proxyOf the proxy for an address
 * @throws TypeError for what is no http(s) address; ConnectionError EHTTP for a header that cannot be sent
 */
export function requestTo(
  url: string,
  { method = "GET", standing, headers = {}, body }: UpstreamInit,
  proxyOf?: (target: URL) => string | undefined,
): UpstreamRequest {
  const origin = originOf(url);
  const proxy = proxyOf?.(origin.url);
  const route = proxy === undefined ? origin.direct : routeOf(origin.place, new URL(proxy));
  const path = pathOf(url, origin.text.length);
  const forwarder = origin.place.secure ? undefined : route.proxy;

  let head = `${method} ${forwarder ? origin.url.origin + path : path} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  if (standing) head += standing.lines;
  head += headerLines(headers);
  const lacks = (name: string) => headers[name] === undefined && !standing?.has(name);
  if (lacks("user-agent")) head += "user-agent: sluice\r\n";
  if (lacks("accept")) head += "accept: */*\r\n";
  if (lacks("accept-encoding")) head += `accept-encoding: ${CODINGS}\r\n`;
  const login = forwarder && proxyLogin(forwarder);
  if (login !== undefined) head += `proxy-authorization: ${login}\r\n`;
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

function pathOf(url: string, start: number): string {
  const path = url.slice(start);
  if (PLAIN_PATH.test(path)) return path;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function originOf(address: string): Origin {
  // Where the path of a usual address begins. Only what is an origin to the letter is remembered.
  const slash = address.indexOf("/", "https://".length);
  let origin = origins.get(slash < 0 ? address : address.slice(0, slash));
  if (origin) return origin;
  const [text = ""] = ORIGIN.exec(address) ?? [];
  const url = new URL(text);
  const secure = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const place = { hostname, port: Number(url.port) || (secure ? 443 : 80), secure };
  origin = { text, url, host: url.host, place, direct: routeOf(place, undefined) };
  if (origins.size >= MOST_ORIGINS) origins.clear();
  origins.set(text, origin);
  return origin;
}
