import { expect, test } from "bun:test";
import type { FailureKind } from "../../../src/chat/error.ts";
import { failureOf, kindOf, type Refusal } from "../../../src/providers/longcat/failure.ts";

const refusals: { refusal: Refusal; kind: FailureKind }[] = [
  { refusal: { status: 401, code: 401, text: "请求cookie信息为空" }, kind: "auth-rejected" },
  { refusal: { status: 200, code: 1, text: "登录后才能继续对话哦~" }, kind: "auth-rejected" },
  { refusal: { status: 200, code: 1, text: "Please log in: login required" }, kind: "auth-rejected" },
  { refusal: { status: 200, code: 9, text: "token expired" }, kind: "auth-rejected" },
  { refusal: { status: 302, text: "", location: "https://passport.meituan.com/x" }, kind: "auth-rejected" },
  { refusal: { status: 302, text: "", location: "https://longcat.chat/login?next=/" }, kind: "auth-rejected" },
  { refusal: { status: 301, text: "", location: "https://longcat.chat/api/v2" }, kind: "upstream-broken" },
  { refusal: { status: 302, text: "", location: null }, kind: "upstream-broken" },
  { refusal: { status: 403, code: 403, text: "" }, kind: "auth-rejected" },
  { refusal: { code: 1001, text: "操作太快啦，请稍后再试～" }, kind: "rate-limited" },
  { refusal: { code: 1001, text: "Too fast, please try again later" }, kind: "rate-limited" },
  { refusal: { code: 500, text: "请求过于频繁" }, kind: "rate-limited" },
  { refusal: { status: 200, code: 429, text: "" }, kind: "rate-limited" },
  { refusal: { status: 429, text: "" }, kind: "rate-limited" },
  { refusal: { status: 401, code: 401, text: "rate limit" }, kind: "rate-limited" },
  { refusal: { code: 101_190, text: "" }, kind: "challenge" },
  { refusal: { code: 1, text: "请完成验证" }, kind: "challenge" },
  { refusal: { code: 1002, text: "会话不存在" }, kind: "conversation-lost" },
  { refusal: { code: 1002, text: "conversation not found" }, kind: "conversation-lost" },
  { refusal: { code: 7, text: "账号已被封禁" }, kind: "suspended" },
  { refusal: { code: 7, text: "输入内容过长" }, kind: "context-too-long" },
  { refusal: { status: 500, code: 500, text: "boom" }, kind: "upstream-broken" },
  { refusal: { code: 4711, text: "plug-in failed" }, kind: "upstream-broken" },
];
test.each(refusals)("L17 $refusal means $kind: text first, then code", ({ refusal, kind }) => {
  expect(kindOf(refusal)).toBe(kind);
});

test("L12 an error repeats the service's words but nothing that could be a token", () => {
  const secret = "Ag".repeat(45);
  const { message } = failureOf({ code: 5, text: `bad\u0000 passport_token_key=${secret}; x` });
  expect(message).not.toContain(secret.slice(0, 24));
  expect(message).toContain("bad");
});
