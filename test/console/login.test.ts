import { describe, expect, test } from "bun:test";
import { desk, handClock, operator, PASSWORD, visitor } from "./desk.ts";

const MINUTE_MS = 60_000;

describe("before setup", () => {
  test("R43 every page says that setup is needed and where the link is", async () => {
    const browser = visitor(await desk());
    for (const path of ["", "accounts", "login", "setup", "nowhere"]) {
      const response = await browser.get(`/console/${path}`);
      expect(response.status, path).toBe(200);
      expect(await response.text(), path).toContain("The terminal where Sluice runs shows a setup link");
    }
  });

  test("nothing can be done without a session", async () => {
    const at = await desk();
    const browser = visitor(at);
    for (const path of ["accounts", "accounts/acc_1/remove", "setup/key", "login"]) {
      expect((await browser.post(`/console/${path}`, { text: "x" })).status, path).toBe(403);
    }
    expect(at.world.keys).toEqual([]);
  });

  test("the setup link sets a password once and signs in", async () => {
    const at = await desk();
    const token = at.auth.issueSetupToken();
    const browser = visitor(at);
    const page = await (await browser.get(`/console/setup?token=${token}`)).text();
    expect(page).toContain('name="again"');
    const done = await browser.post("/console/setup", { token, password: PASSWORD, again: PASSWORD });
    expect(done.status).toBe(303);
    expect(done.headers.get("location")).toBe("/console/setup?step=2");
    expect((await browser.get("/console/")).status).toBe(200);

    const second = visitor(at);
    expect((await second.get(`/console/setup?token=${token}`)).headers.get("location")).toBe("/console/login");
    expect((await second.post("/console/setup", { token, password: PASSWORD, again: PASSWORD })).status).toBe(403);
  });

  test("two forms sent at once with one link make one session", async () => {
    const at = await desk();
    const token = at.auth.issueSetupToken();
    const send = () => visitor(at).post("/console/setup", { token, password: PASSWORD, again: PASSWORD });
    const statuses = (await Promise.all([send(), send(), send()])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([303, 403, 403]);
  });

  test("the link ends after 30 minutes and a newer one replaces it", async () => {
    const clock = handClock();
    const at = await desk({ clock });
    const first = at.auth.issueSetupToken();
    clock.turn(30 * MINUTE_MS - 1);
    expect(at.auth.isSetupToken(first)).toBe(true);
    clock.turn(1);
    expect(at.auth.isSetupToken(first)).toBe(false);
    const response = await visitor(at).get(`/console/setup?token=${first}`);
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("older than 30 minutes");
    const second = at.auth.issueSetupToken();
    const third = at.auth.issueSetupToken();
    expect([at.auth.isSetupToken(second), at.auth.isSetupToken(third)]).toEqual([false, true]);
  });

  const REFUSED = [
    ["is too short", "elevenchars", "elevenchars", "too short", "password"],
    ["differs from its repetition", PASSWORD, `${PASSWORD}!`, "differ", "again"],
  ] as const;
  test.each(REFUSED)(
    "a password that %s is refused beside its field and the link stays good",
    async (_, password, again, text, field) => {
      const at = await desk();
      const token = at.auth.issueSetupToken();
      const response = await visitor(at).post("/console/setup", { token, password, again });
      expect(response.status).toBe(422);
      const page = await response.text();
      expect(page).toContain(text);
      expect(page).toMatch(new RegExp(`id="${field}"[^>]*aria-invalid="true"`));
      expect(page).not.toContain(password);
      expect(at.auth.isSetupToken(token)).toBe(true);
    },
  );
});

describe("signing in", () => {
  test("a page asks for the password and goes on to where one wanted to go", async () => {
    const at = await desk();
    await operator(at);
    const browser = visitor(at);
    const away = await browser.get("/console/accounts?state=cooling");
    expect(away.headers.get("location")).toBe("/console/login?next=accounts%3Fstate%3Dcooling");
    const done = await browser.post("/console/login", { password: PASSWORD, next: "accounts?state=cooling" });
    expect(done.headers.get("location")).toBe("/console/accounts?state=cooling");
    expect((await browser.get("/console/accounts")).status).toBe(200);
  });

  test.each(["https://evil.example/", "//evil.example", "../v1/models", "javascript:alert(1)", "\\evil"])(
    "never goes on to %s",
    async (next) => {
      const at = await desk();
      await operator(at);
      const done = await visitor(at).post("/console/login", { password: PASSWORD, next });
      expect(done.headers.get("location")).toBe("/console/");
    },
  );

  const COOKIES = [
    ["for a visit, over http", { secure: false }, "", "/", ["HttpOnly", "Path=/console", "SameSite=Strict"]],
    ["for 30 days", { secure: false }, "yes", "/", ["HttpOnly", "Max-Age=2592000", "Path=/console", "SameSite=Strict"]],
    [
      "over TLS, below a base path",
      { secure: true },
      "",
      "/sluice/",
      ["HttpOnly", "Path=/sluice/console", "SameSite=Strict", "Secure"],
    ],
  ] as const;
  test.each(COOKIES)("R44 the cookie %s", async (_, client, remember, basePath, attributes) => {
    const at = await desk({ client, basePath });
    await operator(at);
    const response = await visitor(at).post("/console/login", { password: PASSWORD, remember });
    const [cookie = ""] = response.headers.getSetCookie();
    const [pair = "", ...others] = cookie.split("; ");
    expect(pair).toMatch(/^sluice_session=[\w-]{43}$/);
    expect(others.toSorted()).toEqual([...attributes]);
  });

  test("R42 five wrong passwords in 15 minutes, then 429 that says how long, for this address alone", async () => {
    const clock = handClock();
    const at = await desk({ clock });
    await operator(at);
    const guess = (password: string) => visitor(at).post("/console/login", { password });
    for (let count = 0; count < 5; count += 1) {
      const wrong = await guess("not the password");
      expect(wrong.status).toBe(401);
      clock.turn(MINUTE_MS);
    }
    const refused = await guess(PASSWORD);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("600");
    expect(await refused.text()).toContain("Try again in 10 min.");
    expect((await at.auth.signIn("192.0.2.8", PASSWORD, false)).outcome).toBe("signed-in");
    clock.turn(10 * MINUTE_MS);
    expect((await guess(PASSWORD)).status).toBe(303);
  });

  test("R42 guesses sent all at once are counted before they are judged", async () => {
    const at = await desk();
    await operator(at);
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => at.auth.signIn("192.0.2.9", "wrong", false)));
    expect(outcomes.filter(({ outcome }) => outcome === "wrong")).toHaveLength(5);
  });

  test("a visit ends after 12 hours, a remembered one after 30 days", async () => {
    const clock = handClock();
    const at = await desk({ clock });
    const short = await operator(at);
    const long = visitor(at);
    await long.post("/console/login", { password: PASSWORD, remember: "yes" });
    clock.turn(12 * 60 * MINUTE_MS);
    expect((await short.get("/console/")).status).toBe(303);
    expect((await long.get("/console/")).status).toBe(200);
    clock.turn(30 * 24 * 60 * MINUTE_MS);
    expect((await long.get("/console/")).status).toBe(303);
  });

  test("signing out ends this session, signing out everywhere ends all", async () => {
    const at = await desk();
    const first = await operator(at);
    const [second, third] = [visitor(at), visitor(at)];
    for (const browser of [second, third]) await browser.post("/console/login", { password: PASSWORD });
    const stolen = visitor(at, second.cookie());
    await second.post("/console/logout", {});
    expect((await stolen.get("/console/")).status).toBe(303);
    expect((await third.get("/console/")).status).toBe(200);
    await third.post("/console/logout", { everywhere: "yes" });
    expect((await first.get("/console/")).status).toBe(303);
    expect(at.sessions.size).toBe(0);
  });

  test("the store never sees the cookie itself", async () => {
    const at = await desk();
    const browser = await operator(at);
    const token = browser.cookie().split("=")[1] ?? "";
    expect(token).toHaveLength(43);
    expect([...at.sessions.keys()].some((hash) => hash.includes(token))).toBe(false);
  });
});

