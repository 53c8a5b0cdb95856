import { describe, expect, test } from "bun:test";
import { accountOperations } from "../../src/admin/accounts.ts";
import type { AccountChanges } from "../../src/admin/admin.ts";
import type { AccountContext } from "../../src/providers/provider.ts";
import { callRoute, requestFor, ROUTES } from "../../src/admin/routes.ts";
import { FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";
import { failureOf } from "../store/folder.ts";

async function openDesk() {
  const provider = new FakeProvider("fake", ["gpt-5", "gpt-5-mini"]);
  const world = await openWorld({ providers: [provider] });
  await world.add("a,b");
  const accounts = accountOperations(world);
  return { world, provider, accounts, id: world.view("a").id };
}

describe("an account's settings", () => {
  test("change one by one, survive a restart and go back to their defaults", async () => {
    const { world, accounts, id } = await openDesk();
    await accounts.configure(id, { priority: -2, concurrency: 1, requestsPerHour: 60 });
    await accounts.configure(id, { models: [" gpt-5* ", "gpt-5*", ""], proxy: "proxy.test:3128", label: " Home " });
    const settings = {
      priority: -2,
      concurrency: 1,
      requestsPerHour: 60,
      proxy: "http://proxy.test:3128",
      models: ["gpt-5*"],
    };
    expect((await accounts.list())[0]).toMatchObject({ id, label: "Home", concurrency: 1, settings });
    await world.close();
    await using second = await openWorld({ providers: [new FakeProvider()], dataDir: world.dataDir });
    const again = accountOperations(second);
    expect((await again.list())[0]).toMatchObject({ id, label: "Home", settings });
    const none = { priority: null, concurrency: null, requestsPerHour: null, proxy: null, models: [] };
    const plain = {
      priority: 0,
      concurrency: undefined,
      requestsPerHour: undefined,
      proxy: undefined,
      models: undefined,
    };
    expect(await again.configure(id, none)).toMatchObject({ label: "Home", concurrency: 2, settings: plain });
  });

  test("hold for the next request", async () => {
    const { world, provider, accounts } = await openDesk();
    await using _ = world;
    await accounts.configure(world.view("b").id, { priority: -1 });
    await world.ask({}, { model: "gpt-5" });
    await accounts.configure(world.view("b").id, { models: ["gpt-5-mini"] });
    await world.ask({}, { model: "gpt-5" });
    expect(provider.asked).toEqual(["b", "a"]);
  });

  test("row 46: the password of a proxy is shown nowhere", async () => {
    const { world, accounts, id } = await openDesk();
    await using _ = world;
    const view = await accounts.configure(id, { proxy: "https://me:invented-secret@proxy.test" });
    expect(view.settings.proxy).toBe("https://…@proxy.test");
    expect(JSON.stringify([await accounts.list(), world.lines])).not.toContain("invented-secret");
  });

  const wrong: { name: string; changes: AccountChanges; field: string; says: string }[] = [
    {
      name: "a SOCKS proxy",
      changes: { proxy: "socks5://127.0.0.1:1080" },
      field: "proxy",
      says: "SOCKS proxies do not",
    },
    {
      name: "a proxy with a path",
      changes: { proxy: "http://proxy.test/x" },
      field: "proxy",
      says: "is written http://",
    },
    { name: "no turns at once", changes: { concurrency: 0 }, field: "concurrency", says: "1 to 100" },
    { name: "half a turn an hour", changes: { requestsPerHour: 0.5 }, field: "requestsPerHour", says: "1 to 100000" },
    { name: "a priority out of reach", changes: { priority: 1e9 }, field: "priority", says: "-1000 to 1000" },
    { name: "an empty label", changes: { label: " " }, field: "label", says: "1 to 80" },
    {
      name: "a model as long as a book",
      changes: { models: ["x".repeat(201)] },
      field: "models",
      says: "200 characters",
    },
  ];
  test.each(wrong)("$name is refused in words, and nothing changes", async ({ changes, field, says }) => {
    const { world, accounts, id } = await openDesk();
    await using _ = world;
    const before = await accounts.list();
    const failure = await failureOf(accounts.configure(id, { ...changes, priority: changes.priority ?? 5 }));
    expect(failure).toMatchObject({ kind: "invalid-request", field, message: expect.stringContaining(says) });
    expect(await accounts.list()).toEqual(before);
  });

  test("pass through the JSON API as they are", async () => {
    const { path, body } = requestFor("accountsConfigure", { id: "acc_1", proxy: null, models: ["a"], priority: 1 });
    expect(path).toBe("/api/accounts/acc_1/configure");
    let seen: unknown[] = [];
    const operator = { accounts: { configure: async (...call: unknown[]) => void (seen = call) } };
    const raw = { id: "acc_1", ...(JSON.parse(body ?? "") as object), stray: 1 };
    await callRoute(ROUTES.accountsConfigure, operator as never, raw);
    expect(seen).toEqual(["acc_1", { proxy: null, models: ["a"], priority: 1 }]);
    const bad = failureOf(callRoute(ROUTES.accountsConfigure, operator as never, { id: "acc_1", priority: "high" }));
    expect(await bad).toMatchObject({ kind: "invalid-request", field: "priority" });
  });
});

test("a renewed account rests when the check of its new credential says that nothing is left", async () => {
  const { world, provider, accounts, id } = await openDesk();
  await using _ = world;
  const quota = { used: 50, limit: 50, unit: "credits" };
  const until = world.clock.now() + 3_600_000;
  provider.probe = async ({ account: { credential } }) =>
    credential === "a:spent" ? { quota, exhaustedUntil: until } : { quota: { ...quota, used: 1 } };
  expect(await accounts.renew(id, "a:spent")).toMatchObject({ state: "exhausted", until, quota });
  expect(await accounts.renew(id, "a:fresh")).toMatchObject({ state: "ready", quota: { used: 1 } });
  await accounts.disable(id);
  expect(await accounts.renew(id, "a:spent")).toMatchObject({ state: "disabled_by_user" });
});

test("an account that takes over another login is not found by its old one any more", async () => {
  const { world, accounts, id } = await openDesk();
  await accounts.renew(id, "c");
  await world.close();
  await using second = await openWorld({ providers: [new FakeProvider()], dataDir: world.dataDir });
  const { added, known } = await second.add("a,c");
  expect(known.map((account) => account.id)).toEqual([id]);
  expect(added).toHaveLength(1);
  expect(second.pool.views()).toHaveLength(3);
});

test("an account has one browser string, with which it is checked before it is added and renewed", async () => {
  const { world, provider, accounts } = await openDesk();
  await using _ = world;
  const seen = new Map<string, Set<string>>();
  const look = ({ account: { credential, userAgent } }: AccountContext<string>) => {
    const name = credential.slice(0, 1);
    seen.set(name, (seen.get(name) ?? new Set()).add(userAgent));
  };
  provider.probe = async (context) => {
    look(context);
    return {};
  };
  const { added } = await accounts.add("fake", "c,d,e,f,g");
  for (const { id } of added) await accounts.test(id);
  await accounts.add("fake", "c,d,e,f,g");
  for (const { id, label } of added) {
    const before = world.pool.find(id).userAgent;
    await accounts.renew(id, `${world.pool.find(id).credential as string}2`);
    expect([label, world.pool.find(id).userAgent]).toEqual([label, before]);
  }
  expect([...seen.keys()]).toEqual(["c", "d", "e", "f", "g"]);
  for (const [name, browsers] of seen) expect([name, browsers.size]).toEqual([name, 1]);
  expect(new Set([...seen.values()].flatMap((browsers) => [...browsers])).size).toBeGreaterThan(1);
});
