import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { AccountContext, ProbeResult, ProviderAccount } from "../../src/providers/provider.ts";
import { fails, FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";
import { failureOf } from "../store/folder.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A service that tells what is left; `probed` and `listed` say who was asked. */
class Telling extends FakeProvider {
  readonly probed: string[] = [];
  readonly listed: string[] = [];
  told: (account: string) => ProbeResult = () => ({ quota: { used: 1, limit: 10, unit: "credits" } });
  lists = true;
  override probe = async ({ account }: AccountContext<string>): Promise<ProbeResult> => {
    this.probed.push(account.credential);
    return this.told(account.credential);
  };
  refreshModels = async (context: AccountContext<string>): Promise<void> => {
    this.listed.push(context.account.credential);
    context.remember({ models: [`model-of-${context.account.credential}`] });
  };
  modelsOf({ memory }: Pick<ProviderAccount<string>, "credential" | "memory">) {
    const { models } = (memory ?? {}) as { models?: string[] };
    return models?.map((id) => ({ id, created: 1, ownedBy: "x" }));
  }
}

/** The same without a list of models. */
class Plain extends FakeProvider {
  probed = 0;
  result: ProbeResult = {};
  override probe = async (): Promise<ProbeResult> => {
    this.probed += 1;
    return this.result;
  };
}

describe("the timer", () => {
  test("R17 asks each account for its usage every ten minutes, and for its models each hour", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a,b");
    world.usage.start();
    await world.clock.advance(5 * SECOND);
    expect(telling.listed).toEqual(["a", "b"]);
    await world.clock.advance(62 * MINUTE);
    world.usage.stop();
    expect(telling.probed.filter((name) => name === "a")).toHaveLength(7);
    expect(telling.listed.filter((name) => name === "a")).toHaveLength(2);
    expect(world.view("a").quota).toEqual({ used: 1, limit: 10, unit: "credits" });
    expect(world.router.models().map(({ id }) => id)).toEqual(["model-of-a", "model-of-b"]);
  });

  test("rests an account until its reset when the probe finds its allowance spent, and no probe brings it back before", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a");
    const resetsAt = world.clock.now() + 2 * HOUR;
    telling.told = () => {
      throw new GatewayError("quota-exhausted", "The allowance is used up: 50 of 50 credits.", { retryAt: resetsAt });
    };
    world.usage.start();
    await world.clock.advance(2 * MINUTE);
    expect(world.view("a")).toMatchObject({ state: "exhausted", until: resetsAt, reasonKind: "quota-exhausted" });
    telling.told = () => ({ quota: { used: 0, limit: 50, unit: "credits", resetsAt } });
    await world.clock.advance(90 * MINUTE);
    expect(world.view("a")).toMatchObject({ state: "exhausted", quota: { used: 0 } });
    await world.clock.advance(30 * MINUTE);
    expect(world.view("a").state).toBe("ready");
    world.usage.stop();
  });

  test("shows the figures of an allowance that is used up, while the account rests", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a");
    const exhaustedUntil = world.clock.now() + 2 * HOUR;
    telling.told = () => ({ quota: { used: 50, limit: 50, unit: "credits" }, exhaustedUntil });
    await world.usage.sync(world.pool.find(world.view("a").id));
    expect(world.view("a")).toMatchObject({
      state: "exhausted",
      until: exhaustedUntil,
      reason: "The allowance of this Fake account is used up: 50 of 50 credits.",
      quota: { used: 50, limit: 50 },
    });
  });

  test("asks soon after a turn found the allowance used up, once, whatever it is told then", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a");
    telling.told = () => ({ quota: { used: 1, limit: 50, unit: "credits" } });
    world.usage.start();
    await world.clock.advance(2 * MINUTE);
    const before = telling.probed.length;
    const retryAt = world.clock.now() + 2 * HOUR;
    telling.next("a", fails("quota-exhausted", { retryAt }));
    expect(await world.ask({}, { model: "model-of-a" })).toBe("quota-exhausted");
    telling.told = () => ({ quota: { used: 50, limit: 50, unit: "credits" }, exhaustedUntil: retryAt });
    await world.clock.advance(6 * SECOND);
    expect(world.view("a")).toMatchObject({ state: "exhausted", until: retryAt, quota: { used: 50 } });
    await world.clock.advance(5 * MINUTE);
    expect(telling.probed).toHaveLength(before + 1);
    world.usage.stop();
  });

  test("asks again as soon as an allowance has been reset", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a");
    const resetsAt = world.clock.now() + 3 * MINUTE;
    telling.told = () => ({ quota: { used: 1, limit: 10, unit: "credits", resetsAt } });
    world.usage.start();
    await world.clock.advance(3 * MINUTE + 10 * SECOND);
    expect(telling.probed).toEqual(["a", "a"]);
    world.usage.stop();
  });

  test("asks once a service that tells no usage, and leaves alone what is out", async () => {
    const plain = new Plain();
    await using world = await openWorld({ providers: [plain] });
    await world.add("a,b");
    await world.pool.roster.disable(world.view("b").id);
    world.usage.start();
    await world.clock.advance(9 * MINUTE);
    expect(plain.probed).toBe(0);
    await world.clock.advance(3 * HOUR);
    expect(plain.probed).toBe(1);
    world.usage.stop();
  });

  const failures = [
    { kind: "auth-rejected", details: { needsLogin: true }, state: "needs_login" },
    { kind: "suspended", details: {}, state: "disabled_auto" },
    { kind: "rate-limited", details: {}, state: "ready" },
    { kind: "upstream-broken", details: {}, state: "ready" },
    { kind: "challenge", details: {}, state: "ready" },
  ] as const;
  test.each(failures)("a question that ends in $kind leaves the account $state", async ({ kind, details, state }) => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a");
    telling.told = () => {
      throw new GatewayError(kind, "No.", details);
    };
    world.usage.start();
    await world.clock.advance(2 * MINUTE);
    world.usage.stop();
    expect(world.view("a").state).toBe(state);
  });

  test("a question that is never answered ends, and the others are asked meanwhile", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    await world.add("a,b");
    telling.probe = ({ account, signal }) => {
      telling.probed.push(account.credential);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    world.usage.start();
    await world.clock.advance(15 * MINUTE);
    expect(telling.probed).toEqual(["a", "b", "a", "b"]);
    world.usage.stop();
  });
});

