import { copyFile, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where each served package file comes from, below `node_modules/`, and its place below the git-ignored `vendor/`. */
const FILES: Readonly<Record<string, string>> = {
  "htmx.org/dist/htmx.min.js": "htmx/htmx.min.js",
  "htmx.org/dist/ext/hx-sse.min.js": "htmx/hx-sse.min.js",
  "htmx.org/LICENSE": "htmx/LICENSE",
  "swagger-ui-dist/swagger-ui.css": "swagger-ui/swagger-ui.css",
  "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
  "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt": "swagger-ui/swagger-ui-bundle.js.LICENSE.txt",
  "swagger-ui-dist/LICENSE": "swagger-ui/LICENSE",
  "swagger-ui-dist/NOTICE": "swagger-ui/NOTICE",
};

const repository = join(import.meta.dir, "..", "..");

/** Copies the files that pages load out of `node_modules/` into `vendor/`; a copy as new and as long as its source stays. */
export async function vendor(): Promise<void> {
  await Promise.all(
    Object.entries(FILES).map(async ([from, to]) => {
      const source = join(repository, "node_modules", from);
      const target = join(repository, "vendor", to);
      if (await isCurrent(source, target)) return;
      await mkdir(dirname(target), { recursive: true });
      await copyFile(source, target);
    }),
  );
}

async function isCurrent(source: string, target: string): Promise<boolean> {
  if (!(await Bun.file(target).exists())) return false;
  const [original, copy] = await Promise.all([stat(source), stat(target)]);
  return copy.size === original.size && copy.mtimeMs >= original.mtimeMs;
}

if (import.meta.main) await vendor();
