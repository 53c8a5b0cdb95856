import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Gateway, startGateway } from "../gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { API_MASTER_KEY: "master-key-of-the-owner" } });
});
afterAll(() => gateway.stop());

const BODY = JSON.stringify({ model: "demo", messages: [{ role: "user", content: "echo hi" }] });
const post = (path: string, headers: Record<string, string> = {}, body = BODY) =>
  fetch(gateway.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
const errorOf = async (response: Response) => ((await response.json()) as { error: Record<string, unknown> }).error;

describe("paths", () => {
  const paths = [
    "/v1/chat/completions",
    "/api/v1/chat/completions",
    "/chat/completions",
    "/demo/v1/chat/completions",
    "/v1/chat/completions/",
    "//v1//chat/completions",
    "/v1/v1/chat/completions",
  ];
  test.each(paths)("%s answers a chat", async (path) => {
    const response = await post(path, { authorization: `Bearer ${gateway.key}` });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "hi" } }] });
  });

  test.each(["/v1/models", "/api/v1/models", "/models", "/v1/models/", "//v1/models"])(
    "%s lists models",
    async (path) => {
      const response = await gateway.ask(path);
      const { data } = (await response.json()) as { data: { id: string }[] };
      expect(data.map(({ id }) => id)).toContain("LongCat");
    },
  );

  test("models that nobody has an account for are not listed", async () => {
    const { data } = (await (await gateway.ask("/v1/models")).json()) as { data: { owned_by: string }[] };
    expect(data.map(({ owned_by }) => owned_by)).not.toContain("kiro");
  });

  test("a provider in the prefix limits the list to its models", async () => {
    const { data } = (await (await gateway.ask("/demo/v1/models")).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(["demo"]);
  });

  test("a model by its id, with the id as it is listed", async () => {
    const response = await gateway.ask("/v1/models/longcat-search");
    expect(await response.json()).toMatchObject({ object: "model", owned_by: "longcat" });
  });

  test("LongCat-Search keeps the created time that longchat gave it", async () => {
    const { data } = (await (await gateway.ask("/v1/models")).json()) as { data: Record<string, unknown>[] };
    expect(data.find(({ id }) => id === "LongCat-Search")).toEqual({
      id: "LongCat-Search",
      object: "model",
      created: 1753777714,
      owned_by: "longcat",
    });
  });
});

describe("keys", () => {
  const ways: [string, string, Record<string, string>][] = [
    ["Authorization", "", { authorization: "Bearer KEY" }],
    ["a doubled Bearer", "", { authorization: "Bearer Bearer KEY" }],
    ["Bearer in the field for a key", "", { "x-api-key": "Bearer KEY" }],
    ["Authorization without a scheme", "", { authorization: "KEY" }],
    ["x-api-key", "", { "x-api-key": "KEY" }],
    ["api-key", "", { "api-key": "KEY" }],
    ["?key=", "?key=KEY", {}],
  ];
  test.each(ways)("a key by %s is known", async (_, query, headers) => {
    const real = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("KEY", gateway.key)]),
    );
    const response = await post(`/v1/chat/completions${query.replace("KEY", gateway.key)}`, real);
    expect(response.status).toBe(200);
  });

  test("a key of the environment always works", async () => {
    expect((await post("/v1/chat/completions", { authorization: "Bearer master-key-of-the-owner" })).status).toBe(200);
  });

  const refused: [string, Record<string, string>][] = [
    ["no key", {}],
    ["an unknown key", { authorization: "Bearer sk-nobody" }],
    ["an SQL text", { authorization: "Bearer ' OR 1=1 --" }],
    ["longchat's word for none", { authorization: "Bearer none" }],
  ];
  test.each(refused)("%s is a 401 with the code that SDKs know", async (_, headers) => {
    const response = await post("/v1/chat/completions", headers);
    expect(response.status).toBe(401);
    expect(await errorOf(response)).toMatchObject({ type: "invalid_request_error", code: "invalid_api_key" });
    expect((await fetch(`${gateway.url}/v1/models`, { headers })).status).toBe(401);
  });

  test("a revoked key stops at the next request", async () => {
    const { key, view } = await gateway.app.admin.keys.create("short-lived");
    expect((await post("/v1/chat/completions", { authorization: `Bearer ${key}` })).status).toBe(200);
    await gateway.app.admin.keys.revoke(view.id);
    expect((await post("/v1/chat/completions", { authorization: `Bearer ${key}` })).status).toBe(401);
  });

  test("a key stands in the database as a hash alone", async () => {
    await gateway.store.flush();
    const rows = JSON.stringify(await gateway.store.keys.all());
    expect(rows).not.toContain(gateway.key);
    expect(gateway.log()).not.toContain(gateway.key);
  });
});

