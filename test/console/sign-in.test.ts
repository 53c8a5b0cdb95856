import { describe, expect, test } from "bun:test";
import { desk, operator } from "./desk.ts";
import { account, everyState } from "./fake-admin.ts";
import { LAST_ADDRESS, METHODS, settle } from "./fake-sign-in.ts";

const HTMX = { "hx-request": "true" };

/** A console with a provider that signs in by code and browser, and one that takes a cookie. */
async function start() {
  const at = await desk();
  const [longcat] = at.world.providers;
  if (longcat === undefined) throw new Error("the fake world has no provider");
  at.world.providers = [longcat, { ...longcat, name: "kiro", title: "Kiro" }];
  at.world.methods = METHODS;
  at.world.accounts = everyState(at.clock.now());
  const browser = await operator(at);
  const send = (path: string, more: Record<string, string> = {}) =>
    browser.get(`/console/${path}`, { ...HTMX, ...more });
  const get = async (path: string) => (await send(path)).text();
  const post = (path: string, fields: Record<string, string> = {}) => browser.post(`/console/${path}`, fields, HTMX);
  const begin = (method: string, more: Record<string, string> = {}) =>
    post("sign-ins", { provider: "kiro", method, after: "close", ...more });
  return { ...at, send, get, post, begin };
}

const BEGIN_FORM = /hx-post="\/console\/sign-ins"/g;

describe("beginning", () => {
  test("the add form offers each way of the provider that has some, and says how one gets into each", async () => {
    const { get } = await start();
    const form = await get("accounts/new");
    expect(form.match(BEGIN_FORM)).toHaveLength(METHODS.length);
    for (const { title } of METHODS) expect(form).toContain(title.en);
    expect(form).toContain('name="in-startUrl"');
    expect(form).toContain("<b>LongCat</b><small>Cookie or key</small>");
    expect(form).toContain("<b>Kiro</b><small>Code or browser</small>");
  });

  test("the first run offers them too, and a new login for an account of that provider", async () => {
    const at = await start();
    at.world.accounts = [account("acc_k", at.clock.now(), { provider: "kiro", state: "needs_login" })];
    expect((await at.get("setup?step=2")).match(BEGIN_FORM)).toHaveLength(METHODS.length);
    const renewal = await at.get("accounts/acc_k/renew");
    expect(renewal.match(BEGIN_FORM)).toHaveLength(METHODS.length);
    expect(renewal).toContain('name="account" value="acc_k"');
  });

  test("it hands on what was typed, and shows the code large with its link, its clock and a way to copy it", async () => {
    const { begin, world } = await start();
    const panel = await (await begin("builder-id", { label: " home " })).text();
    expect(world.begun).toEqual([{ provider: "kiro", method: "builder-id", input: {}, label: "home" }]);
    expect(panel).toContain('<span class="code" id="user-code">QHKD-7TW1</span>');
    expect(panel).toContain('data-copy="#user-code"');
    expect(panel).toContain('href="https://device.example/" target="_blank" rel="noopener noreferrer"');
    expect(panel).toMatch(/data-left="\d+">10:00</);
  });

  test("what the method asks for is handed on by name, and what is wrong with it stands beside its field", async () => {
    const { begin, world } = await start();
    expect((await begin("idc", { "in-startUrl": "https://d-1.example/start" })).status).toBe(200);
    expect(world.begun).toEqual([
      { provider: "kiro", method: "idc", input: { startUrl: "https://d-1.example/start" } },
    ]);
    const refused = await begin("idc", { "in-startUrl": "nonsense" });
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain('data-field="in-startUrl"');
  });

  test("an address that is none leads nowhere", async () => {
    const { begin, get, world } = await start();
    await begin("builder-id");
    settle(world, "login_1", {
      prompt: { kind: "code", userCode: "A", url: "javascript:alert(1)", pollAfterMs: 5000 },
    });
    expect(await get("sign-ins/login_1")).not.toContain('href="javascript');
  });
});

