import { describe, expect, test } from "bun:test";
import { dueAt, isLapsing } from "../../../src/providers/kiro/credential.ts";
import { KIRO_URLS } from "../../../src/providers/kiro/hosts.ts";
import { renewalCall, renewalFailure, renewed } from "../../../src/providers/kiro/refresh.ts";
import { chatRequest, listen } from "../context.ts";
import { drop, json, page, refuse, type Behaviour } from "../../sims/kiro.ts";
import { credentialOf, HOUR_MS, stage, withSim } from "./helpers.ts";

const world = withSim();
const MINUTE_MS = 60_000;

describe("renewing", () => {
  test.each(["social", "builder-id", "idc"] as const)(
    "%s: the rotated token is kept, and its name stays",
    async (login) => {
      const account = world.sim.account("one", login);
      const here = stage(world.sim, account);
      const before = here.credential;
      const after = await here.provider.refresh!.run(here.context());
      expect(after).toMatchObject({ accessToken: account.accessToken, refreshToken: account.refreshToken });
      expect(after.refreshToken).not.toBe(before.refreshToken!);
      expect(after.expiresAt).toBe(here.clock.now() + HOUR_MS);
      expect(here.provider.credential!.identity(after)).toBe(here.provider.credential!.identity(before));
    },
  );

  test("an answer without a refresh token keeps the old one", () => {
    const credential = credentialOf(world.cat);
    expect(renewed(credential, { accessToken: "a", expiresIn: 60 }, 0)).toMatchObject({
      accessToken: "a",
      refreshToken: credential.refreshToken!,
      expiresAt: 60_000,
      lifetimeMs: 60_000,
    });
  });

  test("a spent token used again kills the account, and that is final", async () => {
    const here = stage(world.sim, world.cat);
    const stale = here.context();
    await here.provider.refresh!.run(stale);
    await expect(here.provider.refresh!.run(stale)).rejects.toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(world.cat.dead).toBe(true);
  });

  const failures: { name: string; behaviour: Behaviour; kind: string; needsLogin: boolean }[] = [
    { name: "401", behaviour: json(401, { message: "Bad credentials" }), kind: "auth-rejected", needsLogin: true },
    {
      name: "400 invalid_grant",
      behaviour: json(400, { error: "invalid_grant" }),
      kind: "auth-rejected",
      needsLogin: true,
    },
    {
      name: "400 as text",
      behaviour: ({ exchange }) => exchange.answer(400, {}, "no"),
      kind: "auth-rejected",
      needsLogin: true,
    },
    {
      name: "400 nested",
      behaviour: json(400, { error: { message: { x: 1 } } }),
      kind: "auth-rejected",
      needsLogin: true,
    },
    { name: "suspended", behaviour: refuse(403, "x", "TEMPORARILY_SUSPENDED"), kind: "suspended", needsLogin: true },
    { name: "500", behaviour: refuse(500, "boom"), kind: "upstream-broken", needsLogin: false },
    { name: "a page at 503", behaviour: page(503), kind: "upstream-broken", needsLogin: false },
    { name: "a page at 403", behaviour: page(403), kind: "challenge", needsLogin: false },
    {
      name: "429",
      behaviour: refuse(429, "slow", null, { "retry-after": "9" }),
      kind: "rate-limited",
      needsLogin: false,
    },
    { name: "a reset", behaviour: drop, kind: "upstream-broken", needsLogin: false },
    { name: "200 without a token", behaviour: json(200, { ok: true }), kind: "upstream-changed", needsLogin: false },
  ];
  test.each(failures)("R20: $name is $kind", async ({ behaviour, kind, needsLogin }) => {
    world.cat.next("refresh", behaviour);
    const here = stage(world.sim, world.cat);
    await expect(here.provider.refresh!.run(here.context())).rejects.toMatchObject({ kind, needsLogin });
  });

  test("a registration that ran out is not sent any more", () => {
    const credential = credentialOf(world.sim.account("bob", "builder-id"), { clientSecretExpiresAt: 5 });
    expect(() => renewalCall(credential, KIRO_URLS, "x", 6)).toThrow(/run out: sign in again/);
  });

  test("a tenant's own provider is asked by form", () => {
    const over = { kind: "external-idp", clientId: "c d", tokenEndpoint: "https://login.example/t" } as const;
    const call = renewalCall(credentialOf(world.cat, { ...over, refreshToken: "r&r" }), KIRO_URLS, "x", 0);
    expect(call.url).toBe("https://login.example/t");
    expect(call.body).toBe("grant_type=refresh_token&client_id=c+d&refresh_token=r%26r");
  });

  test("a failure at a status that nobody expects blames no account", () => {
    const answer = { status: 418, type: "", message: "", reason: "", html: false };
    expect(renewalFailure({ status: 418, ok: false, json: undefined, answer }, 0).kind).toBe("upstream-changed");
  });
});

