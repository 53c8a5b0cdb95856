import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLangfast } from "../../../src/providers/langfast/index.ts";
import { loadModels } from "../../../src/providers/langfast/models.ts";

const SLUGS = [
  ...["gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini"],
  ...["gpt-3.5-turbo", "o4-mini", "o3", "o3-mini", "o1", "o1-mini", "gpt-4.5-preview", "gpt-4-turbo", "gpt-4"],
];

test("the built-in table lists the 17 names that both predecessors print", () => {
  const { models } = createLangfast();
  expect(models.map(({ id }) => id).toSorted()).toEqual([...SLUGS].toSorted());
  for (const { created, ownedBy } of models) {
    expect(created).toBeGreaterThan(1_700_000_000);
    expect(ownedBy).toBe("openai");
  }
});

const names: [name: string, slug: string | undefined][] = [
  ["gpt-4o", "gpt-4o"],
  ["GPT-4O-Mini", "gpt-4o-mini"],
  ["gpt-4o-2024-11-20", "gpt-4o"],
  ["gpt-4-1106-preview", "gpt-4-turbo"],
  ["o3-mini-2024-12-01-preview", "o3-mini"],
  ["GPT-5-2025-08-07", "gpt-5"],
  ["gpt-4o-2031-01-01", undefined],
  ["gpt-5-codex", undefined],
  ["gpt-5.1", undefined],
  ["gpt", undefined],
  ["GPT5", undefined],
  ["claude-sonnet-4-5", undefined],
  ["LongCat", undefined],
  ["", undefined],
];
test.each(names)("the name %p means %p", (name, slug) => {
  expect(createLangfast().match(name)).toBe(slug);
});

test("a user's table replaces the built-in one, as JSON text or as a file", async () => {
  const rows = [
    {
      slug: "gpt-6",
      versions: ["gpt-6-2027-01-01"],
      parameters: { message_types: ["user"], max_completion_tokens: {} },
    },
    { slug: "old", status: "disabled" },
  ];
  const folder = await mkdtemp(join(tmpdir(), "sluice-langfast-"));
  try {
    const path = join(folder, "models.json");
    await Bun.write(path, JSON.stringify(rows));
    for (const provider of [
      createLangfast({ modelsPath: path }),
      createLangfast({ modelsJson: JSON.stringify(rows) }),
    ]) {
      expect(provider.models).toEqual([{ id: "gpt-6", created: 0, ownedBy: "langfast" }]);
      expect(provider.match("gpt-6-2027-01-01")).toBe("gpt-6");
      expect(provider.match("gpt-4o")).toBeUndefined();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

const broken: [name: string, json: string, says: string][] = [
  ["no JSON", "[{", "no JSON"],
  ["no list", "{}", "no list"],
  ["an empty list", "[]", "no list"],
  ["a row that is no object", "[1]", "models[0]"],
  ["a row without a slug", '[{"slug":"a"},{"name":"b"}]', "models[1]"],
];
test.each(broken)("a table with %s is refused with the place", (_name, json, says) => {
  expect(() => loadModels({ json })).toThrow(says);
});

test("a file that is not there is named", () => {
  expect(() => loadModels({ path: "nowhere/models.json" })).toThrow("nowhere/models.json");
});

test("guests are not lent for premium models, nor any account for what its plan was found to lack", () => {
  const { modelsOf } = createLangfast();
  const base = { origin: "user:1", userId: "1", accessToken: "", expiresAt: 0 };
  const ids = (kind: "own" | "guest", memory?: unknown) =>
    modelsOf?.({ credential: { ...base, kind }, memory })?.map(({ id }) => id);
  expect(ids("own")).toBeUndefined();
  expect(ids("own", { lacking: ["gpt-4"] })).not.toContain("gpt-4");
  expect(ids("own", { lacking: ["gpt-4"] })).toHaveLength(16);
  expect(ids("guest")).toHaveLength(14);
  expect(ids("guest")).not.toContain("gpt-4-turbo");
});
