import { expect, test } from "bun:test";
import { redact } from "../../src/lib/redact.ts";

const COOKIE = "Ab3dE_f9H1jK-lMn0pQrStUvWxYz27".repeat(4);
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpbnZlbnRlZCJ9.c2lnbmF0dXJlLWlz";

const masked: { name: string; text: string; secret: string; clean?: string }[] = [
  { name: "a bare LongCat cookie", text: `refused ${COOKIE}== now`, secret: COOKIE, clean: "refused *** now" },
  { name: "a named cookie value, however short", text: "passport_token_key=abc", secret: "abc" },
  { name: "a cookie in JSON", text: '{"passport_token_key":"abc"}', secret: "abc" },
  { name: "a whole cookie header", text: "Cookie: a=1; b=two; c=three four", secret: "three four" },
  { name: "a cookie that is set", text: "set-cookie: sid=qwerty; Path=/", secret: "qwerty" },
  { name: "a bearer credential", text: "authorization: Bearer abc123def", secret: "abc123def" },
  { name: "a doubled bearer", text: "Bearer Bearer abcdefghijklmnopqrstuvwx", secret: "abcdefghijklmnop" },
  { name: "basic credentials", text: "Authorization: Basic dXNlcjpwYXNzMQ==", secret: "dXNlcjpwYXNzMQ" },
  { name: "a client key of ours", text: "key sk-sluice-3kq_Zx81-aaBBcc refused", secret: "3kq_Zx81" },
  { name: "a key of OctoProxy", text: "kp_aB3dE_f9H1jKlMn0", secret: "aB3dE_f9H1" },
  { name: "a key that begins like an id of ours", text: `acc_${"0a1b2c3d".repeat(4)}`, secret: "0a1b2c3d" },
  { name: "a JWT", text: `token was ${JWT}.`, secret: "c2lnbmF0dXJl" },
  { name: "a URL's user and password", text: "proxy http://me:hunter2@host:1/x", secret: "hunter2" },
  {
    name: "a key in a URL",
    text: "GET /v1/models?key=short&x=1",
    secret: "short",
    clean: "GET /v1/models?key=***&x=1",
  },
  { name: "an access token in a URL", text: "https://h/p?a=1&access_token=zz9", secret: "zz9" },
  { name: "a refresh token in JSON", text: '{"refresh_token": "r-1"}', secret: "r-1" },
  { name: "a token in JSON inside JSON", text: '{"body":"{\\"accessToken\\":\\"zz9\\"}"}', secret: "zz9" },
  { name: "a password in a form body", text: "user=me&password=hunter2", secret: "hunter2" },
  { name: "a SHA-256 in hex", text: `hash ${"0a1b2c3d".repeat(8)}`, secret: "0a1b2c3d" },
  { name: "a random string of 43", text: "t=kJ8_x2Lm9Qw-E4rT6yU1iO3pA5sD7fG9hJ0kL2zX4c", secret: "E4rT6yU1iO3p" },
  { name: "letters alone, too long for a word", text: "x".repeat(40), secret: "xxxx", clean: "***" },
];
test.each(masked)("$name is masked", ({ text, secret, clean }) => {
  const result = redact(text);
  expect(result).not.toContain(secret);
  expect(result).toContain("***");
  if (clean !== undefined) expect(result).toBe(clean);
  expect(redact(result)).toBe(result);
});

const kept: string[] = [
  "attempt 2 of 3 failed at acc_01j9zq4m2n, next in 42 s",
  "request req_0190f3a2b7c84d5e9f10 took 12 ms",
  "req_0190f3a2b7c84d5e9f10",
  "conversation 5f0c1f5e-9d0b-4a52-8a1c-2f7f5a7f9f10 deleted",
  "model us.anthropic.claude-sonnet-4-5-20250929-v1:0 and gpt-4o-mini-2024-07-18",
  "model claude-opus-4-5-20251101-thinking-search-preview",
  "code context_length_exceeded_for_every_model_here",
  "max_tokens: must be positive; tokens: 12",
  "a bearer token is missing; put the key in Authorization",
  "the cookie: it has no token; sign in again",
  "data in /home/somebody/sluice/data/backups/sluice-2026-11-20.db",
  "https://longcat.chat/api/v1/chat-completion-V2",
  "会话已失效，请重新登录",
  "",
];
test.each(kept)("%s stays as it is", (text) => {
  expect(redact(text)).toBe(text);
});

test("row 46 no cut of a cookie header shows its token", () => {
  const header = `_lxsdk=1; passport_token_key=${COOKIE}; long_cat_region_key=2`;
  for (let end = 40; end < header.length; end++)
    expect(redact(header.slice(0, end))).not.toContain(COOKIE.slice(0, 24));
});

test("a hostile text of 1 MB costs no more than a moment", () => {
  const texts = ["a-".repeat(500_000), "?a".repeat(500_000), "bearer ".repeat(140_000), "cookie=".repeat(140_000)];
  for (const text of texts) expect(redact(text).length).toBeLessThanOrEqual(text.length);
}, 3000);
