import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";

/** How many files and sockets the system lets this process open at once; Infinity where it does not say. */
export function mostOpenFiles(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity; // Only Linux says it in a file.
  }
}

/** Whether this process has used up what it may open. It tries, so ask only when something failed. */
export function isOutOfFiles(): boolean {
  try {
    closeSync(openSync(devNull, "r"));
    return false;
  } catch (error) {
    return /^E[MN]FILE$/.test(String((error as { code?: unknown }).code));
  }
}
