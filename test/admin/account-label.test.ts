import { expect, test } from "bun:test";
import { accountOperations } from "../../src/admin/accounts.ts";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

test("the default of a label is the name that the account would have got, and no other account's", async () => {
  await using world = await openWorld({ providers: [new FakeProvider()] });
  await world.add("a,b");
  const accounts = accountOperations(world);
  const [first, second] = [world.view("a").id, world.view("b").id];
  const labelled = async (id: string, label: string | null) => (await accounts.configure(id, { label })).label;
  expect(await labelled(first, null)).toBe("Fake 1");
  expect(await labelled(first, "Home")).toBe("Home");
  expect(await labelled(second, "Fake 1")).toBe("Fake 1");
  expect(await labelled(first, null)).toBe("Fake 2");
  expect(await labelled(second, null)).toBe("Fake 1");
});
