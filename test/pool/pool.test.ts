import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { GatewayError } from "../../src/chat/error.ts";
import type { ModelInfo } from "../../src/providers/provider.ts";
import { Prober } from "../../src/pool/prober.ts";
import { FakeProvider, fails, hangs, text } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const never = new AbortController().signal;

type World = Awaited<ReturnType<typeof openWorld>>;

const lend = (world: World, signal = never) => world.pool.lender("fake").lend({ signal, model: "model" });
const contextOf = (world: World, label: string) => {
  const context = world.pool.context(world.view(label).id, never, silent);
  if (!context) throw new Error("no such account");
  return context;
};
const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "fine";
  } catch (error) {
    return error instanceof GatewayError ? error.kind : String(error);
  }
}

describe("the queue", () => {
  test("R32 who finds all accounts busy waits in line, first come first served", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()], pool: { concurrency: 1 } });
    await world.add("a");
    const first = await lend(world);
    const order: number[] = [];
    const second = lend(world).then((lease) => (order.push(2), lease));
    const third = lend(world).then((lease) => (order.push(3), lease));
    await world.clock.advance(0);
    expect(world.pool.status("fake").waiting).toBe(2);
    first.settle({});
    (await second).settle({});
    await third;
    expect(order).toEqual([2, 3]);
  });

  test("it ends after the deadline with a 429 that says when to come back", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()], pool: { concurrency: 1 } });
    await world.add("a");
    await lend(world);
    const waiting = kindOf(lend(world));
    await world.clock.advance(30 * SECOND);
    expect(await waiting).toBe("queue-full");
    expect(world.pool.status("fake").waiting).toBe(0);
  });

  test("who waits is told at once when the last usable account goes to rest", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()], pool: { concurrency: 1 } });
    await world.add("a");
    const lease = await lend(world);
    const waiting = kindOf(lend(world));
    lease.settle({ failure: new GatewayError("rate-limited", "Too fast.") });
    expect(await waiting).toBe("rate-limited");
  });

  test("who leaves the line takes no account", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()], pool: { concurrency: 1 } });
    await world.add("a");
    const lease = await lend(world);
    const client = new AbortController();
    const waiting = kindOf(lend(world, client.signal));
    client.abort(new GatewayError("cancelled", "The client left."));
    expect(await waiting).toBe("cancelled");
    lease.settle({});
    expect(world.view("a").inFlight).toBe(0);
  });

  test("an account that is added meanwhile serves who waits", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()], pool: { concurrency: 1 } });
    await world.add("a");
    await lend(world);
    const waiting = lend(world);
    await world.add("b");
    expect((await waiting).account?.label).toBe(world.view("b").label);
  });

  test("a lease that is settled twice frees its account once", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()] });
    await world.add("a");
    const [one] = [await lend(world), await lend(world)];
    one?.settle({});
    one?.settle({ failure: new GatewayError("auth-rejected", "No.") });
    expect(world.view("a")).toMatchObject({ inFlight: 1, rotationFailures: 0 });
  });
});

