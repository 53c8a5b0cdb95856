/** The official SDK and curl as clients: text to the byte, and failures that they notice. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { answer, fail, type Wire } from "../sims/longcat.ts";
import { A, B, readStream, startWorld, type World } from "./world.ts";

setDefaultTimeout(20_000);

const SAMPLE = '喵，世界！👩‍👩‍👧‍👦🇨🇳 naïve\u0000\u2028\u2029\t"quoted" \\ <b>&amp;</b> data: [DONE]\n\n: ping\r\n';
const MEGABYTE = Array.from({ length: 1200 }, (_, i) => `${i} ${SAMPLE.repeat(9)}`).join("");

const sdk = ({ gateway }: World, maxRetries = 0) =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries });
const BODY = { model: "LongCat", messages: [{ role: "user" as const, content: "hi" }] };

async function streamed(client: OpenAI): Promise<string> {
  let text = "";
  for await (const chunk of await client.chat.completions.create({ ...BODY, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
  }
  return text;
}

describe("to the byte", () => {
  const wires: [string, Wire][] = [
    ["a write per byte", { cut: "bytes" }],
    ["CR LF", { eol: "\r\n" }],
    ["CR alone, byte by byte", { eol: "\r", cut: "bytes" }],
    ["no space after the colon", { space: false }],
    ["all in one write", { cut: "whole" }],
  ];
  const formats = ["v2", "v2-cumulative", "legacy", "legacy-cumulative", "mixed"] as const;
  const cases = wires.flatMap(([name, wire]) => formats.map((format) => ({ name, wire, format })));
  test.each(cases)("$format, $name", async ({ wire, format }) => {
    await using w = await startWorld();
    w.sim.account(A).always("chat", answer(SAMPLE, { wire, format }));
    expect(await streamed(sdk(w))).toBe(SAMPLE);
    expect((await sdk(w).chat.completions.create(BODY)).choices[0]?.message.content).toBe(SAMPLE);
  });

  test.each(formats.slice(0, 3))("a megabyte in %s", async (format) => {
    await using w = await startWorld();
    w.sim.account(A).always("chat", answer(MEGABYTE, { format }));
    expect(await streamed(sdk(w))).toBe(MEGABYTE);
    expect((await sdk(w).chat.completions.create(BODY)).choices[0]?.message.content).toBe(MEGABYTE);
  });

  test("a megabyte there and back through curl", async () => {
    await using w = await startWorld();
    w.sim.account(A).always("chat", answer(MEGABYTE));
    const { url, key } = w.gateway;
    const curl = Bun.spawn(
      ["curl", "-sN", `${url}/v1/chat/completions`, "-H", `Authorization: Bearer ${key}`, "-d", "@-"],
      { stdin: new Blob([JSON.stringify({ ...BODY, messages: [{ role: "user", content: MEGABYTE }], stream: true })]) },
    );
    const { text, finishes, dones } = readStream(await new Response(curl.stdout).text());
    expect([text === MEGABYTE, finishes, dones]).toEqual([true, ["stop"], 1]);
    expect(w.sim.requests.find(({ kind }) => kind === "chat")?.body?.["content"]).toBe(MEGABYTE);
  });
});

describe("what the SDK makes of failures", () => {
  test("a stream that breaks throws; it is no short answer", async () => {
    await using w = await startWorld();
    for (const token of [A, B]) w.sim.account(token).always("chat", answer(["Hello", " you"], { breakAfter: 2 }));
    await expect(streamed(sdk(w))).rejects.toThrow(/complete/);
  });

  test("a broken upstream is asked once a cookie, however often the SDK would repeat", async () => {
    await using w = await startWorld();
    for (const token of [A, B]) w.sim.account(token).always("chat", fail.status(500));
    await expect(streamed(sdk(w, 2))).rejects.toMatchObject({ status: 502, code: "upstream_error" });
    await w.sim.until(() => w.sim.account(B).counts.chat === 1 && w.sim.liveConversations().length === 0);
    expect(w.sim.account(A).counts.chat).toBe(1);
  });

  const refusals: [string, object, object][] = [
    ["an unknown model", { model: "gpt-99" }, { status: 404, code: "model_not_found" }],
    ["no messages", { messages: [] }, { status: 400, param: "messages" }],
    [
      "an image",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x.example/y.png" } }] }] },
      { status: 400 },
    ],
  ];
  test.each(refusals)("%s is the error that the SDK has for it", async (_, change, error) => {
    await using w = await startWorld();
    const asked = async () => sdk(w, 2).chat.completions.create({ ...BODY, ...change });
    await expect(asked()).rejects.toMatchObject(error);
  });
});
