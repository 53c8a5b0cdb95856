import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../src/lib/log.ts";
import { openStore, type OpenedStore, type OpenOptions } from "../../src/store/open.ts";
import { VirtualClock } from "../virtual-clock.ts";

export const silent: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silent,
};

/** A data folder of its own with a virtual clock; everything opened through it is closed when it goes. */
export class DataFolder implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "sluice-store-"));
  readonly clock = new VirtualClock();
  readonly #opened: OpenedStore[] = [];

  file(name: string): string {
    return join(this.path, name);
  }

  get database(): string {
    return this.file("sluice.db");
  }

  async open(options: Partial<OpenOptions> = {}): Promise<OpenedStore> {
    const opened = await openStore({ dataDir: this.path, clock: this.clock, log: silent, ...options });
    this.#opened.push(opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { store } of this.#opened) await store.close();
    rmSync(this.path, { recursive: true });
  }
}

/** What a promise rejects with; fails when it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
