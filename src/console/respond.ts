import type { Html } from "./html.ts";

/** Every byte comes from this server, no script or style stands inline, and nobody frames a page. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  // Not "no-referrer": with it browsers send `Origin: null` on our own forms.
  "referrer-policy": "same-origin",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
};

const COMPRESS_FROM_BYTES = 1024;

export interface ResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Set-Cookie` values. */
  readonly cookies?: readonly string[];
}

/** A page or fragment. It is made for one operator at one moment and is never kept by a cache. */
export function respond(request: Request, markup: Html, options: ResponseOptions = {}): Response {
  const headers = headersOf(options);
  headers.set("content-type", "text/html; charset=utf-8");
  headers.set("cache-control", "no-store");
  headers.set("vary", "accept-encoding, accept-language, cookie");
  const body = compress(request, Buffer.from(markup.text), headers);
  return new Response(body, { status: options.status ?? 200, headers });
}

/** Sends the browser on with a GET. `location` is an absolute path of ours. */
export function redirect(location: string, options: ResponseOptions = {}): Response {
  const headers = headersOf(options);
  headers.set("location", location);
  headers.set("cache-control", "no-store");
  return new Response(null, { status: 303, headers });
}

/** Compresses a body if the browser takes it and it is worth it; sets the header that says so. */
export function compress(request: Request, body: Uint8Array, headers: Headers): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(body);
  if (bytes.length < COMPRESS_FROM_BYTES || !/\bgzip\b/.test(request.headers.get("accept-encoding") ?? ""))
    return bytes;
  headers.set("content-encoding", "gzip");
  return Bun.gzipSync(bytes);
}

function headersOf({ headers, cookies = [] }: ResponseOptions): Headers {
  const all = new Headers({ ...SECURITY_HEADERS, ...headers });
  for (const cookie of cookies) all.append("set-cookie", cookie);
  return all;
}
