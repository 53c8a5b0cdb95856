import { expect, test } from "bun:test";
import { overviewReader } from "../../src/admin/overview.ts";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

test.each([
  [1, { wanted: 1, alive: 0 }],
  [0, undefined],
])("a service of which %p guests are wanted is shown with %p", async (count, shown) => {
  const provider = Object.assign(new FakeProvider(), { guests: { count, create: async () => "guest" } });
  await using world = await openWorld({ providers: [provider] });
  const { store, pool, clock } = world;
  const notices = () => [];
  const facts = { version: "0", database: "/data/sluice.db", ready: () => true, trouble: () => undefined, notices };
  const { providers } = await overviewReader({ store, pool, clock, providers: [provider], ...facts }).overview();
  expect(providers[0]?.guests).toEqual(shown && expect.objectContaining(shown));
});
