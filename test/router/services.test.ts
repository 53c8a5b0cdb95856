import { expect, test } from "bun:test";
import type { ModelInfo } from "../../src/providers/provider.ts";
import { FakeProvider, fails } from "./fake-provider.ts";
import { openWorld, type WorldOptions } from "./world.ts";

/** Accounts are services of their own: each serves `gpt` and one model that bears its word. */
class Compatible extends FakeProvider {
  override serviceOf = (credential: string) => credential;

  override match(): undefined {
    return undefined;
  }

  modelsOf({ credential }: { readonly credential: string }): readonly ModelInfo[] {
    const known = this.#lists.get(credential);
    if (known) return known;
    const list = ["gpt", `deep/${credential}`].map((id) => ({ id, created: 1, ownedBy: credential }));
    this.#lists.set(credential, list);
    return list;
  }

  readonly #lists = new Map<string, readonly ModelInfo[]>();
}

/** Two services that users call North and South East/1. */
async function twoServices(more: Partial<WorldOptions> = {}) {
  const fake = new Compatible("compat");
  const other = new FakeProvider("other");
  const world = await openWorld({ providers: [fake, other], ...more });
  await world.pool.roster.add("compat", ["n"], "North");
  await world.pool.roster.add("compat", ["s"], "South East/1");
  await world.pool.roster.add("other", ["o"], "Plain");
  const rename = (from: string, label: string) => world.pool.roster.configure(world.view(from).id, { label });
  return { fake, other, world, rename };
}

const asked: { model: string; says: string }[] = [
  { model: "North/gpt", says: "hello from n" },
  { model: "south east/1/gpt", says: "hello from s" },
  { model: "NORTH/deep/n", says: "hello from n" },
  { model: "South East/1/deep/s", says: "hello from s" },
  { model: "North/deep/s", says: "unknown-model" },
  { model: "compat/deep/s", says: "hello from s" },
  { model: "East/gpt", says: "unknown-model" },
  { model: "Plain/model", says: "unknown-model" },
];

test.each(asked)("$model: $says", async ({ model, says }) => {
  const { world } = await twoServices();
  await using _ = world;
  for (let i = 0; i < 4; i++) expect(await world.ask({}, { model })).toBe(says);
});

test("a service that was named is asked alone, however it fails", async () => {
  const { fake, world } = await twoServices();
  await using _ = world;
  fake.always("n", fails("model-overloaded"));
  expect(await world.ask({}, { model: "North/gpt" })).toBe("model-overloaded");
  fake.always("n", fails("rate-limited"));
  expect(await world.ask({}, { model: "North/gpt" })).toBe("rate-limited");
  expect(await world.ask({}, { model: "North/gpt" })).toBe("rate-limited");
  expect(fake.asked).toEqual(["n", "n"]);
});

test("a name holds from the moment it is given to the moment it is taken away", async () => {
  const { world, rename } = await twoServices();
  await using _ = world;
  expect(await world.ask({}, { model: "North/gpt" })).toBe("hello from n");
  await rename("North", "Up");
  expect(await world.ask({}, { model: "North/gpt" })).toBe("unknown-model");
  expect(await world.ask({}, { model: "Up/gpt" })).toBe("hello from n");
  await world.pool.roster.remove(world.view("Up").id);
  expect(await world.ask({}, { model: "Up/gpt" })).toBe("unknown-model");
});

test("a name of two services, or of a provider, names no service", async () => {
  const { world, rename } = await twoServices();
  await using _ = world;
  await rename("South East/1", "north");
  expect(await world.ask({}, { model: "North/gpt" })).toBe("unknown-model");
  await rename("north", "other");
  expect(await world.ask({}, { model: "other/gpt" })).toBe("unknown-model");
  expect(await world.ask({}, { model: "other/model" })).toBe("hello from o");
});

test("a path that fixes the provider takes its services' names, and fallbacks may name them", async () => {
  const tables = () => ({ fallbacks: { model: ["North/gpt"] } });
  const { other, world } = await twoServices({ resolver: { tables } });
  await using _ = world;
  expect(await world.ask({ provider: "compat" }, { model: "North/gpt" })).toBe("hello from n");
  expect(await world.ask({ provider: "other" }, { model: "North/gpt" })).toBe("unknown-model");
  other.always("o", fails("upstream-broken"));
  expect(await world.ask({}, { model: "model" })).toBe("hello from n");
});
