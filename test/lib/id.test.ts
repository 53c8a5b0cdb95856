import { expect, test } from "bun:test";
import { chatCompletionId, newApiKey, newId } from "../../src/lib/id.ts";

test("an id is its prefix and 20 characters that a double click takes whole", () => {
  expect(newId("req")).toMatch(/^req_[0-9a-z]{20}$/);
  expect(newId("acc")).toMatch(/^acc_[0-9a-z]{20}$/);
});

test("ten thousand ids are ten thousand different ids", () => {
  expect(new Set(Array.from({ length: 10_000 }, () => newId("req"))).size).toBe(10_000);
});

const counting = (bytes: Uint8Array) => bytes.forEach((_, index) => (bytes[index] = index));

test("the same time and random bytes make the same id", () => {
  expect(newId("req", counting, 0)).toBe("req_0000000000123456789a");
  expect(newId("req", counting, 33)).toBe("req_0000000110123456789a");
});

test("ids sort by their time", () => {
  const times = [0, 1, 31, 32, 1_763_640_000_000, 1_763_640_000_001, 9_999_999_999_999];
  const ids = times.map((now) => newId("req", counting, now));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(times.length);
});

test("a client key is sk-sluice- and 24 bytes in base64url", () => {
  expect(newApiKey()).toMatch(/^sk-sluice-[A-Za-z0-9_-]{32}$/);
  expect(newApiKey()).not.toBe(newApiKey());
  expect(newApiKey((bytes) => bytes.fill(255))).toBe(`sk-sluice-${"_".repeat(32)}`);
});

test("the id of an answer carries the id of its request", () => {
  expect(chatCompletionId("req_abc")).toBe("chatcmpl-abc");
});
