import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { credential } from "../../../src/providers/openai-compatible/credential.ts";

const KEY = "sk-invented-0123456789";
const parse = (login: object | object[]) => credential.parse(JSON.stringify(login));
const baseOf = (baseUrl: string, over: object = {}) => parse({ baseUrl, apiKey: KEY, ...over })[0]?.baseUrl;

describe("a base URL", () => {
  const cases: [string, string][] = [
    ["https://api.example.com", "https://api.example.com/v1"],
    ["https://api.example.com/", "https://api.example.com/v1"],
    ["https://api.example.com/v1", "https://api.example.com/v1"],
    ["https://api.example.com/v1///", "https://api.example.com/v1"],
    ["  https://API.Example.com:443/v1/  ", "https://api.example.com/v1"],
    ["api.example.com", "https://api.example.com/v1"],
    ["https://api.example.com/v1/chat/completions", "https://api.example.com/v1"],
    ["https://api.example.com/v1/models", "https://api.example.com/v1"],
    ["https://api.example.com/openai", "https://api.example.com/openai/v1"],
    ["https://api.example.com/api/paas/v4", "https://api.example.com/api/paas/v4"],
    ["https://api.example.com/v1beta/openai/", "https://api.example.com/v1beta/openai"],
    ["https://api.longcat.chat", "https://api.longcat.chat/openai/v1"],
    ["https://api.longcat.chat/openai", "https://api.longcat.chat/openai/v1"],
    ["https://api.longcat.chat/v1", "https://api.longcat.chat/openai/v1"],
  ];
  test.each(cases)("%s becomes %s, and stays that", (given, normal) => {
    expect(baseOf(given)).toBe(normal);
    expect(baseOf(normal)).toBe(normal);
  });

  const allowed: [string, string][] = [
    ["http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"],
    ["http://localhost:1234/v1/", "http://localhost:1234/v1"],
    ["https://192.168.1.5", "https://192.168.1.5/v1"],
    ["http://nas.local:8080", "http://nas.local:8080/v1"],
  ];
  test.each(allowed)("%s needs allowPrivate", (given, normal) => {
    expect(() => baseOf(given)).toThrow(/allowPrivate|https/);
    expect(baseOf(given, { allowPrivate: true })).toBe(normal);
  });

  const refused: [string, RegExp][] = [
    ["http://api.example.com/v1", /https:\/\//],
    ["http://8.8.8.8/v1", /https:\/\//],
    ["https://169.254.169.254/latest", /metadata/],
    ["https://[fe80::1]/v1", /link-local/],
    ["https://[::ffff:169.254.169.254]/", /metadata/],
    ["https://2852039166/", /metadata/],
    ["https://0/", /reserved/],
    ["https://metadata.google.internal/", /metadata/],
    ["https://user:pass@api.example.com/", /user name or password/],
    ["https://api.example.com/v1?key=1", /`\?`/],
    ["ftp://api.example.com/", /https:\/\//],
    ["https://", /https:\/\//],
    ["", /`baseUrl` is missing/],
  ];
  test.each(refused)("%s is refused", (given, words) => expect(() => baseOf(given)).toThrow(words));

  test("forbidden stays forbidden with allowPrivate, and public addresses keep TLS", () => {
    for (const given of ["http://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0/", "http://8.8.8.8/"])
      expect(() => baseOf(given, { allowPrivate: true })).toThrow(GatewayError);
  });
});

test("a whole login is read, with every form of a model", () => {
  const login = { name: " Mine ", baseUrl: "https://a.example", apiKey: ` Bearer ${KEY} `, priority: -1 };
  const models = ["gpt-4o", { id: "LongCat", upstream: "LongCat-Flash-Chat" }, { id: "x" }, "gpt-4o"];
  expect(parse({ ...login, models })).toEqual([
    {
      name: "Mine",
      baseUrl: "https://a.example/v1",
      apiKey: KEY,
      priority: -1,
      models: [
        { id: "gpt-4o", upstream: "gpt-4o" },
        { id: "LongCat", upstream: "LongCat-Flash-Chat" },
        { id: "x", upstream: "x" },
      ],
    },
  ]);
});

test("an array holds several, and the host names one without a name", () => {
  const logins = parse([
    { baseUrl: "a.example", apiKey: KEY },
    { base_url: "b.example", api_key: KEY },
  ]);
  expect(logins.map(({ name }) => name)).toEqual(["a.example", "b.example"]);
});

test("what was parsed is restored as it was", () => {
  const [login] = parse({ name: "n", baseUrl: "http://127.0.0.1:1", allowPrivate: true, models: ["m"] });
  expect(credential.restore(JSON.parse(JSON.stringify(login)))).toEqual(login as NonNullable<typeof login>);
});

test("the same address and key are one account, whatever else differs", () => {
  const identity = (over: object) => credential.identity(parse({ baseUrl: "a.example", apiKey: KEY, ...over })[0]!); // prettier-ignore
  expect(identity({ name: "other", models: ["x"], baseUrl: "https://a.example/v1/" })).toBe(identity({}));
  expect(identity({ apiKey: "sk-other-0123456789" })).not.toBe(identity({}));
});

test("46 the hint shows the host and the key's end only", () => {
  const hint = (apiKey: string) => credential.hint(parse({ baseUrl: "a.example", apiKey })[0]!); // prettier-ignore
  expect(hint(KEY)).toBe("a.example …6789");
  expect(hint("short")).toBe("a.example …");
});

describe("46 a wrong login is refused in words that never hold the key", () => {
  const cases: [string, string, RegExp][] = [
    ["no JSON", KEY, /not JSON/],
    ["cut JSON", `{"apiKey": "${KEY}`, /not JSON/],
    ["a list of nothing", "[]", /empty/],
    ["a text", `"${KEY}"`, /JSON object/],
    ["no key", '{"baseUrl": "a.example"}', /`apiKey` is missing/],
    ["a key that is no text", '{"baseUrl": "a.example", "apiKey": 5}', /`apiKey` must be/],
    ["a key with a line end", JSON.stringify({ baseUrl: "a.example", apiKey: `${KEY}\nx: y` }), /`apiKey` holds/],
    ["models that are none", JSON.stringify({ baseUrl: "a.example", apiKey: KEY, models: [5] }), /`models` must be/],
    ["a priority that is none", JSON.stringify({ baseUrl: "a.example", apiKey: KEY, priority: "x" }), /`priority`/],
    ["a tick that is none", JSON.stringify({ baseUrl: "a.example", apiKey: KEY, allowPrivate: 1 }), /`allowPrivate`/],
    [
      "the second of two",
      JSON.stringify([{ baseUrl: "a.example", apiKey: KEY }, { apiKey: KEY }]),
      /Entry 2: `baseUrl`/,
    ],
  ];
  test.each(cases)("%s", (_name, text, words) => {
    expect(() => credential.parse(text)).toThrow(words);
    try {
      credential.parse(text);
    } catch (error) {
      expect((error as GatewayError).kind).toBe("invalid-request");
      expect(String(error)).not.toContain(KEY);
      expect(String(error)).toContain("api.example.com");
    }
  });
});