describe("why nobody can answer", () => {
  test("R15 without accounts it says how to add one", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()] });
    expect(lend(world)).rejects.toMatchObject({
      kind: "no-account",
      message: expect.stringContaining("account add fake"),
    });
  });

  test("it names what each account needs", async () => {
    const fake = new FakeProvider().next("a", fails("auth-rejected", { needsLogin: true }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    await world.pool.roster.disable(world.view("b").id);
    await world.ask();
    expect(lend(world)).rejects.toMatchObject({
      kind: "no-account",
      message: "No Fake account can answer: 1 needs a new sign-in, 1 is switched off.",
    });
  });

  test("a challenge on every account is a 503 that ends by itself", async () => {
    const fake = new FakeProvider().next("a", fails("challenge"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    expect(await world.ask()).toBe("challenge");
    expect(await world.ask()).toBe("challenge");
    await world.clock.advance(5 * MINUTE);
    expect(await world.ask()).toBe("hello from a");
  });

  test("the times of a rest are whole milliseconds, though the monotonic clock has fractions", async () => {
    const fake = new FakeProvider().next("a", fails("rate-limited"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    await world.ask();
    await world.clock.advance(0.4);
    world.clock.jump(-0.4);
    const { until, nextTryAt } = world.view("a");
    expect([until, nextTryAt].map(Number.isInteger)).toEqual([true, true]);
  });

  test("R16 a spent quota rests until the reset that a probe has told", async () => {
    const fake = new FakeProvider().next("a", fails("quota-exhausted"));
    await using world = await openWorld({ providers: [fake] });
    const { added } = await world.add("a");
    const resetsAt = world.clock.now() + 90 * MINUTE;
    for (const account of added) world.pool.books.setQuota(account, { used: 10, limit: 10, unit: "credits", resetsAt });
    await world.ask();
    expect(world.view("a")).toMatchObject({ state: "exhausted", until: resetsAt });
    expect(await world.ask()).toBe("quota-exhausted");
    await world.clock.advance(90 * MINUTE);
    expect(await world.ask()).toBe("hello from a");
  });

  test("fault 40 a wall clock that jumps back does not prolong a rest", async () => {
    const fake = new FakeProvider().next("a", fails("rate-limited"));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    await world.ask();
    world.clock.jump(-2 * 60 * MINUTE);
    await world.clock.advance(61 * SECOND);
    expect(await world.ask()).toBe("hello from a");
  });
});

/** A provider whose credentials are `login:number`, each renewal counting one up. */
function renewing(run: (credential: string) => Promise<string> | string, expiresAt?: number): FakeProvider {
  const fake = new FakeProvider();
  fake.refresh = { dueAt: () => undefined, run: async ({ account }) => run(account.credential) };
  if (expiresAt !== undefined) Object.assign(fake.credential, { expiresAt: () => expiresAt });
  return fake;
}

describe("renewal", () => {
  test("fault 3 fifty callers with a lapsed token share one renewal, committed before use", async () => {
    let calls = 0;
    const fake = renewing(async () => `a:${++calls}`);
    await using world = await openWorld({ providers: [fake] });
    await world.add("a:0");
    const context = contextOf(world, "0");
    const tokens = await Promise.all(Array.from({ length: 50 }, () => context.renew("a:0")));
    expect(new Set(tokens)).toEqual(new Set(["a:1"]));
    expect(calls).toBe(1);
    expect(await context.renew("a:0")).toBe("a:1");
    expect((await world.store.accounts.all())[0]?.credential).toBe("a:1");
  });

  test("fault 5 a refused renewal needs a login at once and is not asked again", async () => {
    let calls = 0;
    const fake = renewing(() => {
      calls += 1;
      throw new GatewayError("auth-rejected", "invalid_grant");
    });
    await using world = await openWorld({ providers: [fake] });
    await world.add("a:0");
    const context = contextOf(world, "0");
    expect(await kindOf(context.renew("a:0"))).toBe("auth-rejected");
    expect(await kindOf(context.renew("a:0"))).toBe("auth-rejected");
    expect(calls).toBe(1);
    expect(world.view("0")).toMatchObject({ state: "needs_login", reason: "invalid_grant" });
    expect((await world.store.accounts.all())[0]?.health.state).toBe("needs_login");
  });

  test("fault 4 while renewals fail the old token serves until it lapses, and the upstream is asked ever less often", async () => {
    let calls = 0;
    const fake = renewing(
      () => {
        calls += 1;
        throw new GatewayError("upstream-broken", "500");
      },
      Date.UTC(2026, 10, 20, 12, 10),
    );
    await using world = await openWorld({ providers: [fake] });
    await world.add("a:0");
    const context = contextOf(world, "0");
    for (let second = 0; second < 9 * 60; second += 10) {
      expect(await context.renew("a:0")).toBe("a:0");
      await world.clock.advance(10 * SECOND);
    }
    expect(calls).toBe(5); // at once, after 30 s, then 1, 2 and 4 minutes later
    await world.clock.advance(2 * MINUTE);
    expect(await kindOf(context.renew("a:0"))).toBe("upstream-broken");
    expect(world.view("0").state).toBe("ready");
  });

  test("fault 7 a token that cannot be saved is used, and saved as soon as the store works", async () => {
    let calls = 0;
    const fake = renewing(() => `a:${++calls}`);
    await using world = await openWorld({ providers: [fake] });
    await world.add("a:0");
    const { accounts } = world.store;
    const save = accounts.saveCredential.bind(accounts);
    Object.assign(accounts, {
      saveCredential: async () => {
        throw new GatewayError("store-unavailable", "The disk is full.");
      },
    });
    expect(await contextOf(world, "0").renew("a:0")).toBe("a:1");
    await world.clock.advance(3 * SECOND);
    expect(world.pool.unsaved).toBe(1);
    Object.assign(accounts, { saveCredential: save });
    await world.clock.advance(1 * SECOND);
    expect(world.pool.unsaved).toBe(0);
    expect((await accounts.all())[0]?.credential).toBe("a:1");
    expect(calls).toBe(1);
  });
});

describe("people and the environment", () => {
  test("the same login is one account, and its newer credential is taken", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()] });
    const { added } = await world.add("a:1,b:1");
    const again = await world.add("a:2");
    expect(again.added).toEqual([]);
    expect(again.known[0]).toBe(added[0]);
    expect((await world.store.accounts.all()).map(({ credential }) => credential)).toEqual(["a:2", "b:1"]);
  });

  test("disable holds over a restart and against probes; enable and reset bring back", async () => {
    const fake = new FakeProvider();
    const first = await openWorld({ providers: [fake] });
    await first.add("a");
    await first.pool.roster.disable(first.view("a").id);
    await first.close();
    await using second = await openWorld({ providers: [fake], dataDir: first.dataDir, clock: first.clock });
    expect(second.view("a").state).toBe("disabled_by_user");
    expect(await second.ask()).toBe("no-account");
    await second.pool.roster.enable(second.view("a").id);
    expect(await second.ask()).toBe("hello from a");
  });

  test("accounts of the environment come, go with their history, and come back", async () => {
    const fake = new FakeProvider();
    await using world = await openWorld({ providers: [fake] });
    await world.pool.roster.syncEnvironment("fake", ["a", "b"]);
    await world.ask();
    const { id } = world.view("a");
    await world.pool.roster.syncEnvironment("fake", ["b"]);
    expect(world.pool.views().map(({ hint }) => hint)).toEqual(["…b"]);
    await world.store.flush();
    await world.pool.roster.syncEnvironment("fake", ["a", "b"]);
    expect(world.view("a")).toMatchObject({ id, attempts: 1, source: "environment" });
  });

  test("a renewed credential wins over its variable until the variable changes", async () => {
    const fake = renewing(() => "a:renewed");
    await using world = await openWorld({ providers: [fake] });
    await world.pool.roster.syncEnvironment("fake", ["a:1"]);
    await contextOf(world, "1").renew("a:1");
    await world.pool.roster.syncEnvironment("fake", ["a:1"]);
    expect((await world.store.accounts.all())[0]?.credential).toBe("a:renewed");
    await world.pool.roster.syncEnvironment("fake", ["a:2"]);
    expect((await world.store.accounts.all()).map(({ credential }) => credential)).toEqual(["a:2"]);
  });

  test("an account that is removed while it serves ends its turn and is gone", async () => {
    const fake = new FakeProvider().next("a", hangs([[text("He")]]));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    const { stream } = await world.run();
    await world.pool.roster.remove(world.view("a").id);
    stream.cancel();
    expect(world.pool.views()).toEqual([]);
    expect(await world.store.accounts.all()).toEqual([]);
  });

  test("who watches is told of states and turns", async () => {
    await using world = await openWorld({ providers: [new FakeProvider()] });
    let changes = 0;
    const stop = world.pool.subscribe(() => (changes += 1));
    await world.add("a");
    await world.ask();
    expect(changes).toBeGreaterThan(1);
    stop();
    const before = changes;
    await world.ask();
    expect(changes).toBe(before);
  });
});

