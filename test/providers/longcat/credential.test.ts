import { expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { cookieHeader, credential } from "../../../src/providers/longcat/credential.ts";

const A = `AgEA${"x9-_".repeat(22)}==`;
const B = `AgEB${"y8_-".repeat(22)}`;

const forms: { name: string; text: string; gives: { token: string; cookies?: string }[] }[] = [
  { name: "a bare value", text: A, gives: [{ token: A }] },
  { name: "a short bare value", text: "abc123", gives: [{ token: "abc123" }] },
  { name: "a named value", text: `passport_token_key=${A}`, gives: [{ token: A }] },
  { name: "quotes and line ends", text: `\r\n "passport_token_key=${A}" \r\n`, gives: [{ token: A }] },
  { name: "a trailing semicolon", text: `passport_token_key=${A};`, gives: [{ token: A }] },
  {
    name: "a Cookie header",
    text: `Cookie: _lxsdk_cuid=1a; passport_token_key=${A}; _lxsdk_s=2b%7C`,
    gives: [{ token: A, cookies: "_lxsdk_cuid=1a; _lxsdk_s=2b%7C" }],
  },
  {
    name: "a cURL command",
    text: `curl 'https://longcat.chat/api/v1/user-current' \\\n  -H 'accept: */*' \\\n  -H 'cookie: a=1; passport_token_key=${A}'`,
    gives: [{ token: A, cookies: "a=1" }],
  },
  {
    name: "a cURL command with -b",
    text: `curl https://x -b 'passport_token_key=${A}; a=1'`,
    gives: [{ token: A, cookies: "a=1" }],
  },
  {
    name: "a cURL command for the Windows prompt with -b",
    text: `curl ^"https://longcat.chat/api/v1/user-current^" ^\r\n  -b ^"a=1^%3D; passport_token_key=${A}^" ^\r\n  -H ^"accept: */*^"`,
    gives: [{ token: A, cookies: "a=1%3D" }],
  },
  {
    name: "one cURL command after another",
    text: `curl https://x -b 'passport_token_key=${A}'\ncurl.exe https://x \`\n  -H 'Cookie: passport_token_key=${B}; b=2'`,
    gives: [{ token: A }, { token: B, cookies: "b=2" }],
  },
  {
    name: "the headers of a request",
    text: `GET / HTTP/1.1\nHost: longcat.chat\nCookie: passport_token_key=${A}\nAccept: */*`,
    gives: [{ token: A }],
  },
  {
    name: "a browser's export",
    text: JSON.stringify([
      { domain: ".longcat.chat", name: "passport_token_key", value: A },
      { domain: "longcat.chat", name: "a", value: "1" },
      { domain: ".example.com", name: "sid", value: "other" },
    ]),
    gives: [{ token: A, cookies: "a=1" }],
  },
  {
    name: "an object of cookies",
    text: JSON.stringify({ passport_token_key: A, a: "1" }),
    gives: [{ token: A, cookies: "a=1" }],
  },
  { name: "a list of values", text: `${A},${B}`, gives: [{ token: A }, { token: B }] },
  { name: "one a line", text: `${A}\npassport_token_key=${B}\n\n`, gives: [{ token: A }, { token: B }] },
  {
    name: "headers one a line",
    text: `a=1; passport_token_key=${A}\nCookie: passport_token_key=${B}; b=2`,
    gives: [
      { token: A, cookies: "a=1" },
      { token: B, cookies: "b=2" },
    ],
  },
  { name: "the same value twice", text: `${A}\n${A}`, gives: [{ token: A }] },
  { name: "a JSON list of values", text: JSON.stringify([A, B]), gives: [{ token: A }, { token: B }] },
];
test.each(forms)("$name is read", ({ text, gives }) => {
  expect(credential.parse(text)).toEqual(gives);
  for (const one of gives) expect(credential.restore(structuredClone(one))).toEqual(one);
});

const wrong: { name: string; text: string; says: RegExp }[] = [
  { name: "nothing", text: "  \n", says: /nothing/i },
  { name: "cookies without the token", text: `Cookie: a=secretvalue1; b=secretvalue2`, says: /2 cookies were found/ },
  { name: "a cURL command without cookies", text: "curl https://longcat.chat", says: /no Cookie header/ },
  { name: "broken JSON", text: '[{"name":"passport_token_key"', says: /JSON/ },
  { name: "the token without a value", text: "passport_token_key=", says: /has no value/ },
  { name: "the token with empty quotes among cookies", text: 'a=1; passport_token_key="";', says: /has no value/ },
  { name: "the token's name alone", text: "passport_token_key", says: /has no value/ },
  { name: "L15 a sentence in Chinese", text: "Ag1,Ag2,Ag3…，可以通过环境变量设置", says: /characters/ },
];
test.each(wrong)("$name is refused in words that tell where to look and repeat no secret", ({ text, says }) => {
  let error: unknown;
  try {
    credential.parse(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(GatewayError);
  const { kind, message } = error as GatewayError;
  expect(kind).toBe("invalid-request");
  expect(message).toMatch(says);
  expect(message).toContain("passport_token_key");
  expect(message).not.toContain("secretvalue");
});

test("the cookie header holds every cookie once, and the hint shows four characters", () => {
  expect(cookieHeader({ token: A, cookies: "a=1" })).toBe(`a=1; passport_token_key=${A}`);
  expect(credential.hint({ token: B })).toBe(`…${B.slice(-4)}`);
  expect(credential.identity({ token: A, cookies: "a=1" })).toBe(credential.identity({ token: A }));
});

const bearers: { name: string; value: string; gives: number | undefined }[] = [
  { name: "one value", value: A, gives: 1 },
  { name: "several, one of them named", value: `${A}, passport_token_key=${B}`, gives: 2 },
  { name: "a value that is too short", value: "x".repeat(79), gives: undefined },
  { name: "L3 a key of an SDK", value: `sk-${"x".repeat(100)}`, gives: undefined },
  { name: "a key of OctoProxy", value: `kp_${"x".repeat(100)}`, gives: undefined },
  { name: "one good and one bad value", value: `${A},nope`, gives: undefined },
  { name: "a word", value: "none", gives: undefined },
];
test.each(bearers)("L4 Authorization with $name", ({ value, gives }) => {
  expect(credential.fromBearer?.(value)?.length).toBe(gives);
});
