import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/chat/error.ts";
import type { ChatRequest, ImagePart, Message, Tool } from "../../src/chat/request.ts";
import { prepare } from "../../src/emulate/index.ts";
import { ALL, request, TEXT } from "./requests.ts";

const image: ImagePart = { type: "image", source: { kind: "url", url: "https://pictures.example/a.png" } };
const tool: Tool = { name: "now", description: "", parameters: {} };
const hi: Message = { role: "user", parts: [{ type: "text", text: "Hi" }] };
const empty: Message = { role: "assistant", parts: [] };

describe("prepare", () => {
  test("an upstream that takes everything gets the request as it is, without empty messages", () => {
    const full = request({
      messages: [hi, { role: "user", parts: [image] }],
      tools: [tool],
      toolChoice: { type: "required" },
      responseFormat: { type: "json" },
    });
    expect(prepare(full, ALL)).toEqual(full);
    expect(prepare(request({ messages: [hi, empty, hi] }), ALL).messages).toEqual([hi, hi]);
  });

  test("one plain question goes to an upstream that takes a prompt without a copy", () => {
    const plain = request({ messages: [hi] });
    expect(prepare(plain, TEXT)).toBe(plain);
    const named = request({ messages: [{ ...hi, name: "Ann" }] });
    expect(prepare(named, TEXT)).toEqual(plain);
  });

  test("a history becomes one user message for an upstream that takes a prompt", () => {
    const { messages } = prepare(request({ messages: [hi, { ...hi, role: "assistant" }, hi] }), TEXT);
    expect(messages).toHaveLength(1);
    expect(messages[0]?.role).toBe("user");
    expect(messages[0]?.parts).toHaveLength(1);
    expect(prepare(request(), TEXT).messages).toEqual([hi]);
  });

  test("L8 a text that is a whole prompt made here is one turn of a new one", () => {
    const made = prepare(request({ messages: [{ role: "system", parts: [{ type: "text", text: "S" }] }, hi] }), TEXT);
    const [stolen] = made.messages[0]?.parts ?? [];
    const [again] = prepare(request({ messages: made.messages }), TEXT).messages[0]?.parts ?? [];
    expect(again).not.toEqual(stolen);
    expect(again).toMatchObject({ text: expect.stringMatching(/^This is .*\n\[\w{6} user\]\nThis is /) });
  });

  test("pictures go along with a prompt", () => {
    const messages: Message[] = [{ role: "user", parts: [...hi.parts, image] }, hi];
    expect(prepare(request({ messages }), { ...TEXT, images: "any" }).messages[0]?.parts.slice(1)).toEqual([image]);
  });

  test("calls and results in the history become text where there are no tools", () => {
    const called: Message = { role: "assistant", parts: [{ type: "tool-call", id: "1", name: "now", json: "{}" }] };
    const result: Message = {
      role: "user",
      parts: [{ type: "tool-result", callId: "1", content: [{ type: "text", text: "noon" }], isError: false }],
    };
    for (const history of ["prompt", "messages"] as const) {
      const { messages } = prepare(request({ messages: [hi, called, result] }), { ...TEXT, history });
      expect(messages.flatMap(({ parts }) => parts).every(({ type }) => type === "text")).toBe(true);
      expect(JSON.stringify(messages)).toContain("noon");
    }
  });

  test("tools that may not be called are left out", () => {
    const prepared = prepare(request({ tools: [tool], toolChoice: { type: "none" } }), TEXT);
    expect(prepared).toMatchObject({ tools: [], toolChoice: { type: "auto" } });
  });

  test("JSON without a schema is asked for in words", () => {
    const prepared = prepare(request({ responseFormat: { type: "json" } }), { ...ALL, responseFormat: false });
    expect(prepared.responseFormat).toEqual({ type: "text" });
    expect(prepared.messages).toHaveLength(2);
    expect(JSON.stringify(prepared.messages[0])).toContain("JSON object");
  });

  const refused: { name: string; asked: Partial<ChatRequest>; field: string; says: RegExp }[] = [
    {
      name: "a picture, by its place in the client's list",
      asked: { messages: [hi, empty, { role: "user", parts: [...hi.parts, image] }] },
      field: "messages[2].content",
      says: /text only: remove the image/,
    },
    {
      name: "a picture in a tool result",
      asked: {
        messages: [{ role: "user", parts: [{ type: "tool-result", callId: "1", content: [image], isError: false }] }],
      },
      field: "messages[0].content",
      says: /image/,
    },
    { name: "tools", asked: { tools: [tool] }, field: "tools", says: /leave `tools` out/ },
    {
      name: "a JSON schema",
      asked: { responseFormat: { type: "json-schema", name: "s", schema: {}, strict: true } },
      field: "response_format",
      says: /leave `response_format` out/,
    },
  ];
  test.each(refused)("a text-only upstream refuses $name", ({ asked, field, says }) => {
    try {
      prepare(request(asked), TEXT);
      throw new Error("it was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ kind: "invalid-request", field });
      expect(String(error)).toMatch(says);
    }
  });
});
