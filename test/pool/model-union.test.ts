import { expect, test } from "bun:test";
import type { ModelInfo } from "../../src/providers/provider.ts";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

const list = (...ids: string[]): ModelInfo[] => ids.map((id) => ({ id, created: 1, ownedBy: "fake" }));

/** Its accounts serve what was remembered with them; counts how often anything is asked of the lists themselves. */
class Listing extends FakeProvider {
  reads = 0;

  modelsOf({ memory }: { readonly memory: unknown }): readonly ModelInfo[] | undefined {
    this.reads += 1;
    return memory as ModelInfo[] | undefined;
  }
}

const ids = (models: readonly ModelInfo[]) => models.map(({ id }) => id);

test("accounts' lists are joined once, and again when one of them is replaced", async () => {
  const fake = new Listing();
  await using world = await openWorld({ providers: [fake] });
  expect(ids(world.pool.models("fake"))).toEqual(["model"]);
  const { added } = await world.pool.roster.add("fake", ["a", "b", "c"]);
  const [a, b, c] = added;
  if (!a || !b || !c) throw new Error("three accounts were added");
  expect(world.pool.models("fake")).toBe(fake.models);
  world.pool.books.setMemory(a, list("x"));
  world.pool.books.setMemory(b, list("x", "y"));
  const joined = world.pool.models("fake");
  expect(ids(joined)).toEqual(["x", "y", "model"]);
  for (let i = 0; i < 100; i++) expect(world.pool.models("fake")).toBe(joined);
  world.pool.books.setMemory(b, list("z"));
  expect(ids(world.pool.models("fake"))).toEqual(["x", "z", "model"]);
  await world.pool.roster.remove(c.id);
  expect(ids(world.pool.models("fake"))).toEqual(["x", "z"]);
  await world.pool.roster.remove(a.id);
  expect(ids(world.pool.models("fake"))).toEqual(["z"]);
});

test("a name that was resolved before is not searched for again until a list is replaced", async () => {
  const fake = new Listing("fake", ["model"]);
  await using world = await openWorld({ providers: [fake] });
  const { added } = await world.pool.roster.add("fake", ["a"]);
  const targets = world.resolver.resolve("model");
  const { reads } = fake;
  for (let i = 0; i < 100; i++) expect(world.resolver.resolve("model")).toBe(targets);
  expect(fake.reads).toBe(reads);
  for (const account of added) world.pool.books.setMemory(account, list("other"));
  expect(world.resolver.resolve("other")).toEqual([{ provider: fake, model: "other" }]);
  expect(world.resolver.resolve("model")).not.toBe(targets);
});
