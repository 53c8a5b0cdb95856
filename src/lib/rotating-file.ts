import { appendFile, close, closeSync, fstat, ftruncate, mkdirSync, open, openSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Sink } from "./outlet.ts";

export interface RotatingFile {
  /** Absolute. Older files have `.1`, `.2` … behind it. */
  readonly path: string;
  /** About the largest size of one file. */
  readonly maxBytes: number;
  /** Files to keep, the current one included; at least 1. */
  readonly files: number;
}

/** Why a file cannot be appended to, as the system's code; undefined when it can. Its folder is made. */
export function appendTrouble(path: string): string | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true });
    closeSync(openSync(path, "a", 0o600));
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  }
}

/** Plain descriptors: the log is open as long as the process, and a FileHandle may not be left to the collector. */
const file = {
  open: promisify(open),
  size: async (descriptor: number) => (await promisify(fstat)(descriptor)).size,
  append: promisify(appendFile) as (descriptor: number, bytes: Uint8Array) => Promise<void>,
  truncate: promisify(ftruncate),
  close: promisify(close),
};

/**
 * A sink that appends to a file (mode 0600, its folder is made) and moves it aside when it is full. After a failure, such
 * as a full disk, it opens the file again at the next text.
 */
export function rotatingFile({ path, maxBytes, files }: RotatingFile): Sink {
  let descriptor: number | undefined;
  let size = 0;
  let torn = false; // a failed write may have left half a line

  const reopen = async (): Promise<number> => {
    await mkdir(dirname(path), { recursive: true });
    const opened = await file.open(path, "a", 0o600);
    size = await file.size(opened);
    return opened;
  };

  const rotate = async (): Promise<void> => {
    if (descriptor !== undefined) await file.close(descriptor);
    descriptor = undefined;
    for (let older = files - 1; older > 0; older--) {
      await rename(older === 1 ? path : `${path}.${older - 1}`, `${path}.${older}`).catch(ignoreMissing);
    }
  };

  const append = async (text: string): Promise<void> => {
    const bytes = Buffer.from(torn ? `\n${text}` : text);
    descriptor ??= await reopen();
    if (size > 0 && size + bytes.length > maxBytes) {
      await rotate();
      descriptor = await reopen();
      if (files === 1) {
        await file.truncate(descriptor, 0);
        size = 0;
      }
    }
    torn = true;
    await file.append(descriptor, bytes);
    torn = false;
    size += bytes.length;
  };

  const fail = async (error: unknown): Promise<Error> => {
    const broken = descriptor;
    descriptor = undefined;
    if (broken !== undefined) await file.close(broken).catch(ignoreClosed);
    return error instanceof Error ? error : new Error(String(error));
  };

  return (text, done) =>
    void append(text).then(
      () => done(),
      (error: unknown) => fail(error).then(done),
    );
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** A descriptor whose write failed is of no more use, however its closing ends. */
function ignoreClosed(): void {}
