import { describe, expect, test } from "bun:test";
import {
  cleanSchema,
  descriptionOf,
  inputOf,
  namesBack,
  toolsOf,
  upstreamName,
  withoutNulls,
} from "../../../src/providers/kiro/tools.ts";

describe("rule 7: names", () => {
  test.each(["read", "mcp__server-1__do", "a".repeat(64)])("%s stays", (name) => {
    expect(upstreamName(name)).toBe(name);
  });

  test.each(["a".repeat(65), "mcp.server/do", "读取", "with space", ""])("%j is shortened to what is taken", (name) => {
    const short = upstreamName(name);
    expect(short).toMatch(/^[\w-]{1,64}$/);
    expect(upstreamName(name)).toBe(short);
    expect(namesBack([name]).get(short.toLowerCase())).toBe(name);
  });

  test("names that differ only in what is cut stay apart", () => {
    expect(upstreamName(`${"a".repeat(70)}1`)).not.toBe(upstreamName(`${"a".repeat(70)}2`));
    expect(upstreamName("a.b")).not.toBe(upstreamName("a/b"));
  });
});

describe("rule 7: descriptions", () => {
  test("kiro trap 13: an empty one becomes the name", () => {
    expect(descriptionOf({ name: "read", description: " " }, "runtime")).toBe("read");
  });
  test("legacy hosts get at most 10,240 bytes, cut between characters", () => {
    const cut = descriptionOf({ name: "x", description: `x${"é".repeat(9000)}` }, "legacy");
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(10_240);
    expect(cut).toEndWith("é...");
    expect(cut).not.toContain("\uFFFD");
  });
  test("the runtime gets all of it", () => {
    expect(descriptionOf({ name: "x", description: "x".repeat(20_000) }, "runtime")).toHaveLength(20_000);
  });
});

describe("rule 7: schemas", () => {
  test.each<{ name: string; schema: unknown; clean: unknown }>([
    { name: "nothing", schema: {}, clean: { type: "object", properties: {} } },
    { name: "null", schema: null, clean: { type: "object", properties: {} } },
    {
      name: "nulls in each place",
      schema: { type: null, properties: null, required: null, additionalProperties: null, description: null },
      clean: { type: "object", properties: {} },
    },
    {
      name: "wrong shapes",
      schema: { type: "object", properties: [], required: "a", additionalProperties: "no" },
      clean: { type: "object", properties: {} },
    },
    {
      name: "required with what is no string",
      schema: { properties: { a: {} }, required: ["a", null, 1] },
      clean: { type: "object", properties: { a: {} }, required: ["a"] },
    },
    {
      name: "nested schemas, lists and definitions",
      schema: {
        properties: { a: { type: "array", items: { default: null, enum: ["x", null] } }, b: null },
        anyOf: [{ required: null }],
        $defs: { d: { properties: { e: { const: null } } } },
        additionalProperties: { type: "string", title: null },
      },
      clean: {
        type: "object",
        properties: { a: { type: "array", items: { enum: ["x"] } }, b: {} },
        anyOf: [{}],
        $defs: { d: { properties: { e: {} } } },
        additionalProperties: { type: "string" },
      },
    },
    {
      name: "a property that is named like a keyword",
      schema: { properties: { required: { type: "boolean" }, properties: { type: "object" }, "": {} } },
      clean: { type: "object", properties: { required: { type: "boolean" }, properties: { type: "object" } } },
    },
  ])("$name", ({ schema, clean }) => {
    expect(cleanSchema(schema)).toEqual(clean as never);
  });

  test("one that is nested without end is cut, not followed", () => {
    let schema: Record<string, unknown> = {};
    for (let depth = 0; depth < 20_000; depth++) schema = { items: schema };
    expect(JSON.stringify(cleanSchema(schema)).length).toBeLessThan(2000);
  });
});

describe("rule 7: inputs of calls are objects", () => {
  test.each([
    { json: "", input: {} },
    { json: '{"a":1}', input: { a: 1 } },
    { json: '{"a":null,"b":[null,1],"":2}', input: { b: [1] } },
    { json: "null", input: {} },
    { json: "[1]", input: { arguments: [1] } },
    { json: '{"cut":', input: { arguments: '{"cut":' } },
  ])("$json", ({ json, input }) => {
    expect(inputOf(json)).toEqual(input);
  });
});

test("nulls are left out at any depth", () => {
  expect(withoutNulls({ a: [{ b: null, c: 0, d: "", e: false }] })).toEqual({ a: [{ c: 0, d: "", e: false }] });
});

test("rule 6: a name that the history uses without its tool gets a stub, whatever its case; no tool is listed twice", () => {
  const tool = { name: "Read", description: "Reads", parameters: {} };
  const listed = toolsOf([tool, tool], ["read", "gone"], "runtime");
  expect(listed.map(({ toolSpecification }) => toolSpecification)).toEqual([
    { name: "Read", description: "Reads", inputSchema: { json: { type: "object", properties: {} } } },
    { name: "gone", description: "gone", inputSchema: { json: { type: "object", properties: {} } } },
  ]);
});
