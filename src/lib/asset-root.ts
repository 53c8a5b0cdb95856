import { join } from "node:path";

/**
 * The folder that holds `public/`, `drizzle/` and `vendor/`: the repository's root when run from source, the read-only
 * tree inside the executable when compiled, where every module's `import.meta.dir` is that one virtual root.
 */
export const assetRoot: string = Bun.isStandaloneExecutable ? import.meta.dir : join(import.meta.dir, "..", "..");
