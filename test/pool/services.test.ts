import { expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import { createAnthropic } from "../../src/providers/anthropic/index.ts";
import { createOpenaiCompatible } from "../../src/providers/openai-compatible/index.ts";
import { FakeProvider, fails, hangs } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

const SECOND = 1000;
const never = new AbortController().signal;
const DOWN = { failure: new GatewayError("upstream-broken", "It is down.") };

/** Accounts are written `name@service`. */
function services(): FakeProvider {
  const fake = new FakeProvider();
  fake.serviceOf = (credential) => credential.split("@")[1] ?? "";
  return fake;
}

type World = Awaited<ReturnType<typeof openWorld>>;

const lend = (world: World) => world.pool.lender("fake").lend({ signal: never, model: "model" });

/** Five failures at the service of this account. */
async function breakService(world: World, label: string): Promise<void> {
  const { id } = world.view(label);
  const lender = world.pool.lender("fake");
  for (let i = 0; i < 5; i++) (await lender.lend({ signal: never, model: "model", only: id })).settle(DOWN);
}

test("a dead service opens no breaker for the others behind the same provider", async () => {
  const fake = services();
  await using world = await openWorld({ providers: [fake] });
  await world.add("a@dead,b@dead,c@alive");
  await breakService(world, "Fake 1");
  for (let i = 0; i < 5; i++) expect(await world.ask()).toBe("hello from c@alive");
  expect(fake.asked).toEqual(Array(5).fill("c@alive"));
});

test("the provider's status shows the worst of its services, and the verdict counts who can still be asked", async () => {
  await using world = await openWorld({ providers: [services()] });
  await world.add("a@dead,b@dead,c@alive");
  await breakService(world, "Fake 1");
  expect(world.pool.status("fake")).toMatchObject({
    breaker: "open",
    breakerUntil: world.clock.now() + 30 * SECOND,
  });
  expect([...world.pool.cutOff()]).toEqual([world.view("Fake 1").id, world.view("Fake 2").id]);
  await world.clock.advance(30 * SECOND);
  expect(world.pool.status("fake")).toMatchObject({ breaker: "trial", breakerUntil: undefined });
  expect([...world.pool.cutOff()]).toEqual([]);
});

test("a service that is taken out takes its breaker along", async () => {
  await using world = await openWorld({ providers: [services()] });
  await world.add("a@dead,c@alive");
  await breakService(world, "Fake 1");
  await world.pool.roster.remove(world.view("Fake 1").id);
  expect(world.pool.status("fake").breaker).toBe("closed");
});

test("after its wait the dead service gets one trial, whose success brings its accounts back", async () => {
  const fake = services().always("a@dead", hangs());
  await using world = await openWorld({ providers: [fake] });
  await world.add("a@dead,b@dead");
  await breakService(world, "Fake 1");
  expect(lend(world)).rejects.toMatchObject({
    kind: "upstream-broken",
    retryAt: world.clock.now() + 30 * SECOND,
  });
  await world.clock.advance(30 * SECOND);
  const trial = await lend(world);
  expect(lend(world)).rejects.toMatchObject({ kind: "upstream-broken" });
  trial.settle({});
  (await lend(world)).settle({});
  expect(world.pool.status("fake").breaker).toBe("closed");
});

test("an overloaded model is asked for at another service, not at another account of the same one", async () => {
  const fake = services().always("a@one", fails("model-overloaded")).always("b@one", fails("model-overloaded"));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a@one,b@one,c@two");
  expect(await world.ask()).toBe("hello from c@two");
  expect(fake.asked).toEqual(["a@one", "c@two"]);
});

test("a model that is overloaded at every service says so", async () => {
  const fake = services().always("a@one", fails("model-overloaded")).always("c@two", fails("model-overloaded"));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a@one,c@two");
  expect(await world.ask()).toBe("model-overloaded");
});

test("accounts of a provider that is one service share its overload", async () => {
  const fake = new FakeProvider().always("a", fails("model-overloaded"));
  await using world = await openWorld({ providers: [fake] });
  await world.add("a,b");
  expect(await world.ask()).toBe("model-overloaded");
});

test.each([createOpenaiCompatible(), createAnthropic()])("$name tells services apart by origin", ({ serviceOf }) => {
  const login = { name: "Mine", apiKey: "k", baseUrl: "https://api.example.com:8443/v1" };
  expect(serviceOf?.(login)).toBe("https://api.example.com:8443");
});