describe("bad input", () => {
  const cases: { name: string; path?: string; method?: string; body?: string; status: number; error: object }[] = [
    { name: "malformed JSON", body: "{oops", status: 400, error: { type: "invalid_request_error" } },
    { name: "an empty body", body: "", status: 400, error: { type: "invalid_request_error" } },
    { name: "an array", body: "[]", status: 400, error: { type: "invalid_request_error" } },
    { name: "no messages", body: '{"model":"demo"}', status: 400, error: { param: "messages" } },
    { name: "empty messages", body: '{"model":"demo","messages":[]}', status: 400, error: { param: "messages" } },
    {
      name: "a message of the wrong type",
      body: '{"model":"demo","messages":[{"role":"user","content":7}]}',
      status: 400,
      error: { param: "messages[0].content" },
    },
    {
      name: "an unknown model",
      body: '{"model":"LongCatt","messages":[{"role":"user","content":"hi"}]}',
      status: 404,
      error: { code: "model_not_found" },
    },
    {
      name: "a model that is markup",
      body: '{"model":"<script>alert(1)</script>","messages":[{"role":"user","content":"hi"}]}',
      status: 404,
      error: { code: "model_not_found" },
    },
    { name: "an unknown path", path: "/v1/nothing", status: 404, error: { type: "invalid_request_error" } },
    { name: "a wrong method", method: "PUT", status: 405, error: { type: "invalid_request_error" } },
    { name: "a POST to /healthz", path: "/healthz", status: 405, error: { code: "method_not_allowed" } },
    { name: "a GET of /reload", path: "/reload", method: "GET", status: 405, error: { code: "method_not_allowed" } },
    { name: "an unknown provider's path", path: "/nobody/v1/chat/completions", status: 404, error: {} },
    {
      name: "n other than 1",
      body: '{"model":"demo","n":2,"messages":[{"role":"user","content":"hi"}]}',
      status: 400,
      error: { param: "n" },
    },
  ];
  test.each(cases)("$name is a $status in words", async ({ path, method, body, status, error }) => {
    const response = await gateway.ask(path ?? "/v1/chat/completions", {
      method: method ?? "POST",
      ...(method === "GET" ? {} : { body: body ?? BODY }),
    });
    expect(response.status).toBe(status);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("x-request-id")).toStartWith("req_");
    const found = await errorOf(response);
    expect(found).toMatchObject(error);
    expect(String(found["message"]).length).toBeGreaterThan(10);
    expect(JSON.stringify(found)).not.toMatch(/\.ts:|node_modules|SELECT /);
  });

  const encoded = [
    { name: "in UTF-16", body: Buffer.from(`\uFEFF${BODY}`, "utf16le"), words: "not UTF-8" },
    { name: "in UTF-16 without a mark", body: Buffer.from(BODY, "utf16le"), words: "not UTF-8" },
    { name: "whose text is in Latin-1", body: Buffer.from(BODY.replace("hi", "café"), "latin1"), words: "not UTF-8" },
    { name: "that is compressed", body: Bun.gzipSync(Buffer.from(BODY)), coding: "gzip", words: "compressed" },
    { name: "of white space", body: Buffer.from("  "), words: "empty" },
  ];
  test.each(encoded)("a body $name is a 400 that says so, whole and in pieces", async ({ body, coding, words }) => {
    const headers: Record<string, string> = coding === undefined ? {} : { "content-encoding": coding };
    const pieces = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(body.subarray(0, 7)));
        controller.enqueue(new Uint8Array(body.subarray(7)));
        controller.close();
      },
    });
    for (const sent of [new Uint8Array(body), pieces]) {
      const response = await gateway.ask("/v1/chat/completions", { method: "POST", headers, body: sent });
      expect(response.status).toBe(400);
      expect((await errorOf(response))["message"]).toContain(words);
    }
  });

  test("a body with a byte order mark, and one that holds the mark of a lost character, are read", async () => {
    const lost = BODY.replace("hi", "a\uFFFDb");
    for (const body of [`\uFEFF${BODY}`, lost, `\uFEFF${lost}`]) {
      expect((await gateway.ask("/v1/chat/completions", { method: "POST", body })).status).toBe(200);
    }
  });

  test.each([
    ["/v1/chat/completions", "DELETE", "POST, OPTIONS"],
    ["/v1/models/demo", "PUT", "GET, HEAD, OPTIONS"],
    ["/stats", "POST", "GET, HEAD, OPTIONS"],
    ["/reload/", "GET", "POST, OPTIONS"],
  ])("a wrong method at %s names the right ones for programs, too", async (path, method, allow) => {
    const response = await gateway.ask(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    expect((await errorOf(response))["message"]).toContain(`${path} does not take ${method}`);
  });

  test("a body over the limit is a 413 before it is read", async () => {
    const response = await gateway.ask("/v1/chat/completions", { method: "POST", body: "x".repeat(33 * 1024 * 1024) });
    expect(response.status).toBe(413);
    expect(await errorOf(response)).toMatchObject({ code: "request_too_large" });
  });

  test("a body without a length is counted as it comes", async () => {
    const piece = new Uint8Array(1024 * 1024);
    let pieces = 40;
    const body = new ReadableStream({
      pull(controller) {
        if (pieces-- > 0) controller.enqueue(piece);
        else controller.close();
      },
    });
    const response = await gateway.ask("/v1/chat/completions", { method: "POST", body });
    expect(response.status).toBe(413);
  });
});

