import { expect, test } from "bun:test";
import { Glob } from "bun";
import { join, posix } from "node:path";

const source = join(import.meta.dir, "..", "src");

/** Ports any room above the store and the providers may name: an interface, never the code behind it. */
const STORE = "store/store.ts";
const PROVIDER = "providers/provider.ts";

/**
 * The house's import table: what the files of a place may import besides their own folder. A place or an entry that ends in
 * `/` is a folder with all below it, one that ends in `/*` only the files directly in it, anything else one file. A file
 * keeps the rule of the first place that it is in. Type-only imports count: a type is knowledge too.
 */
const TABLE: readonly (readonly [place: string, mayImport: readonly string[]])[] = [
  ["main.ts", ["relaunch.ts", "start.ts"]],
  ["relaunch.ts", []],
  ["start.ts", ["/"]],
  ["app.ts", ["/"]],
  ["app/", ["/"]],
  ["config.ts", ["config/", "lib/"]],
  ["config/", ["lib/"]],
  ["tools/", ["lib/"]],
  ["chat/", []],
  ["lib/", []],
  ["wire/", []],
  ["dialects/index.ts", ["dialects/"]],
  ["dialects/*", ["chat/", "lib/", "wire/"]],
  ["dialects/", ["chat/", "lib/", "wire/", "dialects/*"]],
  ["providers/index.ts", ["providers/"]],
  ["providers/*", ["chat/", "lib/", "wire/"]],
  ["providers/", ["chat/", "lib/", "wire/", "providers/*"]],
  ["emulate/", ["chat/", "lib/"]],
  ["store/", ["chat/", "lib/"]],
  ["pool/", ["chat/", "lib/", STORE, PROVIDER]],
  ["router/", ["chat/", "lib/", "emulate/", "pool/", STORE, PROVIDER]],
  ["admin/", ["chat/", "lib/", "router/", "pool/", STORE, PROVIDER]],
  ["http/", ["chat/", "lib/", "router/", "admin/", STORE, "dialects/dialect.ts"]],
  ["console/", ["chat/", "lib/", "router/", "admin/"]],
  ["cli/", ["chat/", "lib/", "admin/", "app.ts", "config.ts"]],
];

/** Whether `file` is in a place as the table writes them. */
function isIn(place: string, file: string): boolean {
  if (place === "/") return true;
  if (place.endsWith("/*")) return posix.dirname(file) === place.slice(0, -2);
  return place.endsWith("/") ? file.startsWith(place) : file === place;
}

/** The folder whose files may import each other freely: an adapter's own one below `dialects/` and `providers/`, else a room. */
function home(file: string): string | undefined {
  const [room, inner, ...rest] = file.split("/");
  if (inner === undefined) return undefined; // a file directly in src/ has no room to itself
  const holdsAdapters = room === "dialects" || room === "providers";
  if (holdsAdapters) return rest.length > 0 ? `${room}/${inner}/` : `${room}/*`;
  return `${room}/`;
}

/** Every module a source text names, with its line: static, type-only, re-exported and dynamic imports alike. */
function importsOf(text: string): { line: number; path: string }[] {
  const statement =
    /(?:^|[;}\n])\s*(?:import|export)\b[^;"'()]*?\bfrom\s*["']([^"'\n]+)["']|(?:^|[;}\n])\s*import\s*["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']/g;
  return [...text.matchAll(statement)].map((match) => {
    const path = match[1] ?? match[2] ?? match[3] ?? "";
    const at = match.index + match[0].lastIndexOf(path);
    return { line: text.slice(0, at).split("\n").length, path };
  });
}

