/**
 * The first three minutes of a stranger: the compiled program in an empty folder, its page in a real browser, a LongCat
 * account pasted there, and the official OpenAI SDK as the client. The tests follow one life and stand in its order.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { type Browser, chromium, type Page } from "playwright-core";
import { answer, fail, type LongcatSim, startLongcatSim } from "../sims/longcat.ts";
import { ADDRESS, install, type Installed, run, type Running, SETUP_LINK } from "./program.ts";

setDefaultTimeout(60_000);

const COOKIE = "c".repeat(120);
const SECOND_COOKIE = "d".repeat(120);
const PASSWORD = "correct horse battery";

let sim: LongcatSim;
let installed: Installed;
let running: Running;
let browser: Browser;
let page: Page;
let address: string;
let key: string;

beforeAll(async () => {
  sim = await startLongcatSim();
  sim.account(COOKIE).always("chat", answer(["你好", "，", "世界 🐈"]));
  installed = await install("sluice");
  const until = [ADDRESS, SETUP_LINK];
  running = await run([installed.program, "--port", "0"], installed.folder, until, { LONGCAT_URL: sim.url });
  address = running.find(ADDRESS);
  browser = await chromium.launch({
    executablePath: Bun.which("google-chrome") ?? Bun.which("chromium") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, locale: "en-US" });
});

afterAll(async () => {
  await browser?.close();
  await running?.kill();
  await installed?.remove();
  await sim?.stop();
});

test("without the link the page says where it is", async () => {
  await page.goto(address);
  expect(page.url()).toContain("/console");
  expect(await page.innerText("body")).toMatch(/terminal/i);
});

test("the printed link sets the password, once", async () => {
  const link = running.find(SETUP_LINK);
  await page.goto(link);
  await page.fill("#password", PASSWORD);
  await page.fill("#again", PASSWORD);
  await page.locator("form button").first().click();
  await page.waitForURL(/step=2/);
  const other = await browser.newContext();
  const stranger = await other.newPage();
  await stranger.goto(link);
  expect(await stranger.locator("#again").count()).toBe(0);
  await other.close();
});

test("a cookie that is none is refused beside its field, and the text is kept", async () => {
  await page.fill("textarea", "_lxsdk_cuid=19a2f; WEBDFPID=x71");
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.waitForSelector(".err");
  expect(await page.innerText(".err")).toContain("passport_token_key");
  expect(await page.inputValue("textarea")).toContain("WEBDFPID");
});

test("a whole cookie header is an account, and the first key is shown", async () => {
  await page.fill("textarea", `Cookie: _lxsdk_cuid=19a2f; passport_token_key=${COOKIE}; WEBDFPID=x71`);
  await page.getByRole("button", { name: "Check and add" }).click();
  await page.waitForURL(/step=3/);
  await page.locator("form button").first().click();
  const shown = page.locator("text=/sk-sluice-[\\w-]{32}/").first();
  await shown.waitFor();
  key = /sk-sluice-[\w-]{32}/.exec(await shown.innerText())?.[0] ?? "";
  expect(key).not.toBe("");
});

test("the official SDK gets whole and streamed answers, byte for byte", async () => {
  const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "hi" }];
  const whole = await client.chat.completions.create({ model: "LongCat", messages });
  expect(whole.choices[0]?.message.content).toBe("你好，世界 🐈");
  let streamed = "";
  for await (const chunk of await client.chat.completions.create({ model: "LongCat", messages, stream: true })) {
    streamed += chunk.choices[0]?.delta.content ?? "";
  }
  expect(streamed).toBe("你好，世界 🐈");
});

test("the overview is fine and shows the requests", async () => {
  await page.goto(`${address}/console/`);
  await page.waitForSelector(".verdict");
  expect(await page.locator(".verdict.limited, .verdict.down").count()).toBe(0);
  await page.getByText("Answered").first().waitFor();
});

test("a dead account shows within two seconds, without a reload", async () => {
  sim.account(SECOND_COOKIE);
  await page.evaluate("window.sameDocument = true");
  const added = Bun.spawn([installed.program, "account", "add", "longcat"], {
    cwd: installed.folder,
    env: { LONGCAT_URL: sim.url },
    stdin: new Blob([SECOND_COOKIE]),
    stdout: "pipe",
  });
  expect(await added.exited).toBe(0);
  await page.getByText("LongCat 2").first().waitFor({ timeout: 2_000 });
  sim.account(SECOND_COOKIE).always("chat", fail.status(429, "操作太快啦，请稍后再试～", { retryAfter: 300 }));
  sim.account(COOKIE).always("chat", fail.status(429, "操作太快啦，请稍后再试～", { retryAfter: 300 }));
  const response = await fetch(`${address}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: "LongCat", messages: [{ role: "user", content: "hi" }] }),
  });
  expect(response.status).toBe(429);
  expect(response.headers.get("x-should-retry")).toBe("false");
  await page.locator(".verdict.down").waitFor({ timeout: 2_000 });
  expect(await page.evaluate("window.sameDocument")).toBe(true);
});
