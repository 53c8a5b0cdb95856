import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Operator } from "../admin/routes.ts";
import type { Config } from "../config.ts";
import { isObject, parseJson } from "../lib/json.ts";
import { NotServing, remoteOperator, type Serving } from "./remote.ts";

/** In the data folder, mode 0600, for as long as a process serves: a `Serving` as JSON. */
export const TOKEN_FILE = "sluice.token";

/** A data folder opened by this process itself. */
export interface LocalOperator {
  readonly admin: Operator;
  close(): Promise<void>;
}

/** The process that serves this data folder, as far as its token file tells; it may be gone. */
export function servingProcess(dataDir: string): Serving | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, TOKEN_FILE), "utf8");
  } catch {
    return undefined; // no file, no folder or not ours to read: opening the folder will say which
  }
  const parsed = parseJson(text);
  if (!parsed.ok || !isObject(parsed.value)) return undefined;
  const { url, token, pid } = parsed.value;
  if (typeof url !== "string" || typeof token !== "string" || typeof pid !== "number") return undefined;
  return { url: url.replace(/\/+$/, ""), token, pid };
}

/**
 * Runs `work` against the process that serves the data folder, or else against the folder itself. `work` may be run a
 * second time when the first did not reach anybody.
 * @param work its second argument is the serving process; undefined means that none serves
 */
export async function operate<T>(
  config: Config,
  openLocal: (config: Config) => Promise<LocalOperator>,
  work: (operator: Operator, serving: Serving | undefined) => Promise<T>,
): Promise<T> {
  const serving = servingProcess(config.data.dataDir);
  if (serving) {
    try {
      return await work(remoteOperator(serving), serving);
    } catch (error) {
      if (!(error instanceof NotServing)) throw error;
    }
  }
  const local = await openLocal(config);
  try {
    return await work(local.admin, undefined);
  } finally {
    await local.close();
  }
}