/** The rule that an import breaks, in words; undefined when it may stand. `file` is relative to `src/`. */
function broken(file: string, path: string): string | undefined {
  if (!path.startsWith(".")) return undefined;
  const target = posix.normalize(posix.join(posix.dirname(file), path));
  if (target.startsWith("../")) {
    const isOwnName = file.startsWith("tools/") && target === "../package.json";
    return isOwnName ? undefined : "nothing in src/ imports a file outside it";
  }
  const own = home(file);
  if (own !== undefined && isIn(own, target)) return undefined;
  const rule = TABLE.find(([place]) => isIn(place, file));
  if (!rule) return `src/${file} has no place in the import table`;
  const [place, mayImport] = rule;
  if (mayImport.some((allowed) => isIn(allowed, target))) return undefined;
  return `${place} may import ${mayImport.join(", ") || "nothing of ours"}, not ${target}`;
}

test("every import in src/ keeps the import table", async () => {
  const breaches: string[] = [];
  for await (const file of new Glob("**/*.ts").scan(source)) {
    const text = await Bun.file(join(source, file)).text();
    for (const { line, path } of importsOf(text)) {
      const rule = broken(file, path);
      if (rule) breaches.push(`src/${file}:${line} imports ${path}: ${rule}`);
    }
  }
  expect(breaches).toEqual([]);
});

test("an import is found with its line in every form it can take", () => {
  const text = [
    'import { a } from "./a.ts";',
    "import {",
    "  b,",
    "  type B,",
    '} from "./b.ts";',
    'import type { C } from "./c.ts";',
    'export * from "./d.ts";',
    'export { e } from "./e.ts";',
    'import "./f.ts";',
    'const g = await import("./g.ts");',
    'type H = import("./h.ts").H;',
    'const text = "not from a module";',
  ].join("\n");
  expect(importsOf(text).map(({ line, path }) => `${line} ${path}`)).toEqual([
    "1 ./a.ts",
    "5 ./b.ts",
    "6 ./c.ts",
    "7 ./d.ts",
    "8 ./e.ts",
    "9 ./f.ts",
    "10 ./g.ts",
    "11 ./h.ts",
  ]);
});

const cases: { file: string; path: string; rule: string | undefined }[] = [
  { file: "chat/request.ts", path: "./error.ts", rule: undefined },
  { file: "chat/request.ts", path: "node:path", rule: undefined },
  { file: "chat/request.ts", path: "../lib/id.ts", rule: "chat/ may import nothing of ours, not lib/id.ts" },
  { file: "lib/id.ts", path: "../../package.json", rule: "nothing in src/ imports a file outside it" },
  { file: "providers/demo/index.ts", path: "../provider.ts", rule: undefined },
  { file: "providers/demo/index.ts", path: "./wire.ts", rule: undefined },
  { file: "providers/anthropic/index.ts", path: "../service.ts", rule: undefined },
  {
    file: "providers/demo/index.ts",
    path: "../longcat/wire.ts",
    rule: "providers/ may import chat/, lib/, wire/, providers/*, not providers/longcat/wire.ts",
  },
  { file: "providers/index.ts", path: "./longcat/index.ts", rule: undefined },
  { file: "dialects/openai-chat/encode.ts", path: "../blocks.ts", rule: undefined },
  {
    file: "dialects/openai-chat/encode.ts",
    path: "../ollama/encode.ts",
    rule: "dialects/ may import chat/, lib/, wire/, dialects/*, not dialects/ollama/encode.ts",
  },
  { file: "pool/pool.ts", path: "../store/store.ts", rule: undefined },
  {
    file: "pool/pool.ts",
    path: "../store/sqlite/open.ts",
    rule: "pool/ may import chat/, lib/, store/store.ts, providers/provider.ts, not store/sqlite/open.ts",
  },
  { file: "app.ts", path: "./providers/index.ts", rule: undefined },
  { file: "main.ts", path: "./app.ts", rule: "main.ts may import relaunch.ts, start.ts, not app.ts" },
  { file: "stray.ts", path: "./app.ts", rule: "src/stray.ts has no place in the import table" },
];
test.each(cases)("src/$file importing $path is judged", ({ file, path, rule }) => {
  expect(broken(file, path)).toBe(rule);
});
