import { expect, test } from "bun:test";
import { hostAllowed } from "../../src/http/hosts.ts";

const cases: [string | null, boolean][] = [
  ["localhost:8000", true],
  ["127.0.0.1", true],
  ["[::1]:8000", true],
  ["192.168.1.20:8000", true],
  ["nas:8000", true],
  ["nas.local", true],
  ["sluice.example.org", true],
  ["SLUICE.example.org:443", true],
  ["evil.example.com", false],
  ["localhost.evil.example.com", false],
  ["127.0.0.1.evil.example.com", false],
  [null, true],
];

test.each(cases)("host %p allowed: %p", (host, allowed) => {
  expect(hostAllowed(host, ["sluice.example.org"])).toBe(allowed);
});

test("a star allows every name", () => {
  expect(hostAllowed("evil.example.com", ["*"])).toBe(true);
});
