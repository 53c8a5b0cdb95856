import { expect, test } from "bun:test";
import { apiPath } from "../../src/http/paths.ts";

const isProvider = (name: string) => name === "longcat";

const cases: [string, string | undefined, string][] = [
  ["/v1/chat/completions", undefined, "/chat/completions"],
  ["/api/v1/chat/completions", undefined, "/chat/completions"],
  ["/chat/completions", undefined, "/chat/completions"],
  ["/longcat/v1/chat/completions", "longcat", "/chat/completions"],
  ["/longcat/chat/completions", "longcat", "/chat/completions"],
  ["//v1//chat/completions//", undefined, "/chat/completions"],
  ["/v1/v1/models/", undefined, "/models"],
  ["/v1/models/longcat/LongCat", undefined, "/models/longcat/LongCat"],
  ["/other/v1/models", undefined, "/other/v1/models"],
  ["/", undefined, "/"],
  ["/api", undefined, "/api"],
];

test.each(cases)("%s is understood", (pathname, provider, rest) => {
  expect(apiPath(pathname, isProvider)).toEqual({ provider, rest });
});
