import { expect, test } from "bun:test";
import { framesOf } from "../../src/console/live.ts";
import { accountSections, ALL } from "../../src/console/parts/accounts.ts";
import { wordsOf } from "../../src/console/words.ts";
import { account } from "./fake-admin.ts";
import type { AccountView } from "../../src/admin/admin.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const FOUR = ["acc_1", "acc_2", "acc_3", "acc_4"].map((id) => account(id, NOW));

const regions = (accounts: readonly AccountView[], now = NOW) => ({
  accounts: accountSections(
    { site: { root: "/console/", version: "0" }, words: wordsOf("en"), now, testOf: () => undefined },
    { accounts, providers: [] },
    ALL,
  ),
});

/** The targets of a message, and what is sent after the first look at four accounts. */
const targets = (frame: string) =>
  [...frame.matchAll(/hx-target="#([\w-]+)" hx-swap="outerMorph"/g)].map(([, id]) => id);
const after = (accounts: readonly AccountView[], now = NOW) => {
  const shown = new Map<string, string>();
  expect(targets(framesOf(regions(FOUR), shown))).toEqual(["accounts"]);
  return targets(framesOf(regions(accounts, now), shown));
};

const busy = (id: string, changes: Partial<AccountView>) =>
  FOUR.map((each) => (each.id === id ? { ...each, ...changes } : each));

const CASES: readonly (readonly [string, readonly AccountView[], number, readonly string[]])[] = [
  ["nothing while only time passes", FOUR, NOW + 30_000, []],
  ["the row of an account that changed", busy("acc_3", { inFlight: 1 }), NOW, ["row-acc_3"]],
  ["the whole list when an account moves", busy("acc_3", { state: "needs_login" }), NOW, ["accounts"]],
  ["the whole list when one is gone", FOUR.slice(1), NOW, ["accounts"]],
];
test.each(CASES)("a page hears of %s", (_name, accounts, now, expected) => {
  expect(after(accounts, now)).toEqual([...expected]);
});

test.each([
  [3, "3 ms", "3 毫秒"],
  [840, "0.8 s", "0.8 秒"],
  [12_000, "12 s", "12 秒"],
  [240_000, "4 min", "4 分钟"],
  [7_200_000, "2 h", "2 小时"],
])("a span of %d ms reads %s and %s", (ms, english, chinese) => {
  expect(wordsOf("en").span(ms)).toBe(english);
  expect(wordsOf("zh").span(ms)).toBe(chinese);
});