test("very many accounts do not ask together, and each has its turn", async () => {
  const telling = new Telling();
  await using world = await openWorld({ providers: [telling] });
  await world.add(Array.from({ length: 500 }, (_, i) => `a${i}`).join(","));
  world.usage.start();
  await world.clock.advance(5 * SECOND);
  expect(telling.probed).toHaveLength(4);
  await world.clock.advance(12 * MINUTE);
  world.usage.stop();
  expect(new Set(telling.probed).size).toBe(500);
}, 60_000); // 500 committed rows and 150 ticks take their time on a busy machine

describe("on demand", () => {
  test("usage and models are asked for at once", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    const { added } = await world.add("a");
    for (const account of added) await world.usage.sync(account);
    expect(telling).toMatchObject({ probed: ["a"], listed: ["a"] });
    expect(world.view("a").quota).toMatchObject({ used: 1 });
  });

  test("the person reads why the upstream did not answer", async () => {
    const telling = new Telling();
    await using world = await openWorld({ providers: [telling] });
    const { added } = await world.add("a");
    telling.told = () => {
      throw new GatewayError("upstream-changed", "The answer has no field `usage`.");
    };
    const [account] = added;
    if (account) expect(await failureOf(world.usage.sync(account))).toMatchObject({ kind: "upstream-changed" });
    expect(telling.listed).toEqual(["a"]);
  });
});
