import { expect, test } from "bun:test";
import { accountOperations } from "../../src/admin/accounts.ts";
import { type Behaviour, FakeProvider, hangs, text } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

const ANSWER_MS = 15_000;

async function openDesk() {
  const provider = new FakeProvider();
  const world = await openWorld({ providers: [provider], pool: { concurrency: 1 } });
  await world.add("a");
  return { world, provider, accounts: accountOperations(world), id: world.view("a").id };
}

test.each<{ name: string; behaviour: (wait: (ms: number) => Promise<void>) => Behaviour }>([
  { name: "is silent", behaviour: () => hangs() },
  { name: "is silent and does not notice that nobody waits", behaviour: () => hangs([], { deaf: true }) },
  { name: "is silent after its first words", behaviour: () => hangs([[text("O")]]) },
  {
    name: "says a letter a second",
    behaviour: (wait) =>
      async function* () {
        for (;;) {
          yield [text("O")];
          await wait(1000);
        }
      },
  },
])("row 9 a test ends after 15 s with an upstream that $name, and nobody is blamed", async ({ behaviour }) => {
  const { world, provider, accounts, id } = await openDesk();
  await using _ = world;
  provider.next(
    "a",
    behaviour((ms) => new Promise((resolve) => void world.clock.after(ms, resolve))),
  );
  const result = accounts.test(id);
  let ended = false;
  void result.then(() => (ended = true));
  await world.clock.advance(ANSWER_MS - 1);
  expect(ended).toBe(false);
  await world.clock.advance(1);
  expect(ended).toBe(true);
  expect(await result).toMatchObject({
    ok: false,
    kind: "upstream-timeout",
    durationMs: ANSWER_MS,
    text: "There was no complete answer within 15 seconds.",
  });
  expect(provider.aborted).toEqual(["a"]);
  expect(world.view("a")).toMatchObject({ state: "ready", rotationFailures: 0, inFlight: 0 });
});

test("row 9 a test of an account that is busy waits 15 s for its turn, not longer", async () => {
  const { world, provider, accounts, id } = await openDesk();
  await using _ = world;
  provider.next("a", hangs());
  const busy = world.ask();
  await world.clock.advance(0);
  const result = accounts.test(id);
  await world.clock.advance(ANSWER_MS);
  expect(await result).toMatchObject({ ok: false, durationMs: ANSWER_MS });
  await world.clock.advance(60_000);
  expect(await busy).toBe("upstream-timeout");
});
