import { type AnyElysia, Elysia } from "elysia";
import { ANY_HOST } from "./any-host.ts";

export interface LazyFilesOptions {
  /** The folder; what lies below its own folders is not served. */
  readonly assets: string;
  /** Where its files stand, such as `/docs/assets`. */
  readonly prefix: string;
  /** True to name each version of a file, by a hash of it. */
  readonly etag: boolean;
  readonly headers: Record<string, string>;
  /** What `cache-control` says, unless `headers` does. */
  readonly directive?: "no-cache";
}

/** Serves the files that a folder has now. Nothing reads or hashes them before the first request for one of them. */
export function lazyFiles({ assets, prefix, ...options }: LazyFilesOptions) {
  let files: Promise<AnyElysia> | undefined;
  const load = async (): Promise<AnyElysia> => {
    const { staticPlugin } = await import("@elysiajs/static");
    const files = await staticPlugin({ ...options, assets, prefix, maxAge: null, alwaysStatic: true, silent: true });
    return new Elysia({ handler: ANY_HOST }).use(files);
  };
  const app = new Elysia();
  for (const name of new Bun.Glob("*").scanSync(assets)) {
    app.get(`${prefix}/${name}`, ({ request }) => (files ??= load()).then((loaded) => loaded.handle(request)));
  }
  return app;
}
