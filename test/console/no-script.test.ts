import { describe, expect, test } from "bun:test";
import { desk, operator } from "./desk.ts";
import { everyState } from "./fake-admin.ts";

/** How a browser asks when it follows a link or sends a form by itself: htmx does not speak for it. */
const BY_ITSELF = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

const SHEETS = ["accounts/new", "accounts/acc_5/renew", "accounts/acc_1/settings", "accounts/acc_1/remove", "import"];

describe("without scripts", () => {
  test.each(["setup?step=2", ...SHEETS, "export"])(
    "no form of %s writes what is typed into an address",
    async (path) => {
      const browser = await operator(await desk({ world: { accounts: everyState(0) } }));
      const markup = await (await browser.get(`/console/${path}`)).text();
      const forms = markup.match(/<form[^>]*>/g) ?? [];
      expect(forms.length).toBeGreaterThan(0);
      for (const form of forms) {
        expect(form).toMatch(/method="post"/);
        const target = /hx-post="([^"]*)"/.exec(form)?.[1];
        if (target !== undefined) expect(form).toContain(`action="${target}"`);
      }
    },
  );

  test("what a form comes to is a page of its own", async () => {
    const at = await desk({ world: { accounts: [] } });
    const browser = await operator(at);
    const added = await browser.post(
      "/console/accounts",
      { provider: "longcat", text: "passport_token_key=abc" },
      BY_ITSELF,
    );
    const page = await added.text();
    expect(page).toContain("<!doctype html>");
    expect(page).toContain("1 account added.");
    expect(page).not.toContain("hx-partial");
    expect(at.world.accounts).toHaveLength(1);

    const empty = await browser.post("/console/accounts", { provider: "longcat", text: "" }, BY_ITSELF);
    expect(empty.status).toBe(422);
    expect(await empty.text()).toMatch(/<!doctype html>[^]*Paste a login first\./);
  });

  test("the first run goes on to its next step", async () => {
    const browser = await operator(await desk());
    const fields = { provider: "longcat", text: "passport_token_key=abc", after: "setup" };
    const added = await browser.post("/console/accounts", fields, BY_ITSELF);
    expect([added.status, added.headers.get("location")]).toEqual([303, "/console/setup?step=3"]);
  });

  test.each([
    ["", "en", "needs JavaScript"],
    ["accounts", "zh-CN", "需要 JavaScript"],
  ])("the page %p says in %s what is missing", async (path, language, words) => {
    const browser = await operator(await desk());
    const markup = await (await browser.get(`/console/${path}`, { "accept-language": language })).text();
    expect(/<noscript>([^]*?)<\/noscript>/.exec(markup)?.[1]).toContain(words);
  });
});

const UNREADABLE: readonly (readonly [string, string, string])[] = [
  ["JSON", "application/json", "{}"],
  ["plain text", "text/plain", "x"],
  ["multipart without a boundary", "multipart/form-data", "x"],
  ["multipart that is cut off", "multipart/form-data; boundary=a", "--a\r\nbroken"],
];
const DOORS = ["login", "setup", "logout", "accounts", "accounts/acc_1/renew", "sign-ins", "import", "export"];
test.each(DOORS)("a body that is no form is the sender's mistake, at /console/%s too", async (door) => {
  const browser = await operator(await desk({ world: { accounts: everyState(0) } }));
  for (const [name, type, body] of UNREADABLE) {
    const headers = { "content-type": type };
    const answer = await browser.send(`/console/${door}`, { method: "POST", body, headers });
    expect([name, answer.status]).toEqual([name, 400]);
    expect(await answer.text()).toContain("form could not be read");
  }
});
