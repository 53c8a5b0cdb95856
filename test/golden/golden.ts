import { expect } from "bun:test";
import { join } from "node:path";

/**
 * Compares a text with the golden file of that name below `test/golden/`. `GOLDEN=write bun test ...` writes the file
 * instead: read the difference before it is committed.
 */
export async function expectGolden(name: string, text: string): Promise<void> {
  const file = Bun.file(join(import.meta.dir, name));
  if (process.env.GOLDEN === "write") await file.write(text);
  expect(text).toBe(await file.text());
}
