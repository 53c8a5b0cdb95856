import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../src/config.ts";
import { startGateway } from "../gateway.ts";

test.each([
  ["is not there", undefined],
  ["is no JSON", "oops"],
  ["has no rows", "[]"],
])("a file of LangFast models that %s stops the start by the name of its setting", async (_, text) => {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const path = join(dataDir, "models.json");
  try {
    if (text !== undefined) await Bun.write(path, text);
    const error = await startGateway({ env: { LANGFAST_MODELS: path }, dataDir }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(/LANGFAST_MODELS: .*Allowed: /);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
