import { join } from "node:path";
import { Elysia } from "elysia";
import { lazyFiles } from "../lib/lazy-files.ts";
import { compress, SECURITY_HEADERS } from "./respond.ts";

/** Browsers ask each time whether a file is still the same, so that an update shows at once. */
const OPTIONS = {
  etag: true,
  directive: "no-cache",
  headers: { ...SECURITY_HEADERS, vary: "accept-encoding" },
} as const;

/** `public/` and htmx under `/console/assets`, with ETag, compressed for browsers that take it. */
export function createAssets(assetRoot: string): Elysia {
  const own = lazyFiles({ ...OPTIONS, assets: join(assetRoot, "public"), prefix: "/console/assets" });
  const htmx = lazyFiles({ ...OPTIONS, assets: join(assetRoot, "vendor", "htmx"), prefix: "/console/assets/htmx" });
  const packed = new Map<string, Response>();
  const app = new Elysia({ name: "console-assets" }).onAfterHandle(async ({ request, response }) => {
    if (!(response instanceof Response) || response.status !== 200) return undefined;
    const key = `${new URL(request.url).pathname} ${response.headers.get("etag")}`;
    const known = packed.get(key);
    if (known !== undefined && request.headers.get("accept-encoding")?.includes("gzip")) return known.clone();
    const bytes = new Uint8Array(await response.clone().arrayBuffer());
    const compressed = new Response(compress(request, bytes, response.headers), { headers: response.headers });
    if (response.headers.has("content-encoding")) packed.set(key, compressed.clone());
    return compressed;
  });
  return app.use(own).use(htmx) as unknown as Elysia;
}
