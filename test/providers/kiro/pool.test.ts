import { expect, test } from "bun:test";
import { createKiro } from "../../../src/providers/kiro/index.ts";
import { json, refuse, says, startKiroSim, type SimAccount } from "../../sims/kiro.ts";
import { openWorld, type WorldOptions } from "../../router/world.ts";
import { credentialOf, HOUR_MS } from "./helpers.ts";

/** Kiro accounts in the real pool, store and router; each says its own name. */
async function openKiro(names: string, options: Partial<WorldOptions> & { expiresAt?: number } = {}) {
  const sim = await startKiroSim();
  const { expiresAt, ...rest } = options;
  const open = () => openWorld({ providers: [createKiro(sim.urls)], ...rest });
  const world = await open();
  const accounts = new Map<string, SimAccount>();
  for (const name of names) {
    const account = sim.account(name, "social");
    account.always("chat", says(`this is ${name}`));
    accounts.set(name, account);
    const origin = name.repeat(64);
    const credential = credentialOf(account, {
      origin,
      email: name,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
    await world.pool.roster.add("kiro", [credential]);
  }
  return {
    sim,
    world,
    open,
    ask: (model = "claude-sonnet-4-5") => world.ask({}, { model }),
    account: (name: string) => accounts.get(name)!,
    view: (name: string) => world.pool.views().find(({ hint }) => hint === name)!,
    async [Symbol.asyncDispose]() {
      expect(sim.violations).toEqual([]);
      await world[Symbol.asyncDispose]();
      await sim[Symbol.asyncDispose]();
    },
  };
}

test("fault 3, kiro trap 8: 50 requests at once with a lapsed token renew it once, and all are answered", async () => {
  await using kiro = await openKiro("a", { expiresAt: 0, pool: { concurrency: 50 } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => kiro.ask()));
  expect(new Set(answers)).toEqual(new Set(["this is a"]));
  expect(kiro.account("a").counts.refresh).toBe(1);
});

test("fault 11: 50 refused tokens at once renew once", async () => {
  await using kiro = await openKiro("a", { pool: { concurrency: 50 } });
  const account = kiro.account("a");
  const stale = account.accessToken;
  account.accessToken = "another";
  const answers = await Promise.all(Array.from({ length: 50 }, () => kiro.ask()));
  expect(new Set(answers)).toEqual(new Set(["this is a"]));
  expect(account.counts.refresh).toBe(1);
  expect(account.accessToken).not.toBe(stale);
});

test("O22, kiro trap 14: a rotated token is in the store although the call after it failed, and serves after a restart", async () => {
  await using kiro = await openKiro("a", { expiresAt: 0 });
  kiro.account("a").next("chat", refuse(400, "Improperly formed request.", null));
  expect(await kiro.ask()).toBe("invalid-request");
  await kiro.world.close();
  const again = await openWorld({ providers: [createKiro(kiro.sim.urls)], dataDir: kiro.world.dataDir });
  expect(await again.ask({}, { model: "claude-sonnet-4-5" })).toBe("this is a");
  expect(kiro.account("a").counts.refresh).toBe(1);
  await again.close();
});

test("fault 2, R20: a dead login waits for its owner, is refused once, and another account serves", async () => {
  await using kiro = await openKiro("ab", { expiresAt: 0 });
  kiro.account("a").dead = true;
  for (let turns = 0; turns < 5; turns++) expect(await kiro.ask()).toBe("this is b");
  expect(kiro.view("a")).toMatchObject({ state: "needs_login" });
  expect(kiro.account("a").counts.refresh).toBe(1);
});

test("R17 a used-up account rests until its reset, and another serves the same request", async () => {
  await using kiro = await openKiro("ab");
  const resetsAt = kiro.world.clock.now() + 5 * 24 * HOUR_MS;
  kiro.account("a").limits = { ...kiro.account("a").limits, nextDateReset: resetsAt / 1000 };
  kiro.account("a").next("chat", refuse(402, "You have reached the limit.", "MONTHLY_REQUEST_COUNT"));
  expect(await kiro.ask()).toBe("this is b");
  expect(kiro.view("a")).toMatchObject({ state: "exhausted" });
  expect(kiro.view("a").until).toBe(resetsAt);
});

test("R15 a suspended account is left alone: no renewal, no second try", async () => {
  await using kiro = await openKiro("ab");
  kiro.account("a").always("chat", refuse(403, "Your User ID (x) temporarily is suspended."));
  for (let turns = 0; turns < 4; turns++) expect(await kiro.ask()).toBe("this is b");
  expect(kiro.view("a")).toMatchObject({ state: "disabled_auto" });
  expect(kiro.account("a").counts).toMatchObject({ chat: 1, refresh: 0 });
});

test("a model that is short for everybody punishes no account", async () => {
  await using kiro = await openKiro("ab");
  for (const name of "ab") kiro.account(name).always("chat", refuse(429, "High load.", "INSUFFICIENT_MODEL_CAPACITY"));
  expect(await kiro.ask()).toBe("model-overloaded");
  expect(kiro.view("a").state).toBe("ready");
  expect(kiro.account("b").counts.chat).toBe(0);
});

test("a prompt that is too long goes to no other account", async () => {
  await using kiro = await openKiro("ab");
  kiro.account("a").always("chat", refuse(400, "Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"));
  expect(await kiro.ask()).toBe("context-too-long");
  expect(kiro.account("b").counts.chat).toBe(0);
  expect(kiro.view("a").state).toBe("ready");
});

test("a model that one plan lacks is served by the other, and not tried there again", async () => {
  await using kiro = await openKiro("ab");
  kiro.account("a").models = ["claude-haiku-4.5"];
  for (let turns = 0; turns < 8; turns++) expect(await kiro.ask()).toBe("this is b");
  expect(kiro.view("a").state).toBe("ready");
  expect(kiro.account("a").counts.chat).toBe(1);
  expect(await kiro.ask("claude-haiku-4-5-20251001")).toMatch(/^this is/);
});

test("the figures of an account whose turn found its credits used up are of after that", async () => {
  await using kiro = await openKiro("a");
  const account = kiro.account("a");
  const { usage } = kiro.world;
  await usage.sync(kiro.world.pool.find(kiro.view("a").id));
  expect(kiro.view("a")).toMatchObject({ quota: { used: 12, limit: 50 } });
  const [credits] = (account.limits as { usageBreakdownList: object[] }).usageBreakdownList;
  Object.assign(credits ?? {}, { currentUsage: 50 });
  account.next("chat", refuse(402, "You have reached the limit.", "MONTHLY_REQUEST_COUNT"));
  expect(await kiro.ask()).toBe("quota-exhausted");
  const told = Promise.withResolvers<void>();
  kiro.world.pool.subscribe(() => kiro.view("a").quota?.used === 50 && told.resolve());
  usage.tick();
  await told.promise;
  expect(kiro.view("a")).toMatchObject({ state: "exhausted", quota: { used: 50, limit: 50 } });
});

test("a reset account is tried again for a model that its plan was found to lack", async () => {
  await using kiro = await openKiro("a");
  kiro.account("a").models = ["claude-haiku-4.5"];
  expect(await kiro.ask()).toBe("model-unavailable");
  expect(await kiro.ask()).toBe("no-account");
  kiro.account("a").models = ["claude-haiku-4.5", "claude-sonnet-4.5"];
  await kiro.world.pool.roster.reset(kiro.view("a").id);
  expect(await kiro.ask()).toBe("this is a");
});

test("the host that worked is remembered over a restart", async () => {
  await using kiro = await openKiro("a");
  const account = kiro.account("a");
  account.hosts.clear();
  account.hosts.add("legacy");
  account.next("refresh", json(200, { accessToken: account.accessToken, expiresIn: 3600 }));
  expect(await kiro.ask()).toBe("this is a");
  await kiro.world.close();
  const before = kiro.sim.requests.length;
  const again = await openWorld({ providers: [createKiro(kiro.sim.urls)], dataDir: kiro.world.dataDir });
  expect(await again.ask({}, { model: "sonnet" })).toBe("this is a");
  expect(kiro.sim.requests.slice(before).map(({ host }) => host)).toEqual(["legacy"]);
  await again.close();
});
