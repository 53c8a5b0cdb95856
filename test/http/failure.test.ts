import { expect, test } from "bun:test";
import { GatewayError, type FailureKind } from "../../src/chat/error.ts";
import { retryHeaders } from "../../src/http/failure.ts";

const NOW = 1_760_000_000_000;

const cases: { name: string; kind: FailureKind; retryAt?: number; headers: Record<string, string> }[] = [
  { name: "a bad request says nothing about repeating", kind: "invalid-request", headers: {} },
  { name: "an unknown key says nothing about repeating", kind: "unauthorized", headers: {} },
  {
    name: "a short rate limit is worth waiting for",
    kind: "rate-limited",
    retryAt: NOW + 12_300,
    headers: { "retry-after": "13", "x-should-retry": "true" },
  },
  {
    name: "a long rate limit comes back to the person",
    kind: "rate-limited",
    retryAt: NOW + 3_600_000,
    headers: { "retry-after": "3600", "x-should-retry": "false" },
  },
  {
    name: "a wait that is already over is one second",
    kind: "rate-limited",
    retryAt: NOW - 5_000,
    headers: { "retry-after": "1", "x-should-retry": "true" },
  },
  {
    name: "an account that needs a login is not asked again",
    kind: "no-account",
    headers: { "x-should-retry": "false" },
  },
  {
    name: "a broken upstream was already tried elsewhere",
    kind: "upstream-broken",
    headers: { "x-should-retry": "false" },
  },
  {
    name: "a silent upstream was already tried elsewhere",
    kind: "upstream-timeout",
    headers: { "x-should-retry": "false" },
  },
  {
    name: "a stopping gateway is back soon",
    kind: "stopping",
    headers: { "retry-after": "2", "x-should-retry": "true" },
  },
  {
    name: "a full gateway has room soon, and gives back the connection at once",
    kind: "gateway-full",
    headers: { "retry-after": "2", "x-should-retry": "true", connection: "close" },
  },
  { name: "a full queue empties soon", kind: "queue-full", headers: { "retry-after": "2", "x-should-retry": "true" } },
];

test.each(cases)("$name", ({ kind, retryAt, headers }) => {
  const error = new GatewayError(kind, "words", retryAt === undefined ? {} : { retryAt });
  expect(retryHeaders(error, NOW)).toEqual(headers);
});
