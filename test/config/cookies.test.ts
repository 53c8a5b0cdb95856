import { expect, test } from "bun:test";
import { cookieEntries } from "../../src/config/cookies.ts";

const cases: { name: string; text: string; entries: string[] }[] = [
  { name: "bare values with commas", text: "aaa,bbb, ccc ,", entries: ["aaa", "bbb", "ccc"] },
  {
    name: "named values with commas",
    text: "passport_token_key=aaa,passport_token_key=bbb",
    entries: ["passport_token_key=aaa", "passport_token_key=bbb"],
  },
  {
    name: "whole headers, one a line, commas in their values",
    text: "_s=1,2; passport_token_key=aaa\nCookie: passport_token_key=bbb; x=1\n",
    entries: ["_s=1,2; passport_token_key=aaa", "Cookie: passport_token_key=bbb; x=1"],
  },
  {
    name: "whole headers behind each other with commas",
    text: "passport_token_key=aaa; x=1, passport_token_key=bbb; x=2",
    entries: ["passport_token_key=aaa; x=1", "passport_token_key=bbb; x=2"],
  },
  {
    name: "a copied cURL command over lines",
    text: "curl 'https://longcat.chat/' \\\n  -H 'Cookie: passport_token_key=aaa'\nbbb,ccc",
    entries: ["curl 'https://longcat.chat/' -H 'Cookie: passport_token_key=aaa'", "bbb", "ccc"],
  },
  {
    name: "a cURL command copied at the Windows prompt",
    text: 'curl ^"https://longcat.chat/^" ^\r\n  -H ^"Cookie: passport_token_key=aaa^"\r\nbbb',
    entries: ['curl ^"https://longcat.chat/^" -H ^"Cookie: passport_token_key=aaa^"', "bbb"],
  },
  { name: "words for none", text: "null,None,false,undefined", entries: [] },
  { name: "an empty text", text: "  \n ,, \n", entries: [] },
];
test.each(cases)("$name are split", ({ text, entries }) => {
  expect(cookieEntries(text)).toEqual({ entries, warnings: [] });
});

const placeholders = [
  "在此填入你的cookie，多个用逗号分隔",
  "请替换为真实的 passport_token_key",
  "请设置环境变量,用逗号分隔多个cookie",
];
test.each(placeholders)("L15 the sample sentence %s never becomes a cookie", (sentence) => {
  const { entries, warnings } = cookieEntries(sentence);
  expect(entries).toEqual([]);
  expect(warnings).toEqual([
    "AUTH_COOKIES holds a sample sentence instead of a cookie: it was ignored, put a passport_token_key there",
  ]);
});

test("L15 a real cookie beside the sample sentence is used", () => {
  expect(cookieEntries("你的第一个cookie,aaa").entries).toEqual(["aaa"]);
});
