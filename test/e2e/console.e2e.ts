import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { systemClock } from "../../src/lib/clock.ts";
import { desk, PASSWORD } from "../console/desk.ts";
import { account, everyState, request, verdict } from "../console/fake-admin.ts";
import { LAST_ADDRESS, METHODS, settle } from "../console/fake-sign-in.ts";

/** The console in a real browser, over a real socket, with an Admin that keeps everything in memory. */

setDefaultTimeout(60_000);

let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: Bun.which("google-chrome") ?? Bun.which("chromium") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });
});
afterAll(async () => browser.close());

/** A console that listens, and what a browser must never do there. */
async function open(options: BrowserContextOptions = {}) {
  const at = await desk({ clock: systemClock });
  const now = Date.now();
  at.world.accounts = everyState(now);
  at.world.requests = Array.from({ length: 50 }, (_, index) => request(`req_${index}`, now - index * 9000));
  at.app.listen({ port: 0, hostname: "127.0.0.1" });
  const origin = `http://127.0.0.1:${at.app.server?.port}`;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", ...options });
  context.setDefaultTimeout(10_000);
  contexts.push(context);
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("request", (sent) => {
    if (!sent.url().startsWith(`${origin}/`)) wrongs.push(`outside request: ${sent.url()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|htmx/i.test(message.text())) wrongs.push(message.text());
  });
  const close = async () => {
    await context.close();
    at.stopping.abort();
    await at.app.stop(true);
  };
  return { ...at, origin, context, page, wrongs, close };
}

/** The same, with the password set and the browser signed in. */
async function signedIn(options: BrowserContextOptions = {}) {
  const at = await open(options);
  await at.page.goto(`${at.origin}/console/setup?token=${at.auth.issueSetupToken()}`);
  await at.page.fill("#password", PASSWORD);
  await at.page.fill("#again", PASSWORD);
  await at.page.locator("form button").first().click();
  await at.page.waitForURL(/step=2/);
  await at.page.goto(`${at.origin}/console/`);
  await at.page.waitForSelector("[data-pulse]");
  return at;
}

const sideways = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test("first run: from the setup link over an account and a key to the overview", async () => {
  const at = await open();
  const { page, origin, world, wrongs } = at;
  world.accounts = [];
  world.verdict = verdict({ state: "empty", usable: 0, total: 0 });
  await page.goto(`${origin}/console/`);
  expect(await page.textContent("main")).toContain("The terminal where Sluice runs shows a setup link");

  await page.goto(`${origin}/console/setup?token=${at.auth.issueSetupToken()}`);
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(/step=2/);

  await page.fill("#text", "_lxsdk=1; other=2");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.waitForSelector("#text-error");
  expect(await page.inputValue("#text")).toBe("_lxsdk=1; other=2");
  expect(await page.getAttribute("#text", "aria-invalid")).toBe("true");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("text");

  await page.fill("#text", "passport_token_key=abc");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.waitForURL(/step=3/);
  await page.getByRole("button", { name: "Create key" }).click();
  await page.waitForSelector("#curl");
  expect(await page.textContent("#curl")).toContain(`curl ${origin}/v1/chat/completions`);
  world.keys = world.keys.map((key) => ({ ...key, lastUsedAt: Date.now() }));
  await page.getByText("The first answer came").waitFor();
  await page.getByRole("link", { name: "Go to overview" }).click();
  await page.waitForSelector("[id=row-acc_new1]");
  expect(wrongs).toEqual([]);
  await at.close();
});

test("R20 a change is on the page within two seconds", async () => {
  const at = await signedIn();
  at.world.verdict = verdict({ state: "down", usable: 0 });
  const changedAt = performance.now();
  at.changed();
  await at.page.getByText("Down: no account can answer.").waitFor();
  expect(performance.now() - changedAt).toBeLessThan(2000);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R20 a page goes live whenever its scripts and its first stream come", async () => {
  const at = await signedIn();
  const { page, origin, world } = at;
  let refusals = 1;
  await page.route("**/hx-sse.min.js", async (route) => {
    await Bun.sleep(500);
    await route.continue();
  });
  await page.route("**/console/live?*", (route) => (refusals-- > 0 ? route.abort() : route.continue()));
  await page.clock.install();
  await page.goto(`${origin}/console/`);
  await page.clock.runFor(12_000);
  world.verdict = verdict({ state: "down", usable: 0 });
  at.changed();
  await page.getByText("Down: no account can answer.").waitFor();
  expect(refusals).toBeLessThan(0);
  await at.close();
});

test("an account is switched off and on by keyboard, and the focus stays", async () => {
  const at = await signedIn();
  const { page } = at;
  await page.locator("#act-toggle-acc_1").focus();
  await page.keyboard.press("Enter");
  await page.locator("#row-acc_1[data-state=disabled_by_user]").waitFor();
  expect(await page.textContent("#say")).toContain("studio-1 is switched off.");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("act-toggle-acc_1");
  await page.keyboard.press("Enter");
  await page.locator("#row-acc_1[data-state=ready]").waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("act-toggle-acc_1");
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("adding, testing, renewing and removing happen in place", async () => {
  const at = await signedIn();
  const { page } = at;
  await page.locator("#act-test-acc_5").click();
  await page.locator("#card-acc_5 [data-test=failed]").waitFor();
  expect(await page.textContent("#card-acc_5 [data-test]")).toContain("401 session expired");

  await page.locator("#act-renew-acc_5").click();
  await page.locator("#sheet[open] #text").fill("passport_token_key=fresh");
  await page.getByRole("button", { name: "Check and replace" }).click();
  await page.locator("#row-acc_5[data-state=ready]").waitFor();
  await page.locator("#sheet").waitFor({ state: "hidden" });

  await page.locator(".live-line").getByRole("button", { name: "Add an account" }).click();
  await page.locator("#sheet[open] #text").fill("passport_token_key=more");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.locator("#row-acc_new1").waitFor();

  await page.locator("#act-more-acc_new1").click();
  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("button", { name: /^Remove LongCat/ }).click();
  await page.locator("#row-acc_new1").waitFor({ state: "detached" });
  await page.locator("#sheet").waitFor({ state: "hidden" });
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R36 the focus stays in the content when what had it is gone: a removed account, an empty list that filled", async () => {
  const at = await signedIn();
  const { page, world } = at;
  await page.locator("#act-more-acc_1").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove…" }).press("Enter");
  await page.getByRole("button", { name: /^Remove studio-1/ }).press("Enter");
  await page.locator("#row-acc_1").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.id === "main");

  world.accounts = [];
  await page.goto(`${at.origin}/console/`);
  await page.locator(".empty").getByRole("button", { name: "Add an account" }).press("Enter");
  await page.locator("#sheet[open] #text").fill("passport_token_key=first");
  await page.getByRole("button", { name: "Check and add" }).press("Enter");
  await page.locator("#row-acc_new1").waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "main");
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("the first run works without scripts, and what is typed never stands in an address", async () => {
  const at = await open({ javaScriptEnabled: false });
  const { page, origin, world } = at;
  world.accounts = [];
  await page.goto(`${origin}/console/setup?token=${at.auth.issueSetupToken()}`);
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL(/step=2/);
  await page.fill("#text", "passport_token_key=typed");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.waitForURL(/step=3/);
  expect(world.accounts).toHaveLength(1);
  await page.goto(`${origin}/console/`);
  expect(await page.textContent("main")).toContain("needs JavaScript");
  expect(await page.locator("[data-pulse]").isVisible()).toBe(false);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  expect(await page.locator(".nav").isVisible()).toBe(false);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R21 live updates disturb neither typing nor the open sheet nor the scroll", async () => {
  const at = await signedIn();
  const { page } = at;
  await page.evaluate(() => scrollTo(0, 300));
  const top = async () => Math.round((await page.locator("#card-acc_5").boundingBox())?.y ?? NaN);
  const seenAt = await top();
  await page.locator("#act-renew-acc_5").click();
  await page.locator("#sheet[open] #text").focus();
  const text = "passport_token_key=slowly typed";
  for (const [count, letter] of text.split("").entries()) {
    await page.keyboard.type(letter);
    at.world.verdict = verdict({ state: "limited", usable: count + 1, total: 99 });
    at.changed();
    await page.locator("h1", { hasText: `${count + 1} of 99` }).waitFor();
  }
  expect(await page.inputValue("#text")).toBe(text);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("text");
  await page.keyboard.press("Escape");
  await page.locator("#sheet").waitFor({ state: "hidden" });
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("act-renew-acc_5");
  // The verdict above may have become taller: what one was looking at stays where it was, to a rounded pixel.
  expect(Math.abs((await top()) - seenAt)).toBeLessThanOrEqual(1);

  await page.goto(`${at.origin}/console/accounts`);
  await page.fill("#find", "studio-3");
  at.world.accounts = at.world.accounts.map((each) => ({ ...each, inFlight: 2 }));
  at.changed();
  await page.locator("#card-acc_3", { hasText: "2 of 2" }).waitFor();
  expect(await page.inputValue("#find")).toBe("studio-3");
  expect(await page.locator("#accounts [data-account]:visible").count()).toBe(1);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

/** A console whose provider signs in by code and browser. */
async function withSignIn(options: BrowserContextOptions = {}) {
  const at = await signedIn(options);
  const [longcat] = at.world.providers;
  if (longcat === undefined) throw new Error("the fake world has no provider");
  at.world.providers = [longcat, { ...longcat, name: "kiro", title: "Kiro" }];
  at.world.methods = METHODS;
  return at;
}

test("R11 a sign-in by code finishes without a reload, survives one, and gives a new code when it ran out", async () => {
  const at = await withSignIn();
  const { page, origin, world } = at;
  await page.locator(".live-line").getByRole("button", { name: "Add an account" }).click();
  await page.getByRole("radio", { name: "Kiro" }).check();
  await page.fill("#label", "home");
  await page.getByRole("button", { name: "AWS Builder ID" }).click();
  await page.locator("#user-code", { hasText: "QHKD-7TW1" }).waitFor();
  expect(world.begun).toMatchObject([{ label: "home" }]);
  const left = () => page.textContent("#add-body [data-left]");
  const before = await left();
  await page.waitForFunction((was) => document.querySelector("#add-body [data-left]")?.textContent !== was, before);

  await page.reload();
  await page.locator("#sign-ins li").getByRole("button", { name: "Continue" }).click();
  await page.locator("#sheet[open] #user-code", { hasText: "QHKD-7TW1" }).waitFor();
  settle(world, "login_1", { status: "failed", reason: "begin again", expiresAt: Date.now() - 1 });
  await page.locator("#add-body", { hasText: "It was not finished in time." }).waitFor();
  await page.locator("#add-body").getByRole("button", { name: "Try again" }).click();
  await page.locator("#user-code", { hasText: "QHKD-7TW2" }).waitFor();

  settle(world, "login_2", { status: "done", accounts: [account("acc_home", Date.now(), { label: "home" })] });
  await page.locator("#sheet").waitFor({ state: "hidden" });
  await page.locator("#row-acc_home").waitFor();
  expect(await page.textContent("#say")).toContain("Signed in: home.");
  await page.locator("#sign-ins li").waitFor({ state: "detached" });

  await page.goto(`${origin}/console/accounts`);
  await page.locator(".head").getByRole("button", { name: "Add an account" }).click();
  await page.getByRole("radio", { name: "Kiro" }).check();
  await page.getByRole("button", { name: "AWS Builder ID" }).click();
  await page.locator("#add-body").getByRole("button", { name: "Cancel sign-in" }).click();
  await page.locator("#sheet").waitFor({ state: "hidden" });
  expect(world.signIns.some(({ status }) => status === "open")).toBe(false);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R11 a sign-in in the browser keeps what was pasted, in the first run too", async () => {
  const at = await withSignIn();
  const { page, origin } = at;
  await page.goto(`${origin}/console/setup?step=2`);
  await page.getByRole("radio", { name: "Kiro" }).check();
  await page.getByRole("button", { name: "Google" }).click();
  await page.fill("#address", "http://elsewhere.example/?code=no");
  await page.getByRole("button", { name: "Finish" }).click();
  await page.waitForSelector("#address-error");
  expect(await page.inputValue("#address")).toBe("http://elsewhere.example/?code=no");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("address");
  await page.reload();
  await page.fill("#address", LAST_ADDRESS);
  await page.getByRole("button", { name: "Finish" }).click();
  await page.waitForURL(/step=3/);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R23 a setting that is refused is an error beside its field, and what was typed stays", async () => {
  const at = await signedIn();
  const { page, world } = at;
  await page.locator("#act-more-acc_1").click();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.fill("#concurrency", "5");
  await page.fill("#proxy", "socks5://proxy.example");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("#proxy-error", { hasText: "SOCKS proxies do not work here." }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("proxy");
  expect(await page.inputValue("#concurrency")).toBe("5");
  await page.fill("#proxy", "http://proxy.example:3128");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("#sheet").waitFor({ state: "hidden" });
  expect(world.configured.at(-1)).toEqual({ concurrency: 5, proxy: "http://proxy.example:3128" });
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("accounts are imported from a file and saved into one", async () => {
  const at = await signedIn();
  const { page, origin, world } = at;
  await page.goto(`${origin}/console/accounts`);
  await page.getByRole("button", { name: "Import" }).click();
  await page.setInputFiles("#files", { name: ".env", mimeType: "text/plain", buffer: Buffer.from("AUTH_COOKIES=a") });
  await page.getByRole("button", { name: "Preview" }).click();
  await page.locator("#import-report[data-dry=yes]", { hasText: "2 would be taken" }).waitFor();
  await page.locator("#sheet").getByRole("button", { name: "Import" }).click();
  await page.locator("#import-report[data-dry=no]", { hasText: "2 taken" }).waitFor();
  expect(world.moved).toMatchObject([{ files: [{ path: ".env" }] }, { files: [{ path: ".env" }] }]);
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Export" }).click();
  await page.getByLabel("Without a passphrase").check();
  await page.locator("#sheet").getByRole("button", { name: "Export" }).click();
  await page.fill("#password", PASSWORD);
  await page.getByRole("button", { name: "Export without a passphrase" }).click();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the file" }).click();
  const download = await saved;
  expect(download.suggestedFilename()).toMatch(/^sluice-accounts-.*\.json$/);
  expect(JSON.parse(await Bun.file(await download.path()).text())).toMatchObject({ format: "sluice-export" });
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("a change to one of two hundred accounts touches its row alone", async () => {
  const at = await signedIn();
  const { page, origin, world } = at;
  world.accounts = Array.from({ length: 200 }, (_, index) => account(`acc_${index}`, Date.now()));
  await page.goto(`${origin}/console/accounts`);
  await page.getByText("Live", { exact: true }).waitFor();
  const mutated = page.evaluate(
    () =>
      new Promise<string[]>((resolve) => {
        new MutationObserver((records, observer) => {
          const rows = records.map(({ target }) => (target as Element).parentElement?.closest("tr")?.id ?? "");
          if (!rows.includes("row-acc_77")) return;
          observer.disconnect();
          resolve([...new Set(rows.filter((id) => id !== ""))]);
        }).observe(document.querySelector("#rows") as Element, { subtree: true, characterData: true });
      }),
  );
  await page.evaluate(() => undefined);
  world.accounts = world.accounts.map((each) => (each.id === "acc_77" ? { ...each, inFlight: 2 } : each));
  at.changed();
  await page.locator("#row-acc_77", { hasText: "2 of 2" }).waitFor();
  expect(await mutated).toEqual(["row-acc_77"]);
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test("R20 a page says when it is stale, and goes on by itself when the gateway is back", async () => {
  const at = await signedIn();
  const { page, app, world } = at;
  const port = app.server?.port ?? 0;
  await page.clock.install();
  await page.goto(`${at.origin}/console/`);
  await page.getByText("Live", { exact: true }).waitFor();
  await app.stop(true);
  await page.clock.runFor(12_000);
  expect(await page.textContent("[data-pulse]")).toContain("Not live: last update");
  world.verdict = verdict({ state: "down", usable: 0 });
  app.listen({ port, hostname: "127.0.0.1" });
  await page.clock.runFor(6000);
  await page.getByText("Down: no account can answer.").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await at.close();
});

test("R20 pages that were opened behind others hold no connection, and are live when they are looked at", async () => {
  const at = await signedIn();
  await at.page.close();
  await at.context.addInitScript(() => {
    Object.defineProperty(document, "hidden", { get: () => !document.documentElement.hasAttribute("data-looked-at") });
  });
  const pages: Page[] = [];
  for (let count = 0; count < 8; count++) {
    const page = await at.context.newPage();
    await page.goto(`${at.origin}/console/`);
    pages.push(page);
  }
  const [first] = pages;
  await first?.evaluate(() => {
    document.documentElement.setAttribute("data-looked-at", "");
    document.dispatchEvent(new Event("visibilitychange"));
  });
  at.world.verdict = verdict({ state: "down", usable: 0 });
  at.changed();
  await first?.getByText("Down: no account can answer.").waitFor();
  expect(await pages[1]?.getByText("Down: no account can answer.").count()).toBe(0);
  await at.close();
});

test("language and theme are switched in place and kept", async () => {
  const at = await signedIn({ colorScheme: "light" });
  const { page } = at;
  await page.getByRole("link", { name: "中文" }).click();
  await page.getByText("需要处理").waitFor();
  expect(await page.getAttribute("html", "lang")).toBe("zh-CN");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await ground()).toBe("rgb(232, 236, 235)");
  await page.getByRole("link", { name: "深色" }).click();
  expect(await ground()).toBe("rgb(11, 17, 18)");
  await page.goto(`${at.origin}/console/accounts`);
  expect(await page.getAttribute("html", "data-theme")).toBe("dark");
  expect(await page.textContent("h1")).toBe("账号");
  expect(at.wrongs).toEqual([]);
  await at.close();
});

test.each([360, 768, 1280])("R35 no page scrolls sideways at %d px, in both languages", async (width) => {
  for (const locale of ["en-US", "zh-CN"]) {
    const at = await signedIn({ viewport: { width, height: 800 }, locale });
    const { page, origin, world } = at;
    world.accounts = [
      ...world.accounts,
      ...everyState(Date.now()).map((each) => ({
        ...each,
        id: `${each.id}_long`,
        label: "a-name-without-any-place-to-break-that-goes-on-and-on-and-on@example.com",
      })),
    ];
    const [longcat] = world.providers;
    world.methods = METHODS;
    world.providers = longcat
      ? [longcat, { ...longcat, name: "kiro", title: "Kiro" }, ...world.providers.slice(1)]
      : [];
    await at.admin.signIn.begin("kiro", "google");
    for (const path of ["", "accounts", "setup?step=2", "setup?step=3", "nowhere"]) {
      await page.goto(`${origin}/console/${path}`);
      expect(await sideways(page), `${locale} ${path}`).toBe(0);
    }
    await page.goto(`${origin}/console/`);
    await page.locator("#act-more-acc_1").click();
    await page.locator("#sheet[open]").waitFor();
    expect(await sideways(page), `${locale} sheet`).toBe(0);
    expect(at.wrongs).toEqual([]);
    await at.close();
  }
});

test("R35 at 360 px all that can be tapped measures 44 px and more each way", async () => {
  const at = await signedIn({ viewport: { width: 360, height: 800 } });
  const { page, origin } = at;
  const small = () =>
    page.locator("button:visible, a:visible, summary:visible").evaluateAll((targets) =>
      targets
        .map((target) => ({
          target: target.id || target.textContent?.trim(),
          ...target.getBoundingClientRect().toJSON(),
        }))
        .filter(({ width, height }) => Math.round(width) < 44 || Math.round(height) < 44)
        .map(({ target, width, height }) => `${target}: ${width} x ${height}`),
    );
  for (const path of ["", "accounts"]) {
    await page.goto(`${origin}/console/${path}`);
    expect(await small(), path).toEqual([]);
  }
  await page.locator("#act-more-acc_1").click();
  await page.locator("#sheet[open]").waitFor();
  expect(await small()).toEqual([]);
  await at.close();
});

test("an address is copied without a secure context too, and the page says so", async () => {
  const at = await signedIn();
  const { page } = at;
  await page.evaluate(() => Object.defineProperty(globalThis, "isSecureContext", { value: false }));
  await page.locator("#ends [data-copy]").first().click();
  await page.locator("#say", { hasText: "Copied" }).waitFor();
  await page
    .locator("body")
    .evaluate((body) => body.insertAdjacentHTML("beforeend", "<textarea id='paste'></textarea>"));
  await page.focus("#paste");
  await page.keyboard.press("Control+V");
  expect(await page.inputValue("#paste")).toBe(`${at.origin}/v1`);
  expect(at.wrongs).toEqual([]);
  await at.close();
});
