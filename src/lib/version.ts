import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assetRoot } from "./asset-root.ts";

/** Written into an executable by the build; not there when run from source. */
declare const BUILD_VERSION: string | undefined;

/** This program's version as in `package.json`, such as `0.1.0`. */
export const version: string = typeof BUILD_VERSION === "string" ? BUILD_VERSION : fromPackage();

function fromPackage(): string {
  const { version: stated } = JSON.parse(readFileSync(join(assetRoot, "package.json"), "utf8")) as { version: string };
  return stated;
}