describe("the prober", () => {
  function proberOf(world: World): Prober {
    const { clock, pool } = world;
    return new Prober({ books: pool.books, accounts: () => pool.all(), clock, log: silent });
  }

  test.each([
    { name: "failures disabled", kind: "auth-rejected", details: {}, state: "disabled_auto" },
    { name: "needs a sign-in", kind: "auth-rejected", details: { needsLogin: true }, state: "needs_login" },
  ] as const)(
    "the next look at what $name is known at once, also after a restart",
    async ({ kind, details, state }) => {
      const fake = new FakeProvider().next("a", fails(kind, details));
      fake.probe = async () => ({});
      await using world = await openWorld({ providers: [fake], pool: { rotationMaxFailures: 1 } });
      await world.add("a");
      await world.ask();
      expect(world.view("a")).toMatchObject({ state, nextTryAt: world.clock.now() + 54 * SECOND });
      await world.close();
      await using again = await openWorld({ providers: [fake], dataDir: world.dataDir, clock: world.clock });
      expect(again.view("a")).toMatchObject({ state, nextTryAt: again.clock.now() + 54 * SECOND });
    },
  );

  test("a challenge cools to its end, since a probe that works does not show that a chat would", async () => {
    const fake = new FakeProvider().next("a", fails("challenge"));
    let probes = 0;
    fake.probe = async () => {
      probes += 1;
      return {};
    };
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    await world.ask();
    const { until = 0 } = world.view("a");
    expect(until - world.clock.now()).toBeGreaterThanOrEqual(5 * MINUTE);
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(until - world.clock.now() - SECOND);
    expect(world.view("a")).toMatchObject({ state: "cooling", until });
    expect(probes).toBe(0);
    await world.clock.advance(SECOND);
    expect(world.view("a").state).toBe("ready");
    prober.stop();
  });

  test("what nobody asks by itself has no next look", async () => {
    const fake = new FakeProvider().next("a", fails("suspended")).next("b", fails("auth-rejected"));
    fake.probe = async () => ({});
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    await world.ask();
    expect(world.view("a")).toMatchObject({ state: "disabled_auto", nextTryAt: undefined });
    await world.pool.roster.disable(world.view("b").id);
    expect(world.view("b").nextTryAt).toBeUndefined();
  });

  test("no pause is longer than the setting, whose change holds for the pause under way", async () => {
    const fake = new FakeProvider().next("a", fails("auth-rejected", { needsLogin: true }));
    let probes = 0;
    fake.probe = async () => {
      probes += 1;
      throw new GatewayError("auth-rejected", "No.");
    };
    const settings = { longestProbePauseMs: 60 * MINUTE };
    await using world = await openWorld({ providers: [fake], pool: settings });
    await world.add("a");
    await world.ask();
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(20 * MINUTE);
    expect(probes).toBe(4); // after 1, 3, 7 and 15 minutes, each a tenth earlier
    settings.longestProbePauseMs = 2 * MINUTE;
    await world.clock.advance(4 * MINUTE);
    expect(probes).toBe(6);
    prober.stop();
  });

  test("a login that works again and has used up its allowance rests, and nobody is served meanwhile", async () => {
    const fake = new FakeProvider().next("a", fails("auth-rejected", { needsLogin: true }));
    await using world = await openWorld({ providers: [fake] });
    await world.add("a");
    await world.ask();
    const exhaustedUntil = world.clock.now() + 60 * MINUTE;
    fake.probe = async () => ({ quota: { used: 10, limit: 10, unit: "credits" }, exhaustedUntil });
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(2 * MINUTE);
    prober.stop();
    expect(world.view("a")).toMatchObject({ state: "exhausted", until: exhaustedUntil, quota: { used: 10 } });
  });

  test("revives what failures disabled as soon as the upstream takes it again, asking ever less often", async () => {
    const fake = new FakeProvider().always("a", fails("auth-rejected"));
    let works = false;
    let probes = 0;
    fake.probe = async () => {
      probes += 1;
      if (!works) throw new GatewayError("auth-rejected", "No.");
      return { quota: { used: 1, limit: 10, unit: "credits" } };
    };
    await using world = await openWorld({ providers: [fake], pool: { rotationMaxFailures: 1 } });
    await world.add("a");
    await world.ask();
    expect(world.view("a").state).toBe("disabled_auto");
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(10 * MINUTE);
    expect(probes).toBe(3); // after 1, 2 and 4 minutes
    expect(world.view("a").nextTryAt).toBeGreaterThan(world.clock.now());
    works = true;
    await world.clock.advance(6 * MINUTE);
    expect(world.view("a")).toMatchObject({ state: "ready", rotationFailures: 0, quota: { limit: 10 } });
    prober.stop();
  });

  test("R18 leaves alone what a person switched off, and what the upstream suspended", async () => {
    const fake = new FakeProvider().always("a", fails("suspended"));
    let probes = 0;
    fake.probe = async () => {
      probes += 1;
      return {};
    };
    await using world = await openWorld({ providers: [fake] });
    await world.add("a,b");
    await world.ask();
    await world.pool.roster.disable(world.view("b").id);
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(120 * MINUTE);
    prober.stop();
    expect(probes).toBe(0);
  });

  test("fault 6 renews a token that lapses while its account cools, once", async () => {
    const fake = new FakeProvider();
    let calls = 0;
    await using world = await openWorld({ providers: [fake] });
    const due = world.clock.now() + 30 * SECOND;
    fake.refresh = {
      dueAt: (credential) => (credential === "a:0" ? due : undefined),
      run: async () => `a:${++calls}`,
    };
    fake.next("a", fails("rate-limited"));
    await world.add("a:0");
    await world.ask();
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(50 * SECOND);
    expect(world.view("1").state).toBe("cooling");
    await world.clock.advance(20 * SECOND);
    prober.stop();
    expect(await world.ask()).toBe("hello from a:1");
    expect(calls).toBe(1);
  });

  test("fault 5 does not go on renewing what was refused", async () => {
    const fake = new FakeProvider();
    let calls = 0;
    fake.refresh = {
      dueAt: () => 0,
      run: async () => {
        calls += 1;
        throw new GatewayError("auth-rejected", "invalid_grant", { needsLogin: true });
      },
    };
    fake.probe = async (context) => {
      await context.renew(context.account.credential);
      return {};
    };
    await using world = await openWorld({ providers: [fake] });
    await world.add("a:0");
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(120 * MINUTE);
    prober.stop();
    expect(calls).toBe(1);
    expect(world.view("0").state).toBe("needs_login");
  });

  test("asks a few accounts at a time", async () => {
    const fake = new FakeProvider();
    let now = 0;
    let peak = 0;
    fake.probe = async () => {
      peak = Math.max(peak, ++now);
      await new Promise<void>((resolve) => world.clock.after(1 * SECOND, resolve));
      now -= 1;
      return {};
    };
    await using world = await openWorld({ providers: [fake], pool: { rotationMaxFailures: 1 } });
    const names = "abcdefghij".split("");
    for (const name of names) fake.always(name, fails("auth-rejected"));
    await world.add(names.join(","));
    await world.ask();
    const prober = proberOf(world);
    prober.start();
    await world.clock.advance(5 * MINUTE);
    prober.stop();
    expect(peak).toBe(4);
    expect(world.pool.status("fake").states.ready).toBe(10);
  });
});

