/** Bodies that nobody should send: each is answered in words, none is a fault of the gateway, and the next one is served. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answer } from "../sims/longcat.ts";
import { A, startWorld, type World } from "./world.ts";

let w: World;
beforeAll(async () => {
  w = await startWorld({ AUTH_COOKIES: A });
  w.sim.account(A).always("chat", answer("meow"));
});
afterAll(() => w[Symbol.asyncDispose]());

const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  w.gateway.ask("/v1/chat/completions", { method: "POST", body, headers });

const DEEP = 100_000;
const deepArray = "[".repeat(DEEP) + "]".repeat(DEEP);
const deepObject = `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`;
const HI = '"messages":[{"role":"user","content":"hi"}]';
const tool = `{"type":"function","function":{"name":"f","parameters":${deepObject}}}`;

const cases: [string, BodyInit, number][] = [
  ["100,000 arrays", deepArray, 400],
  ["100,000 objects", deepObject, 400],
  ["a deep field that nobody knows", `{"model":"LongCat",${HI},"x":${deepArray}}`, 200],
  ["deep metadata", `{"model":"LongCat",${HI},"metadata":${deepObject}}`, 200],
  ["deep content", `{"model":"LongCat","messages":[{"role":"user","content":${deepArray}}]}`, 400],
  ["a deep tool", `{"model":"LongCat",${HI},"tools":[${tool}]}`, 400],
  ["a number beyond all numbers", `{"model":"LongCat",${HI},"max_tokens":1e400}`, 400],
  ["a negative limit", `{"model":"LongCat",${HI},"max_tokens":-5}`, 400],
  ["every field null", `{"model":null,${HI},"max_tokens":null,"stop":null,"tools":null,"stream":null,"n":null}`, 200],
  ["the same key twice: the last counts", `{"model":"nobody","model":"LongCat",${HI}}`, 200],
  ["a poisoned prototype", `{"model":"LongCat",${HI},"__proto__":{"stream":true,"poisoned":1}}`, 200],
  ["messages by prototype alone", '{"model":"LongCat","__proto__":{"messages":[]}}', 400],
  ["a model named __proto__", `{"model":"__proto__",${HI}}`, 404],
  ["a model named constructor", `{"model":"constructor",${HI}}`, 404],
  [
    "a model of a megabyte",
    JSON.stringify({ model: "x".repeat(1e6), messages: [{ role: "user", content: "a" }] }),
    404,
  ],
  ["a role named __proto__", '{"model":"LongCat","messages":[{"role":"__proto__","content":"x"}]}', 400],
  ["a bare NUL", '{"model":"LongCat","messages":[{"role":"user","content":"a\0b"}]}', 400],
  ["half a character", '{"model":"LongCat","messages":[{"role":"user","content":"a\\ud800b"}]}', 200],
  ["UTF-16", Buffer.from(`{"model":"LongCat",${HI}}`, "utf16le"), 400],
  ["a byte order mark", `\ufeff{"model":"LongCat",${HI}}`, 200],
  ["packed bytes", Bun.gzipSync(Buffer.from(`{"model":"LongCat",${HI}}`)), 400],
  ["something after the end", `{"model":"LongCat",${HI}}}`, 400],
  ["nothing but blanks", "  \n ", 400],
];
test.each(cases)("%s", async (_, body, status) => {
  const response = await post(body);
  const text = await response.text();
  expect([response.status, text.slice(0, 300)]).toEqual([status, expect.any(String)]);
  expect(text.length).toBeLessThan(2000);
  if (status !== 200) expect(JSON.parse(text)).toMatchObject({ error: { type: "invalid_request_error" } });
  expect(text).not.toMatch(/\.ts:\d|node_modules|RangeError|TypeError/);
  expect((await post(`{"model":"LongCat",${HI}}`)).status).toBe(200);
});

test.each(["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "nonsense"])(
  "content-type %s is forgiven",
  async (type) => {
    expect((await post(`{"model":"LongCat",${HI}}`, { "content-type": type })).status).toBe(200);
  },
);

describe("the log", () => {
  test("holds no line that a caller wrote, and no fault of our own", async () => {
    const fake = "2026-01-01T00:00:00.000Z ERROR all-is-lost";
    await post(
      JSON.stringify({ model: `x\n${fake}\r\n${fake}\u2028${fake}`, messages: [{ role: "user", content: "a" }] }),
    );
    await w.gateway.ask(`/v1/models/${encodeURIComponent(`x\n${fake}`)}`);
    await new Promise(setImmediate);
    const lines = w.gateway.log().split(/[\n\r\u2028]/);
    expect(lines.filter((line) => line.startsWith(fake))).toEqual([]);
    expect(lines.filter((line) => / ERROR /.test(line.slice(0, 40)))).toEqual([]);
    expect(Object.prototype).not.toHaveProperty("poisoned");
  });
});
