import { describe, expect, test } from "bun:test";
import { cookiesOfCurl } from "../../src/lib/curl.ts";
import { pastedLines } from "../../src/lib/pasted-lines.ts";

const URL_ = "https://longcat.chat/api/v1/user";
const SENT = "a=1%3D; passport_token_key=aB3_-";

describe("R22 the cookies of a copied cURL command are found however its shell quotes", () => {
  const forms: [string, string][] = [
    ["bash, as a header", `curl '${URL_}' \\\n  -H 'accept: */*' \\\n  -H 'cookie: ${SENT}' \\\n  --compressed`],
    ["bash, as an option", `curl '${URL_}' \\\n  -b '${SENT}' \\\n  -H 'accept: */*'`],
    ["bash, with the long options", `curl --url '${URL_}' --header "Cookie: ${SENT}"`],
    ["bash, the long option with an equals sign", `curl '${URL_}' --cookie='${SENT}'`],
    ["bash, the value in the option's own word", `curl '${URL_}' -b'${SENT}'`],
    ["bash, quoted for what is not ASCII", `curl '${URL_}' -b $'a=1\\u00253D; passport_token_key=\\x61B3_-'`],
    [
      "the Windows prompt, as an option",
      `curl ^"${URL_}^" ^\r\n  -b ^"a=1^%3D; passport_token_key=aB3_-^" ^\r\n  -H ^"accept: */*^"`,
    ],
    [
      "the Windows prompt, as a header",
      `curl ^"${URL_}^" ^\n  -H ^"sec-ch-ua: ^\\^"Chrome^\\^";v=^\\^"1^\\^"^" ^\n  -H ^"cookie: a=1^%3D; passport_token_key=aB3_-^"`,
    ],
    [
      "the Windows prompt, as older browsers do",
      `curl "${URL_}" ^\n  -b "a=1"%"3D; passport_token_key=aB3_-" --compressed`,
    ],
    ["PowerShell", `curl.exe '${URL_}' \`\r\n  -H 'accept: */*' \`\r\n  -b '${SENT}'`],
    ["PowerShell, double quotes", `curl.exe "${URL_}" -H "x: \`"1\`"" --cookie "${SENT}"`],
    ["no quotes at all", `curl ${URL_} -b passport_token_key=aB3_-`],
  ];
  test.each(forms)("%s", (name, text) => {
    const [line, ...others] = pastedLines(text);
    expect(others).toEqual([]);
    expect(cookiesOfCurl(line?.text ?? "")).toBe(name === "no quotes at all" ? "passport_token_key=aB3_-" : SENT);
  });
});

test("a cookie header and a cookie option are both sent", () => {
  expect(cookiesOfCurl("curl https://a.example -H 'Cookie: a=1' -b 'b=2'")).toBe("a=1; b=2");
});

test.each([
  ["a file of cookies sends none that could be read", "curl https://a.example -b cookies.txt"],
  ["a command without cookies", "curl https://a.example -H 'x-cookie: a=1' --data 'cookie: b=2'"],
])("%s", (_name, text) => {
  expect(cookiesOfCurl(text)).toBe("");
});

test.each(["passport_token_key=curl", "curly a=b", "cookie: a=b"])("%s is no cURL command", (text) => {
  expect(cookiesOfCurl(text)).toBeUndefined();
});

test("a quote within a value is bash's, between two quoted parts", () => {
  expect(cookiesOfCurl("curl https://a.example -b 'a=it'\\''s'")).toBe("a=it's");
});

test("a quote that never ends leaves what stands before it", () => {
  expect(cookiesOfCurl("curl https://a.example -H 'cookie: a=1' -b 'b=2")).toStartWith("a=1");
});

test("lines keep their numbers, and a command that runs over several has that of its first", () => {
  expect(pastedLines("\uFEFFone\n\n  curl a ^\n -b ^\r\n  b\r\nthree\rfour \\")).toEqual([
    { number: 1, text: "one" },
    { number: 3, text: "curl a -b b" },
    { number: 6, text: "three" },
    { number: 7, text: "four" },
  ]);
});

test("of a request's headers only the cookies count, and a text without a Cookie line loses none", () => {
  const headers = "GET /v1 HTTP/2\nHost: a.example\ncookie: a=1\naccept: */*\nb=2";
  expect(pastedLines(headers).map(({ number, text }) => [number, text])).toEqual([
    [3, "cookie: a=1"],
    [5, "b=2"],
  ]);
  expect(pastedLines("token: x\nname: y")).toHaveLength(2);
});

test("a line that ends in nothing but its going on is none", () => {
  expect(pastedLines("one\n \\\n^")).toEqual([{ number: 1, text: "one" }]);
});

test("a line with very many blanks is read in one pass", () => {
  const line = `a${" ".repeat(200_000)}b`;
  expect(pastedLines(`${line} \\\nc`)).toEqual([{ number: 1, text: `${line} c` }]);
});

test("a remark is no line, but a cookie that only servers read is", () => {
  const rows = "# mine\n#HttpOnly_.example.com\tTRUE\n#\none # not a remark";
  expect(pastedLines(rows).map(({ number }) => number)).toEqual([2, 4]);
});