describe("accounts that come in", () => {
  class Saying extends FakeProvider {
    override readonly credential = {
      ...new FakeProvider().credential,
      settings: (credential: string) => ({
        label: `service ${credential}`,
        ...(credential === "b" ? { priority: 7 } : {}),
      }),
    };
  }

  test("are called and ordered as their credentials say, unless a person says something else", async () => {
    await using world = await openWorld({ providers: [new Saying()] });
    await world.add("a,b");
    await world.pool.roster.add("fake", ["c"], "Mine");
    const shown = world.pool.views().map(({ label, settings }) => [label, settings.priority]);
    expect(shown).toEqual([
      ["service a", 0],
      ["service b", 7],
      ["Mine", 0],
    ]);
  });

  test("by hand after the environment has given them up stay when the environment is read again", async () => {
    const first = await openWorld({ providers: [new FakeProvider()] });
    await first.pool.roster.syncEnvironment("fake", ["a"]);
    await first.pool.roster.syncEnvironment("fake", []);
    await first.add("a");
    await first.close();
    await using second = await openWorld({ providers: [new FakeProvider()], dataDir: first.dataDir });
    await second.pool.roster.syncEnvironment("fake", []);
    expect(second.pool.views()).toMatchObject([{ hint: "…a", source: "console" }]);
  });
});

