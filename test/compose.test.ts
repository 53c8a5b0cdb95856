import { expect, test } from "bun:test";
import { join } from "node:path";

interface Compose {
  readonly services: Record<
    string,
    { readonly ports: readonly string[]; readonly environment: Record<string, string> }
  >;
}

test("with compose the NGINX_PORT of an older .env goes on being the port of the machine, at the port of the image", async () => {
  const text = await Bun.file(join(import.meta.dir, "..", "docker-compose.yml")).text();
  const { sluice } = (Bun.YAML.parse(text) as Compose).services;
  expect(sluice?.ports).toEqual([`\${NGINX_PORT:-8000}:${sluice?.environment["PORT"]}`]);
});