describe("under way", () => {
  test("an open page is answered only when something has changed", async () => {
    const { begin, get, post, world } = await start();
    const panel = await (await begin("builder-id")).text();
    const path = /hx-get="\/console\/([^"]*state[^"]*)"/.exec(panel)?.[1]?.replaceAll("&amp;", "&") ?? "";
    expect(await get(path)).toBe("");
    settle(world, "login_1", { reason: "It cannot be saved now." });
    expect(await get(path)).toContain("It cannot be saved now.");
    await post("sign-ins/login_1/cancel");
    expect(await get(path)).toContain("This sign-in is over.");
  });

  test("it stands on both pages, in the first run and in its own sheet after a reload", async () => {
    const { begin, get } = await start();
    await begin("builder-id");
    for (const path of ["", "accounts", "sign-ins/login_1", "setup?step=2"]) {
      expect(await get(path), path).toContain("QHKD-7TW1");
    }
  });

  test("a sign-in for an account that is there does not take the first run over", async () => {
    const { begin, get } = await start();
    await begin("builder-id", { account: "acc_5" });
    expect(await get("setup?step=2")).not.toContain("QHKD-7TW1");
  });

  test.each([
    ["close", { "hx-trigger": "sheet-close" }],
    ["setup", { "hx-redirect": "/console/setup?step=2" }],
  ])("cancelled, it leads back (%s)", async (after, headers) => {
    const { begin, post, world } = await start();
    await begin("builder-id");
    const answer = await post("sign-ins/login_1/cancel", { after });
    expect(Object.fromEntries(answer.headers)).toMatchObject(headers);
    expect(world.signIns).toEqual([]);
  });
});

describe("why it is not done, in Chinese,", () => {
  const reason = "Our sentence is English.";
  test.each([
    ["auth-rejected", "登录被拒绝或已超时，请重新开始。", false],
    ["store-unavailable", "已取得登录信息，但暂时无法保存", false],
    ["upstream-broken", "无法连接服务方，请重试。", true],
    ["invalid-request", "被拒绝：", true],
  ] as const)("%s is said in Chinese, with the exact words where they tell more", async (reasonKind, says, exact) => {
    const { begin, send, world } = await start();
    await begin("builder-id");
    settle(world, "login_1", { status: "failed", reason, reasonKind });
    for (const path of ["", "sign-ins/login_1"]) {
      const page = await (await send(path, { cookie: "sluice_lang=zh" })).text();
      expect(page).toContain(says);
      expect(page.includes(`<span lang="en">${reason}</span>`)).toBe(exact);
    }
    settle(world, "login_1", { status: "open" });
    expect(await (await send("sign-ins/login_1", { cookie: "sluice_lang=zh" })).text()).toContain(says);
    expect(await (await send("sign-ins/login_1")).text()).toContain(reason);
  });
});

describe("the end", () => {
  test.each([
    ["close", { "hx-trigger": "sheet-close" }],
    ["setup", { "hx-redirect": "/console/setup?step=3" }],
  ])("signed in, the page goes on by itself (%s)", async (after, headers) => {
    const at = await start();
    await at.begin("builder-id");
    settle(at.world, "login_1", { status: "done", accounts: [account("acc_k", at.clock.now(), { label: "Kiro 1" })] });
    const answer = await at.send(`sign-ins/login_1/state?after=${after}&seen=x`);
    expect(Object.fromEntries(answer.headers)).toMatchObject(headers);
    if (after === "close") expect(await answer.text()).toContain("Signed in: Kiro 1.");
  });

  test("a code that ran out offers a new one, which takes the place of the old", async () => {
    const at = await start();
    await at.begin("builder-id", { account: "acc_5" });
    settle(at.world, "login_1", {
      status: "failed",
      reason: "It was not finished in time: begin again.",
      expiresAt: 1,
    });
    const sheet = await at.get("sign-ins/login_1");
    expect(sheet).toContain("It was not finished in time. Get a new link or code.");
    expect(sheet).toContain('name="account" value="acc_5"');
    const again = await at.begin("builder-id", { account: "acc_5", replaces: "login_1" });
    expect(await again.text()).toContain("QHKD-7TW2");
    expect(at.world.signIns.map(({ id }) => id)).toEqual(["login_2"]);
  });

  test("a browser's last address finishes it; a wrong one is an error beside the field", async () => {
    const { begin, post, world } = await start();
    expect(await (await begin("google")).text()).toContain('name="address"');
    for (const [address, text] of [
      ["", "Paste the address of the last page first."],
      ["http://elsewhere.example/", "This is not the address of the last page."],
    ] as const) {
      const refused = await post("sign-ins/login_1/complete", { address });
      expect(refused.status).toBe(422);
      const said = await refused.text();
      expect(said).toContain('data-field="address"');
      expect(said).toContain(text);
    }
    const done = await post("sign-ins/login_1/complete", { address: ` ${LAST_ADDRESS} ` });
    expect(done.headers.get("hx-trigger")).toBe("sheet-close");
    expect(world.accounts.some(({ id }) => id.startsWith("acc_signed"))).toBe(true);
  });

  test("one that is gone is a 404, and cancelling it is no mistake", async () => {
    const { post, send } = await start();
    expect((await send("sign-ins/nobody")).status).toBe(404);
    expect((await post("sign-ins/nobody/complete", { address: LAST_ADDRESS })).status).toBe(404);
    expect((await post("sign-ins/nobody/cancel")).status).toBe(200);
  });
});