test("row 7: a credential that was rotated while the database was locked is used after a kill", async () => {
  const renewing = (): FakeProvider => {
    const fake = new FakeProvider();
    let number = 1;
    fake.refresh = { dueAt: () => undefined, run: async () => `a:${(number += 1)}` };
    return fake;
  };
  const first = await openWorld({ providers: [renewing()] });
  await first.add("a:1");
  const other = new Database(join(first.dataDir, "sluice.db"));
  other.run("BEGIN IMMEDIATE");
  const renewed = contextOf(first, "1").renew("a:1");
  await first.clock.advance(1100);
  expect(await renewed).toBe("a:2");
  expect(first.pool.unsaved).toBe(1);
  expect(first.store.trouble()).toContain("Nothing can be saved");
  // The process is killed here: nothing is closed in order.
  other.close();
  await using second = await openWorld({ providers: [renewing()], dataDir: first.dataDir });
  expect(await second.ask()).toBe("hello from a:2");
  await first.store.close().catch(() => undefined);
});

test("an account whose stored credential cannot be read is shown, waits for a new one, and hinders nobody", async () => {
  class Strict extends FakeProvider {
    override readonly credential = {
      ...new FakeProvider().credential,
      restore(stored: unknown): string {
        if (typeof stored === "string" && stored !== "broken") return stored;
        throw new GatewayError("invalid-request", "This is no credential.");
      },
    };
    modelsOf({ credential }: { readonly credential: string; readonly memory: unknown }): ModelInfo[] {
      return [{ id: "model", created: credential.length, ownedBy: "x" }];
    }
  }
  const first = await openWorld({ providers: [new FakeProvider()] });
  await first.add("broken,b");
  await first.close();
  await using second = await openWorld({ providers: [new Strict()], dataDir: first.dataDir });
  const [broken] = second.pool.views();
  expect(broken).toMatchObject({ state: "needs_login", hint: "", reason: "This is no credential." });
  expect(await second.ask()).toBe("hello from b");
  await second.add("c");
  await second.pool.roster.renew(broken?.id ?? "", "a");
  expect(second.pool.views()).toMatchObject([{ state: "ready", hint: "…a" }, { hint: "…b" }, { hint: "…c" }]);
});
