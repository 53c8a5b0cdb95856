import { describe, expect, test } from "bun:test";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A world whose accounts (a, b, …) may begin so many turns an hour. */
async function paced(names: string, perHour: number, options: { queueMs?: number; concurrency?: number } = {}) {
  const provider = new FakeProvider();
  const world = await openWorld({ providers: [provider], pool: { rotationUses: 1, ...options } });
  await world.add(names);
  for (const { id } of world.pool.views()) await world.pool.roster.configure(id, { requestsPerHour: perHour });
  return { world, provider };
}

describe("R12 the pace of an account", () => {
  test("spreads its turns evenly: the next one waits in line for its moment", async () => {
    const { world, provider } = await paced("a", 360);
    await using _ = world;
    await world.ask();
    const second = world.ask();
    const third = world.ask();
    await world.clock.advance(9 * SECOND);
    expect(provider.asked).toEqual(["a"]);
    await world.clock.advance(1 * SECOND);
    expect(await second).toBe("hello from a");
    expect(provider.asked).toEqual(["a", "a"]);
    await world.clock.advance(10 * SECOND);
    expect(await third).toBe("hello from a");
  });

  test("sends turns to the accounts that may begin one", async () => {
    const { world, provider } = await paced("a,b,c", 6);
    await using _ = world;
    for (let i = 0; i < 3; i++) await world.ask();
    expect(provider.asked.toSorted()).toEqual(["a", "b", "c"]);
  });

  test("is a 429 with the time at once, when nobody may begin before the wait would end", async () => {
    const { world } = await paced("a,b", 6, { queueMs: 30 * SECOND });
    await using _ = world;
    await world.ask();
    await world.clock.advance(2 * MINUTE);
    await world.ask();
    const again = world.run();
    expect(again).rejects.toMatchObject({ kind: "rate-limited", retryAt: world.clock.now() + 8 * MINUTE });
    await again.catch(() => undefined);
    expect(world.view("a").state).toBe("ready");
  });

  test("does not refuse while an account is merely busy", async () => {
    const { world } = await paced("a", 6, { concurrency: 1 });
    await using _ = world;
    await world.add("b");
    const lend = () => world.pool.lender("fake").lend({ signal: new AbortController().signal, model: "model" });
    const leases = [await lend(), await lend()];
    const waiting = lend();
    await world.clock.advance(1 * SECOND);
    for (const lease of leases) lease.settle({});
    expect((await waiting).account?.label).toBe("Fake 2");
  });

  test("goes on over a restart", async () => {
    const { world } = await paced("a", 6);
    await world.ask();
    await world.close();
    await using second = await openWorld({
      providers: [new FakeProvider()],
      dataDir: world.dataDir,
      clock: world.clock,
    });
    await second.clock.advance(1 * MINUTE);
    expect(await second.ask()).toBe("rate-limited");
    await second.clock.advance(9 * MINUTE);
    expect(await second.ask()).toBe("hello from a");
  });

  test("holds no account back for longer than its distance when the clock jumps", async () => {
    const { world } = await paced("a", 3600);
    await using _ = world;
    await world.ask();
    world.clock.jump(-3600 * SECOND);
    const next = world.ask();
    await world.clock.advance(1 * SECOND);
    expect(await next).toBe("hello from a");
  });
});
