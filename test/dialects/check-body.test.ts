import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { bodyChecker } from "../../src/dialects/check-body.ts";

const schema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: "a name" }),
    parts: Type.Array(
      Type.Union([Type.Object({ text: Type.String({ description: "a text" }) }), Type.Null()], {
        description: "a part",
      }),
      { description: "a list" },
    ),
    note: Type.Optional(Type.String({ description: "a note" })),
  },
  { description: "an object" },
);

const good = { name: "a", parts: [{ text: "b" }, null] };

const cases = [
  { name: "a missing field", body: { parts: [] }, says: "`name` must be a name; it is missing." },
  {
    name: "a wrong field deep inside",
    body: { name: "a", parts: [null, { text: 1 }] },
    says: "`parts[1].text` must be",
  },
  { name: "a field that no body had before", body: { ...good, note: 1 }, says: "`note` must be a note; it is 1." },
  { name: "no object", body: [], says: "The body must be an object; it is an empty array." },
];

describe.each([
  { when: "the first body after a start", before: [] },
  { when: "the second", before: [good] },
  { when: "a later one", before: [good, good] },
])("$when meets the same check", ({ before }) => {
  const checker = () => {
    const check = bodyChecker(schema);
    for (const body of before) check(body);
    return check;
  };

  test("a right body comes back as it is", () => {
    expect(checker()(good)).toBe(good);
  });

  test("a field that the schema does not know stands, whatever its name", () => {
    const body: unknown = JSON.parse('{"name":"a","parts":[],"more":1,"constructor":2,"__proto__":3}');
    const checked: unknown = checker()(body);
    expect(checked).toBe(body);
  });

  test.each(cases)("$name is named", ({ body, says }) => {
    expect(() => checker()(body)).toThrow(says);
  });
});
