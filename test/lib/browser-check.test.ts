import { expect, test } from "bun:test";
import { isBrowserCheck } from "../../src/lib/browser-check.ts";

const cases: [string, Record<string, string>, string, boolean][] = [
  ["the header tells, whatever the page says", { "cf-mitigated": "challenge" }, "", true],
  ["the title tells", {}, "<html><title>Just a moment...</title>", true],
  ["the script tells", {}, "<script>window._cf_chl_opt = {}</script>", true],
  ["an error page is no check", {}, "<html>502 Bad Gateway</html>", false],
];
test.each(cases)("%s", (_name, headers, page, is) => expect(isBrowserCheck(new Headers(headers), page)).toBe(is));