describe("R44 requests that another site made the browser send", () => {
  const CASES: readonly (readonly [string, Record<string, string>, number])[] = [
    ["a foreign Origin", { origin: "http://evil.example" }, 403],
    ["Origin null", { origin: "null" }, 403],
    ["our host on another port", { origin: "http://localhost:9" }, 403],
    ["a cross-site fetch", { "sec-fetch-site": "cross-site" }, 403],
    ["a same-site fetch", { origin: "http://localhost", "sec-fetch-site": "same-site" }, 403],
    ["our own page", { origin: "http://localhost", "sec-fetch-site": "same-origin" }, 200],
    ["our own page behind a TLS proxy", { origin: "https://localhost" }, 200],
    ["no browser at all", {}, 200],
  ];
  test.each(CASES)("%s", async (_, headers, status) => {
    const at = await desk();
    const browser = await operator(at);
    const { admin } = at;
    await admin.accounts.add("longcat", "passport_token_key=a");
    const id = at.world.accounts[0]?.id ?? "";
    const response = await browser.post(`/console/accounts/${id}/disable`, {}, headers);
    expect(response.status).toBe(status);
    expect(at.world.accounts[0]?.state).toBe(status === 200 ? "disabled_by_user" : "ready");
  });

  test("every answer carries the strict policy", async () => {
    const at = await desk();
    const browser = await operator(at);
    for (const path of [
      "",
      "nowhere",
      "live",
      "assets/app.css",
      "assets/app.js",
      "assets/htmx/htmx.min.js",
      "accounts/new",
    ]) {
      const response = await browser.get(`/console/${path}`);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy, path).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(response.headers.get("x-content-type-options"), path).toBe("nosniff");
      await response.body?.cancel();
    }
  });
});

test.each(["", "accounts", "login", "nothing-here", "assets/app.css", "live?page=overview"])(
  "HEAD of /console/%s is GET without the body, signed in or not",
  async (path) => {
    const at = await desk();
    for (const browser of [visitor(at), await operator(at), visitor(at)]) {
      const whole = await browser.get(`/console/${path}`);
      const head = await browser.send(`/console/${path}`, { method: "HEAD" });
      expect([head.status, head.headers.get("location")]).toEqual([whole.status, whole.headers.get("location")]);
      expect(await head.text()).toBe("");
      await whole.body?.cancel();
    }
  },
);
