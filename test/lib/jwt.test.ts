import { expect, test } from "bun:test";
import { claimsOf } from "../../src/lib/jwt.ts";

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("the claims of a JWT are read without a look at its signature", () => {
  expect(claimsOf(`${part({ alg: "none" })}.${part({ sub: "ü", exp: 5 })}.`)).toEqual({ sub: "ü", exp: 5 });
});

test.each(["", "a.b", "a..c", `a.${part("text")}.c`, `a.${part([1])}.c`, `a.${part({})}.c.d`])("%p is none", (text) => {
  expect(claimsOf(text)).toBeUndefined();
});
