import { expect, test } from "bun:test";
import { desk, operator } from "./desk.ts";
import { account, verdict } from "./fake-admin.ts";

async function start(failure?: string) {
  const at = await desk();
  const [longcat] = at.world.providers;
  if (longcat === undefined) throw new Error("the fake world has no provider");
  const guests = { wanted: 1, alive: 0, failure, needsLogin: false, retryAt: undefined };
  at.world.providers = [longcat, { ...longcat, name: "langfast", title: "LangFast", guests }];
  const browser = await operator(at);
  const get = async (path: string, language = "en") =>
    (await browser.get(`/console/${path}`, { cookie: `sluice_lang=${language}` })).text();
  return { ...at, get };
}

test("a guest session is named as such, and the page says what is better, in both languages", async () => {
  const at = await start();
  at.world.accounts = [account("acc_g", at.clock.now(), { provider: "langfast", source: "guest" })];
  for (const path of ["", "accounts"]) {
    expect(await at.get(path)).toContain(">Guest</span>");
    expect(await at.get(path, "zh")).toContain(">访客</span>");
  }
  const sheet = await at.get("accounts/acc_g");
  expect(sheet).toContain("Your own session is better");
  expect(sheet).not.toContain("/renew");
  expect(await at.get("accounts/acc_g", "zh")).toContain("用自己的会话更好");
});

test("an account of one's own is not called a guest", async () => {
  const at = await start();
  at.world.accounts = [account("acc_1", at.clock.now(), { provider: "langfast" })];
  expect(await at.get("accounts")).not.toContain(">Guest</span>");
});

test("a provider with guests needs no login: its tile, its line and the verdict say so", async () => {
  const at = await start();
  at.world.verdict = verdict({ state: "empty", usable: 0, total: 0 });
  expect(await at.get("accounts/new")).toContain("<b>LangFast</b><small>No login needed</small>");
  const page = await at.get("");
  expect(page).toContain("No account yet: LangFast answers with guest sessions.");
  expect(page).toContain("The first request gets a guest session");
});

test("why there is no guest now stands beside the provider", async () => {
  const at = await start("LangFast answered 429: too many sign-ups.");
  const page = await at.get("");
  expect(page).toContain("No guest session now:");
  expect(page).toContain("too many sign-ups");
});

test("what a probe will bring back says so; what only its owner can settle does not", async () => {
  const at = await start();
  at.world.accounts = [account("acc_1", at.clock.now(), { state: "disabled_auto", reasonKind: "challenge" })];
  expect(await at.get("")).toContain("It will be probed soon, by itself");
  at.world.accounts = [account("acc_1", at.clock.now(), { state: "disabled_auto", reasonKind: "suspended" })];
  expect(await at.get("")).toContain("It is not tried again by itself");
});

test("with guests alone everything answers, and the page says by whom and offers to add an account", async () => {
  const at = await start();
  at.world.accounts = [];
  at.world.verdict = verdict({ state: "fine", usable: 0, total: 0 });
  const page = await at.get("");
  expect(page).toContain("LangFast answers with guest sessions");
  expect(page).not.toContain("0 of 0");
});

const EMPTY: readonly { name: string; guests: boolean; failure?: string; demo: boolean; en: string[]; zh: string[] }[] =
  [
    {
      name: "guests answer",
      guests: true,
      demo: true,
      en: ["No account yet: LangFast answers", "LangFast answers with guest sessions. Other models need an account."],
      zh: ["还没有账号：LangFast 用访客会话回答。", "LangFast 用访客会话回答；其他模型需要账号。"],
    },
    {
      name: "the demo answers while guests are refused",
      guests: true,
      failure: "too many sign-ups",
      demo: true,
      en: ["only the demo answers", "The demo model answers without."],
      zh: ["只有演示模型会回答", "演示模型不需要"],
    },
    {
      name: "nobody answers with the demo switched off",
      guests: false,
      demo: false,
      en: ["No account yet: nothing can answer.", "Every request needs one."],
      zh: ["还没有账号：什么都无法回答。", "所有请求都需要账号。"],
    },
  ];
test.each(EMPTY)("before there is an account headline and empty list say alike that $name", async (row) => {
  const at = await start(row.failure);
  at.world.accounts = [];
  at.world.verdict = verdict({ state: "empty", usable: 0, total: 0 });
  const [longcat, langfast] = at.world.providers;
  if (!longcat || !langfast) throw new Error("the fake world has two providers");
  at.world.providers = [longcat, row.guests ? langfast : { ...langfast, guests: undefined }];
  if (row.demo) at.world.providers.push({ ...longcat, name: "demo", title: "Demo", needsAccounts: false });
  for (const language of ["en", "zh"] as const) {
    const page = await at.get("", language);
    for (const text of row[language]) expect(page).toContain(text);
    expect(await at.get("accounts", language)).toContain(row[language][1] ?? "");
  }
});
