import { expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";
import { FAILURES } from "../../src/chat/error.ts";
import { en } from "../../src/console/locales/en.ts";
import { zh } from "../../src/console/locales/zh.ts";
import { languageOf } from "../../src/console/visit.ts";
import { ACCOUNT_STATES } from "../../src/store/store.ts";
import { everyState, request } from "./fake-admin.ts";
import { desk, operator } from "./desk.ts";

const english: Readonly<Record<string, string>> = en;
const chinese: Readonly<Record<string, string>> = zh;

test("both languages have the same keys", () => {
  expect(Object.keys(zh).toSorted()).toEqual(Object.keys(en).toSorted());
});

test("a text has the same holes in both languages", () => {
  const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g))].toSorted();
  // English names the count only in some of the forms that Chinese does not tell apart.
  for (const key of Object.keys(en)) expect(holes(chinese[key] ?? ""), key).toEqual(holes(english[key] ?? ""));
});

test("every failure that blames an account has a reason and a remedy in both languages", () => {
  const kinds = Object.entries(FAILURES).filter(([, { blames }]) => blames === "account");
  expect(kinds.length).toBeGreaterThan(0);
  for (const [kind] of kinds) {
    for (const texts of [english, chinese]) {
      expect(texts[`why.${kind}`], kind).toBeTruthy();
      expect(texts[`do.${kind}`], kind).toBeTruthy();
    }
  }
});

test("every account state and every failure has its word in both languages", () => {
  for (const texts of [english, chinese]) {
    for (const state of ACCOUNT_STATES) expect(texts[`state.${state}`], state).toBeTruthy();
    for (const kind of Object.keys(FAILURES)) expect(texts[`outcome.${kind}`], kind).toBeTruthy();
  }
});

test("no key is written that nothing uses", async () => {
  const folder = join(import.meta.dir, "..", "..", "src", "console");
  let source = "";
  for await (const path of new Glob("**/*.ts").scan(folder)) {
    if (!path.startsWith("locales")) source += await Bun.file(join(folder, path)).text();
  }
  // A key is named whole, as the base of its plural, or as the fixed beginning of one that is put together.
  const used = (key: string) =>
    [key, key.replace(/\.(one|other)$/, "")].some((name) => source.includes(`"${name}"`)) ||
    [...source.matchAll(/`([a-z.-]+\.)\$\{/g)].some(([, beginning]) => key.startsWith(beginning ?? "?"));
  expect(Object.keys(en).filter((key) => !used(key))).toEqual([]);
});

test("a page in Chinese holds no English sentence", async () => {
  const at = await desk();
  const browser = await operator(at);
  at.world.accounts = everyState(at.clock.now());
  at.world.requests = [request("req_1", at.clock.now(), { outcome: "no-account", status: 503 })];
  const sentences = Object.entries(en)
    .filter(([key, text]) => chinese[key] !== text && /^[A-Z][\w ,']{7,}/.test(text))
    .map(([, text]) => text.split("{")[0] ?? "");
  for (const path of [
    "",
    "accounts",
    "setup",
    "setup?step=3",
    "accounts/new",
    "accounts/acc_5/settings",
    "import",
    "export",
    "accounts/acc_5",
    "accounts/acc_5/remove",
  ]) {
    const text = await (await browser.get(`/console/${path}`, { cookie: "sluice_lang=zh" })).text();
    expect(
      sentences.filter((sentence) => sentence.length > 7 && text.includes(`>${sentence}`)),
      path,
    ).toEqual([]);
  }
});

const LANGUAGES: readonly (readonly [string | undefined, string | null, string])[] = [
  ["zh", "en-US", "zh"],
  [undefined, "zh-CN,zh;q=0.9,en;q=0.8", "zh"],
  [undefined, "de-DE,de;q=0.9,en;q=0.5", "en"],
  [undefined, "en;q=0.5,zh-TW;q=0.9", "zh"],
  [undefined, "zh;q=0,en;q=0.1", "en"],
  [undefined, null, "en"],
  ["xx", "fr", "en"],
];
test.each(LANGUAGES)("cookie %p and Accept-Language %p give %p", (cookie, header, language) => {
  expect(languageOf(cookie, header)).toBe(language as "en" | "zh");
});