describe("browsers", () => {
  test("a preflight needs no key and allows whatever is asked", async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, x-stainless-os, x-title",
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-headers")).toBe("authorization, x-stainless-os, x-title");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });

  test.each(["/stats", "/health", "/reload", "/v1/nothing", "/dashboard/billing/usage"])(
    "a preflight at %s lets a page see the answer, a refusal too",
    async (path) => {
      const headers = { origin: "https://app.example", "access-control-request-headers": "authorization" };
      const asked = await fetch(gateway.url + path, { method: "OPTIONS", headers });
      expect(asked.status).toBe(204);
      expect(asked.headers.get("access-control-allow-headers")).toBe("authorization");
      const answer = await fetch(gateway.url + path, { method: path === "/reload" ? "POST" : "GET" });
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    },
  );

  test("operators' paths are not for pages of other origins", async () => {
    for (const path of ["/api/accounts", "/api/accounts/acc_1/renew"]) {
      const asked = await fetch(gateway.url + path, { method: "OPTIONS" });
      expect([404, 405]).toContain(asked.status);
    }
    const answer = await fetch(`${gateway.url}/api/accounts`);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("a machine with a name of two or three letters shows all its pages", async () => {
    for (const host of ["pi", "nas"]) {
      for (const path of ["/console/", "/console/assets/app.css", "/docs/json", "/docs/assets/swagger-ui.css"]) {
        const { status } = await fetch(gateway.url + path, { headers: { host }, redirect: "manual" });
        expect({ host, path, status }).toEqual({ host, path, status: 200 });
      }
    }
  });

  test("a page may read each header of ours that an answer has", async () => {
    const { headers } = await gateway.chat({});
    const exposed = headers.get("access-control-expose-headers")?.split(", ") ?? [];
    const ours = [...headers.keys()].filter((name) => name.startsWith("x-sluice-"));
    expect(ours).toContain("x-sluice-provider");
    expect(ours.filter((name) => !exposed.includes(name))).toEqual([]);
  });

  test("a stream may be read from any origin, and proxies do not hold it back", async () => {
    const response = await gateway.chat({ stream: true });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(await response.text()).toEndWith("data: [DONE]\n\n");
  });
});

describe("the front door", () => {
  test("curl gets OK, a browser the console", async () => {
    const plain = await fetch(gateway.url, { headers: { accept: "*/*" } });
    expect(await plain.text()).toBe("OK");
    const page = await fetch(gateway.url, { headers: { accept: "text/html,*/*" }, redirect: "manual" });
    expect(page.status).toBe(302);
    expect(page.headers.get("location")).toContain("console/");
  });

  test.each(["/health", "/healthz", "/livez", "/api/health"])("%s is open and well", async (path) => {
    const response = await fetch(gateway.url + path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: "ok" });
  });

  test("/stats is 200 with zeros before there is any cookie", async () => {
    const response = await fetch(`${gateway.url}/stats`);
    expect(await response.json()).toEqual({ totalCookies: 0, currentCookie: 0, currentRequests: 0, cookies: [] });
  });

  test("the API page loads nothing from outside", async () => {
    const page = await (await fetch(`${gateway.url}/docs`)).text();
    expect(page).not.toMatch(/https?:\/\//);
    for (const [, path] of page.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await fetch(gateway.url + path)).status).toBe(200);
    }
  });

  test("the API document names the chat path and no console page", async () => {
    const { paths } = (await (await fetch(`${gateway.url}/docs/json`)).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toContain("/v1/chat/completions");
    expect(Object.keys(paths).filter((path) => path.startsWith("/console"))).toEqual([]);
  });

  test("a foreign host name reaches neither console nor operations", async () => {
    for (const path of ["/console/", "/api/accounts"]) {
      const response = await fetch(gateway.url + path, { headers: { host: "evil.example.com" } });
      expect(response.status).toBe(403);
      expect(await response.text()).toContain("ALLOWED_HOSTS=evil.example.com");
    }
  });
});

describe("operations", () => {
  test("a client key may not operate", async () => {
    expect((await gateway.ask("/api/accounts")).status).toBe(401);
  });

  test("L13 /reload wants an admin key, not a public word", async () => {
    const reload = (key: string, body: object) =>
      fetch(`${gateway.url}/reload`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
      });
    const cookies = `${"a".repeat(90)},${"b".repeat(90)}`;
    expect((await reload("reload", { type: "cookies", cookies })).status).toBe(401);
    expect((await reload(gateway.key, { type: "cookies", cookies })).status).toBe(401);
    expect((await reload(gateway.adminKey, { type: "cookies" })).status).toBe(400);
    const answer = await (await reload(gateway.adminKey, { type: "cookies", cookies })).json();
    expect(answer).toMatchObject({ success: true, cookiesCount: 2 });
    const stats = (await (await fetch(`${gateway.url}/stats`)).json()) as { totalCookies: number };
    expect(stats.totalCookies).toBe(2);
  });
});