describe("the time to renew", () => {
  const credential = () => credentialOf(world.cat, { expiresAt: 100 * MINUTE_MS });
  test("is 10 minutes before the end in the background, 5 before a turn", () => {
    expect(dueAt(credential())).toBe(90 * MINUTE_MS);
    expect(isLapsing(credential(), 95 * MINUTE_MS - 1)).toBe(false);
    expect(isLapsing(credential(), 95 * MINUTE_MS)).toBe(true);
  });
  test("is a fifth of a short life", () => {
    expect(dueAt({ ...credential(), lifetimeMs: 5 * MINUTE_MS })).toBe(99 * MINUTE_MS);
  });
  test("never comes for an API key", () => {
    const { provider } = stage(world.sim, world.cat);
    expect(provider.refresh!.dueAt(credentialOf(world.sim.account("key", "api-key")))).toBeUndefined();
  });
});

describe("the free calls", () => {
  const used = (over: object) => ({
    ...world.cat.limits,
    usageBreakdownList: [{ resourceType: "CREDIT", currentUsage: 50, usageLimit: 50, ...over }],
  });

  test("R17 an exhausted account rests until its reset, and its figures are told", async () => {
    world.cat.limits = used({});
    const here = stage(world.sim, world.cat);
    expect(await here.provider.probe!(here.context())).toMatchObject({
      quota: { used: 50, limit: 50, unit: "credits" },
      exhaustedUntil: 1_796_083_200_000,
    });
  });

  test("an answer of another shape blames no account and names the field", async () => {
    world.cat.limits = { usage: 1 };
    const here = stage(world.sim, world.cat);
    await expect(here.provider.probe!(here.context())).rejects.toMatchObject({
      kind: "upstream-changed",
      field: "usageBreakdownList",
    });
  });

  test("go to the legacy host when the new one does not take the token", async () => {
    world.cat.hosts.clear();
    world.cat.hosts.add("legacy");
    const here = stage(world.sim, world.cat);
    expect((await here.provider.probe!(here.context())).quota?.used).toBe(12);
    expect(here.renewals).toBe(1);
    expect(world.sim.requests.map(({ host }) => host)).toEqual(["management", "auth", "management", "legacy"]);
  });

  test("serve an API key, too", async () => {
    const here = stage(world.sim, world.sim.account("key", "api-key"));
    expect((await here.provider.probe!(here.context())).quota?.plan).toBe("KIRO FREE");
  });

  test("the model list is read to its last page and kept with the account", async () => {
    const pages = ["claude-a", "claude-b"].map((modelId, index) =>
      json(200, { models: [{ modelId }], ...(index === 0 ? { nextToken: "more" } : {}) }),
    );
    world.cat.next("models", ...pages);
    const here = stage(world.sim, world.cat, { memory: { host: "runtime", lacking: ["claude-b"] } });
    await here.provider.refreshModels!(here.context());
    expect(world.sim.requests.at(-1)?.query.get("nextToken")).toBe("more");
    const listed = here.provider.modelsOf!({ credential: here.credential, memory: here.memory });
    expect(listed?.map(({ id }) => id)).toEqual(["claude-a", "claude-b"]);
    expect(here.memory).toMatchObject({ host: "runtime" });
    expect(here.provider.match("Claude-B")).toBe("claude-b");
  });

  test("402 without an answer to the free call rests until the next month", async () => {
    world.cat.next("chat", refuse(402, "", "MONTHLY_REQUEST_COUNT"));
    world.cat.always("usage", drop);
    world.cat.hosts.add("legacy");
    const here = stage(world.sim, world.cat);
    const told = await listen(here.provider.chat(chatRequest("hi"), here.context()));
    expect(told.error).toMatchObject({ kind: "quota-exhausted", retryAt: Date.UTC(2026, 11, 1) });
  });
});
