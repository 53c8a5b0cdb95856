import { expect, test } from "bun:test";
import type { Overview } from "../../src/admin/admin.ts";
import type { ErrorBody } from "../../src/admin/routes.ts";
import { startGateway, type Gateway } from "../gateway.ts";

const asOperator = (gateway: Gateway, path: string, body?: object) =>
  fetch(`${gateway.url}${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });

test("aliases and fallbacks that the operator sets hold for the next request, and the answer says who served", async () => {
  await using gateway = await startGateway();
  expect((await gateway.chat({ model: "my-model" })).status).toBe(404);
  const value = JSON.stringify({ "My-*": "demo/demo" });
  expect((await asOperator(gateway, "/api/settings/ALIASES", { value })).status).toBe(200);
  const answer = await gateway.chat({ model: "my-model" });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-sluice-provider")).toBe("demo");
  expect(answer.headers.get("x-sluice-model")).toBe("demo");
  await asOperator(gateway, "/api/settings/ALIASES", {});
  expect((await gateway.chat({ model: "my-model" })).status).toBe(404);

  expect((await gateway.chat({ model: "LongCat" })).status).toBe(503);
  const chains = JSON.stringify({ longcat: ["demo/demo"] });
  await asOperator(gateway, "/api/settings/FALLBACKS", { value: chains });
  const stood = await gateway.chat({ model: "LongCat" });
  expect([stood.status, stood.headers.get("x-sluice-provider")]).toEqual([200, "demo"]);
});

test("a table that is no table is refused and changes nothing", async () => {
  await using gateway = await startGateway();
  const refused = await asOperator(gateway, "/api/settings/ALIASES", { value: '["demo"]' });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({ error: { field: "ALIASES" } });
});

test("settings of accounts and sign-ins are there over HTTP", async () => {
  await using gateway = await startGateway();
  const { added } = await gateway.app.admin.accounts.add("longcat", "passport_token_key=invented-cookie-0001", {
    check: false,
  });
  const id = added[0]?.id ?? "";
  const configured = await asOperator(gateway, `/api/accounts/${id}/configure`, { requestsPerHour: 12, proxy: null });
  expect(await configured.json()).toMatchObject({ id, settings: { requestsPerHour: 12 } });
  const socks = await asOperator(gateway, `/api/accounts/${id}/configure`, { proxy: "socks5://127.0.0.1:1" });
  expect(socks.status).toBe(400);
  expect(await (await asOperator(gateway, "/api/sign-ins")).json()).toEqual([]);
  const methods = (await (await asOperator(gateway, "/api/sign-ins/methods")).json()) as {
    provider: string;
    id: string;
  }[];
  expect(methods.map(({ provider, id }) => `${provider} ${id}`)).toContain("kiro builder-id");
  expect((await asOperator(gateway, "/api/sign-ins", { provider: "longcat", method: "x" })).status).toBe(400);
  expect((await asOperator(gateway, "/api/sign-ins/login_none/poll", {})).status).toBe(404);
});

test("names of KNOWN_MODELS that mean no model are a notice until they do, and what is no list is refused", async () => {
  await using gateway = await startGateway();
  const notices = async () => ((await (await asOperator(gateway, "/api/overview")).json()) as Overview).notices;
  expect(await notices()).toEqual([]);
  const set = (value: string) => asOperator(gateway, "/api/settings/KNOWN_MODELS", { value });
  expect((await set("abc")).status).toBe(400);
  expect((await asOperator(gateway, "/api/settings/PROVIDER_ORDER", { value: "foo" })).status).toBe(400);
  expect(await notices()).toEqual([]);
  expect((await set('["abc","demo","LongCat","sonnet-of-mine"]')).status).toBe(200);
  expect(await notices()).toEqual(["KNOWN_MODELS names what nobody here serves: abc, sonnet-of-mine"]);
  await asOperator(gateway, "/api/settings/ALIASES", { value: '{"abc":"demo","sonnet-*":"demo"}' });
  expect(await notices()).toEqual([]);
});

test("a start tells which names of KNOWN_MODELS and which cookies it could not use", async () => {
  await using gateway = await startGateway({
    env: { KNOWN_MODELS: '["abc"]', CLERK_COOKIE: "nonsense", REQUIRE_KEY: "off" },
  });
  expect(gateway.app.notices()).toEqual([
    expect.stringContaining("REQUIRE_KEY is off"),
    expect.stringContaining("CLERK_COOKIE, entry 1: "),
    "KNOWN_MODELS names what nobody here serves: abc",
  ]);
});

test.each([
  ["a key without a name", "/api/keys", { name: "" }, "Give the key a name of 1 to 80 characters.", 400],
  ["a key whose name is left out", "/api/keys", {}, "name is missing or empty", 400],
  ["an empty password", "/api/password", { password: "" }, "password is missing or empty", 400],
  [
    "a provider mistyped",
    "/api/accounts",
    { provider: "lngcat", text: "x" },
    "there are: longcat, langfast, cto,",
    404,
  ],
])("%s is refused in words that help", async (_, path, body, says, status) => {
  await using gateway = await startGateway();
  const refused = await asOperator(gateway, path, body);
  expect(refused.status).toBe(status);
  expect(((await refused.json()) as ErrorBody).error.message).toContain(says);
});
