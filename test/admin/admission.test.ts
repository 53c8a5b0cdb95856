import { describe, expect, test } from "bun:test";
import { accountOperations } from "../../src/admin/accounts.ts";
import { GatewayError, type FailureKind } from "../../src/chat/error.ts";
import { startGateway, type Gateway } from "../gateway.ts";
import { fails, FakeProvider } from "../router/fake-provider.ts";
import { openWorld } from "../router/world.ts";
import { startLongcatSim } from "../sims/longcat.ts";
import { failureOf } from "../store/folder.ts";

const A = "a".repeat(100);
const B = "b".repeat(100);
const DEAD = "d".repeat(100);

const labels = (accounts: readonly { hint: string }[]) => accounts.map(({ hint }) => hint);
const add = ({ app }: Gateway, text: string) => app.admin.accounts.add("longcat", text);

describe("R22 of several pasted lines", () => {
  test("each bad one is named by its number, and takes no other with it", async () => {
    await using sim = await startLongcatSim();
    for (const token of [A, B]) sim.account(token);
    await using gateway = await startGateway({ env: { LONGCAT_URL: sim.url } });
    const secret = "invented-secret-value";
    const text = `${A}\n\nCookie: a=${secret}; b=2\n${DEAD}\ncurl ^"https://longcat.chat/^" ^\r\n  -b ^"passport_token_key=${B}^"\n${A}`;
    const { added, known, refused } = await add(gateway, text);
    expect(labels(added)).toEqual(["…aaaa", "…bbbb"]);
    expect(known).toEqual([]);
    expect(refused).toMatchObject([
      { line: 3, hint: "line 3", reason: "2 cookies were found, but none is named passport_token_key." },
      { line: 4, hint: "…dddd" },
    ]);
    expect(JSON.stringify(refused)).not.toContain(secret);
  });

  test("a refusal by the service names the line where every line can be read", async () => {
    await using sim = await startLongcatSim();
    sim.account(A);
    await using gateway = await startGateway({ env: { LONGCAT_URL: sim.url } });
    const { added, refused } = await add(gateway, `${DEAD}\npassport_token_key=${A}`);
    expect(labels(added)).toEqual(["…aaaa"]);
    expect(refused).toMatchObject([{ line: 1, hint: "…dddd" }]);
  });

  test.each([
    ["none holds a login", "Cookie: a=1; b=2\nCookie: c=3; d=4", "2 cookies were found"],
    ["they are one broken JSON", `[\n{"name": "passport_token_key", "value": "${A}"},\n`, "JSON"],
  ])("nothing is added where %s", async (_name, text, words) => {
    await using gateway = await startGateway();
    expect(await failureOf(add(gateway, text))).toMatchObject({
      kind: "invalid-request",
      field: "credential",
      message: expect.stringContaining(words),
    });
    expect(await gateway.app.admin.accounts.list()).toEqual([]);
  });

  test("JSON entries one a line stand for themselves, those of one array do not", async () => {
    await using gateway = await startGateway();
    const key = (serial: number) => JSON.stringify({ kiroApiKey: `ksk_invented${serial}` });
    const { accounts } = gateway.app.admin;
    const { added, refused } = await accounts.add("kiro", `${key(1)}\n{"a": 1}\n${key(2)}`, { check: false });
    expect([added.length, refused.map(({ line }) => line)]).toEqual([2, [2]]);
  });
});

describe("a credential that cannot be checked now", () => {
  const passing: FailureKind[] = [
    "upstream-broken",
    "upstream-timeout",
    "upstream-changed",
    "rate-limited",
    "challenge",
  ];
  test.each(passing)("is added and renewed, and says so and why: %s", async (kind) => {
    const provider = new FakeProvider();
    await using world = await openWorld({ providers: [provider] });
    const accounts = accountOperations(world);
    provider.probe = async () => Promise.reject(new GatewayError(kind, "It said nothing."));
    const { added } = await accounts.add("fake", "a");
    expect(added).toMatchObject([{ state: "ready", unchecked: "It said nothing." }]);
    const { known } = await accounts.add("fake", "a");
    expect(known).toMatchObject([{ unchecked: "It said nothing." }]);
    expect(await accounts.renew(added[0]?.id ?? "", "a:2")).toMatchObject({ unchecked: "It said nothing." });
    provider.probe = async () => ({});
    expect((await accounts.add("fake", "b")).added[0]).not.toHaveProperty("unchecked");
    expect(await accounts.renew(added[0]?.id ?? "", "a:3")).not.toHaveProperty("unchecked");
  });

  test("says over HTTP that its service could not be reached", async () => {
    const closed = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const url = `http://127.0.0.1:${closed.port}`;
    await closed.stop(true);
    await using gateway = await startGateway({ env: { LONGCAT_URL: url } });
    const answer = await gateway.ask("/api/accounts", {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.adminKey}` },
      body: JSON.stringify({ provider: "longcat", text: A }),
    });
    expect(await answer.json()).toMatchObject({
      added: [{ hint: "…aaaa", unchecked: expect.any(String) }],
      refused: [],
    });
  });
});

test.each([
  { kind: "challenge", details: {}, state: "ready" },
  { kind: "auth-rejected", details: { needsLogin: true }, state: "ready" },
  { kind: "rate-limited", details: {}, state: "cooling" },
] as const)("an account that met $kind is $state once its credential is pasted again and works", async (given) => {
  const provider = new FakeProvider().next("a", fails(given.kind, given.details));
  provider.probe = async () => ({});
  await using world = await openWorld({ providers: [provider] });
  await world.add("a");
  await world.ask();
  expect(world.view("a").state).not.toBe("ready");
  const { known } = await accountOperations(world).add("fake", "a");
  expect(known).toMatchObject([{ state: given.state }]);
});

test("an account that was switched off by hand stays off when its credential is pasted again", async () => {
  const provider = new FakeProvider();
  provider.probe = async () => ({});
  await using world = await openWorld({ providers: [provider] });
  await world.add("a");
  await world.pool.roster.disable(world.view("a").id);
  expect((await accountOperations(world).add("fake", "a")).known).toMatchObject([{ state: "disabled_by_user" }]);
});
