import { describe, expect, test } from "bun:test";
import type { AccountView, Verdict } from "../../src/admin/admin.ts";
import { ACCOUNT_STATES } from "../../src/store/store.ts";
import { desk, operator } from "./desk.ts";
import { account, everyState, type FakeWorld, request, verdict } from "./fake-admin.ts";

const VERDICTS: readonly (readonly [Verdict["state"], Partial<Verdict>, string, string, string])[] = [
  ["fine", {}, "Fine: everything answers.", "3 of 3 accounts are ready.", "正常：全部可以回答。"],
  [
    "limited",
    { provider: "longcat", usable: 1, total: 7, needsLogin: 3, cooling: 2 },
    "Limited: LongCat has 1 of 7 accounts left.",
    "Sign in again: 3 accounts",
    "受限：LongCat 的 7 个账号中只剩 1 个可用。",
  ],
  [
    "down",
    { usable: 0, disabledAuto: 3 },
    "Down: no account can answer.",
    "Test 3 accounts that failed",
    "不可用：没有账号能回答。",
  ],
  [
    "empty",
    { usable: 0, total: 0 },
    "No account yet: only the demo answers.",
    "Add an account",
    "还没有账号：只有演示模型会回答。",
  ],
  [
    "degraded",
    { trouble: "disk full" },
    "Answers go on, but nothing can be saved.",
    "disk full",
    "回答照常，但什么都无法保存。",
  ],
  ["starting", {}, "Starting: the accounts are being read.", "Requests wait meanwhile.", "正在启动：正在读取账号。"],
];

/** A page's text as a reader has it: no tags, no doubled white space. */
async function textOf(response: Response): Promise<string> {
  const markup = await response.text();
  return markup
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .replaceAll("&#x27;", "'");
}

describe("the verdict", () => {
  test.each(VERDICTS)(
    "%s is one sentence with its reason or remedy, in both languages",
    async (state, changes, sentence, more, chinese) => {
      const at = await desk({ world: { verdict: verdict({ state, ...changes }) } });
      const browser = await operator(at);
      const english = await browser.get("/console/");
      expect(await english.clone().text()).toContain(`data-verdict="${state}"`);
      const text = await textOf(english);
      expect(text).toContain(sentence);
      expect(text).toContain(more);
      expect(await textOf(await browser.get("/console/", { "accept-language": "zh-CN" }))).toContain(chinese);
    },
  );

  test("says when the first resting account is back", async () => {
    const at = await desk();
    at.world.verdict = verdict({ state: "down", usable: 0, cooling: 3, nextBackAt: at.clock.now() + 42_000 });
    expect(await textOf(await (await operator(at)).get("/console/"))).toMatch(/The next one is back in 42s ?\./);
  });

  test.each([
    ["a login that was refused until it was taken out", "disabled_auto", "auth-rejected", "Sign in again: 1 account"],
    ["failures of another kind", "disabled_auto", "upstream-changed", "Test 1 account that failed"],
    ["a browser check", "cooling", "challenge", "Open the service in your browser once, then test it"],
    ["a rate limit", "cooling", "rate-limited", "Nothing to do: it comes back by itself."],
  ] as const)("offers what helps against %s, as the account's card does", async (_name, state, reasonKind, remedy) => {
    const at = await desk();
    const until = at.clock.now() + 60_000;
    at.world.accounts = [account("acc_1", at.clock.now(), { state, reasonKind, until })];
    at.world.verdict = verdict({
      state: "down",
      usable: 0,
      total: 1,
      ...(state === "cooling" ? { cooling: 1, nextBackAt: until } : { disabledAuto: 1 }),
    });
    const markup = await (await (await operator(at)).get("/console/")).text();
    expect(await textOf(new Response(/<section id="verdict"[^]*?<\/section>/.exec(markup)?.[0]))).toContain(remedy);
  });

  test("a service that is down blames no account", async () => {
    const at = await desk({ world: { verdict: verdict({ state: "down", provider: "longcat" }) } });
    at.world.accounts = [account("acc_1", at.clock.now())];
    at.world.providers = at.world.providers.map((each) =>
      each.name === "longcat" ? { ...each, breaker: "open", breakerUntil: at.clock.now() + 30_000 } : each,
    );
    const text = await textOf(await (await operator(at)).get("/console/"));
    expect(text).toContain("LongCat itself seems to be down; its accounts are not to blame.");
    expect(text).toContain("Service down");
  });
});

describe("Chinese", () => {
  /** Texts as a reader has them, one for each block of the page. */
  const blocksOf = (markup: string) =>
    markup
      .replace(/<\/?(?:b|small|span|time|q|code|a)\b[^>]*>/g, "")
      .replace(/<svg[^]*?<\/svg>/g, "")
      .split(/<[^>]*>/)
      .map((text) => text.replace(/\s+/g, " ").trim());

  const worlds: [string, (now: number) => Partial<FakeWorld>][] = [
    [
      "accounts in every state",
      (now) => ({ verdict: verdict({ state: "fine", exhausted: 2, cooling: 1, nextBackAt: now + 42_000 }) }),
    ],
    [
      "a service that is down",
      (now) => ({ verdict: verdict({ state: "down", usable: 0, disabledAuto: 1, nextBackAt: now + 9_000 }) }),
    ],
    ["a disk that is full", () => ({ verdict: verdict({ state: "degraded", trouble: "磁盘已满" }) })],
  ];
  test.each(worlds)("has no gap between sentences and no narrow comma: %s", async (_, changes) => {
    const at = await desk();
    const now = at.clock.now();
    Object.assign(at.world, { accounts: everyState(now) }, changes(now));
    at.world.providers = at.world.providers.map((each) => ({ ...each, breaker: "open", breakerUntil: now + 30_000 }));
    const browser = await operator(at);
    await browser.post("/console/accounts/acc_5/test", {});
    for (const path of ["", "accounts", "accounts/acc_5", "accounts/new"]) {
      const markup = await (await browser.get(`/console/${path}`, { "accept-language": "zh-CN" })).text();
      const texts = [
        ...blocksOf(markup),
        ...[...markup.matchAll(/aria-label="([^"]*)"/g)].map(([, label = ""]) => label),
      ];
      expect(texts.filter((text) => /[。，；：！？] +\p{Script=Han}|\p{Script=Han}[,;!?]/u.test(text))).toEqual([]);
    }
  });
});

describe("accounts", () => {
  const SHOWN: Readonly<Record<(typeof ACCOUNT_STATES)[number], readonly string[]>> = {
    ready: ["Ready", "412 / 1,000 credits", "1 of 2", "98%", "42s ago"],
    cooling: ["Cooling", "The service asked for a pause", "It comes back by itself.", "Back in 42s"],
    exhausted: ["Out of quota", "used up its quota", "Back in 5h", "1,000 / 1,000 credits"],
    needs_login: ["Login expired", "refused this login", "Sign in again", "New login", "96.2%", "18m ago"],
    disabled_auto: ["Off after failures", "5 of 5", "Next try in 5m", "a good test brings it back"],
    disabled_by_user: ["Switched off", "Switch on"],
  };
  test.each([...ACCOUNT_STATES])(
    "%s has its word, its own shape, its reason, its remedy and its figures",
    async (state) => {
      const at = await desk();
      at.world.accounts = everyState(at.clock.now()).filter((each) => each.state === state);
      const browser = await operator(at);
      const markup = await (await browser.get("/console/accounts")).text();
      const list = markup.slice(markup.indexOf('id="accounts"'));
      const text = list.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
      for (const words of SHOWN[state]) expect(text).toContain(words);
      expect(list).toContain(`data-state="${state}"`);
    },
  );

  test("each state has a shape of its own", async () => {
    const at = await desk();
    at.world.accounts = everyState(at.clock.now());
    const markup = await (await (await operator(at)).get("/console/accounts")).text();
    const chips = [...markup.matchAll(/data-chip="(\w+)"[^]*?href="(#[\w-]+)"/g)].map(([, , shape]) => shape);
    expect(new Set(chips).size).toBe(ACCOUNT_STATES.length);
  });

  test("only an account that can be asked is marked as the next one", async () => {
    const marks = async (state: AccountView["state"]) => {
      const at = await desk();
      at.world.accounts = [account("acc_1", at.clock.now(), { state, current: true })];
      const markup = await (await (await operator(at)).get("/console/accounts")).text();
      return markup.split('class="turn"').length - 1;
    };
    expect(await Promise.all(ACCOUNT_STATES.map(marks))).toEqual(
      ACCOUNT_STATES.map((state) => (state === "ready" ? 1 : 0)),
    );
  });

  test("names stand in the order of their numbers", async () => {
    const at = await desk();
    at.world.accounts = [10, 2, 1, 11].map((n) => account(`acc_${n}`, at.clock.now(), { label: `LongCat ${n}` }));
    const markup = await (await (await operator(at)).get("/console/accounts")).text();
    expect([...markup.matchAll(/<b>(LongCat \d+)<\/b>/g)].map(([, label]) => label)).toEqual([
      "LongCat 1",
      "LongCat 2",
      "LongCat 10",
      "LongCat 11",
    ]);
  });

  test("gauge and row of a provider leave out what a person switched off, as the verdict does", async () => {
    const at = await desk({ world: { verdict: verdict({ state: "limited", usable: 2, total: 3 }) } });
    const states = ["ready", "ready", "needs_login", "disabled_by_user"] as const;
    at.world.accounts = states.map((state, n) => account(`acc_${n}`, at.clock.now(), { state }));
    const text = await textOf(await (await operator(at)).get("/console/"));
    for (const words of ["2 of 3 accounts", " 2/3 ", "2 of 3 ready"]) expect(text).toContain(words);
    at.world.accounts = [account("acc_1", at.clock.now(), { state: "disabled_by_user" })];
    expect(await textOf(await (await operator(at)).get("/console/"))).not.toContain("NaN");
  });

  test("without accounts there is one next step and no empty table", async () => {
    const markup = await (await (await operator(await desk())).get("/console/accounts")).text();
    expect(markup).toContain("No account yet.");
    expect(markup).not.toContain("<table");
  });

  test("the overview shows the beginning of two hundred, the accounts page all", async () => {
    const at = await desk();
    at.world.accounts = Array.from({ length: 200 }, (_, index) => account(`acc_${index}`, at.clock.now()));
    const browser = await operator(at);
    const rows = async (path: string) =>
      (await (await browser.get(path)).text())
        .split("<tr\n")
        .join("<tr ")
        .match(/id="row-/g)?.length;
    expect([await rows("/console/"), await rows("/console/accounts")]).toEqual([24, 200]);
  });
});

describe("what an operator does", () => {
  const post = async (path: string, fields: Record<string, string> = {}) => {
    const at = await desk();
    at.world.accounts = everyState(at.clock.now());
    const browser = await operator(at);
    const response = await browser.post(`/console/accounts${path}`, fields, { "hx-request": "true" });
    const text = await response.text();
    return { at, response, text, find: (id: string) => at.world.accounts.find((each) => each.id === id) };
  };

  test("enable, disable and reset change the state and say so", async () => {
    expect((await post("/acc_7/enable")).find("acc_7")?.state).toBe("ready");
    const disabled = await post("/acc_1/disable");
    expect(disabled.find("acc_1")?.state).toBe("disabled_by_user");
    expect(disabled.text).toContain("studio-1 is switched off.");
    expect((await post("/acc_6/reset")).find("acc_6")?.state).toBe("ready");
  });

  test("a test's result stands at its account, with model, time and the exact error", async () => {
    const { at, text } = await post("/acc_5/test");
    expect(text).toContain("studio-5 failed after 0.6 s.");
    const browser = await operator(at);
    const page = await textOf(await browser.get("/console/"));
    expect(page).toContain("Failed after 0.6 s (LongCat): 401 session expired");
  });

  test("removing needs a second click that names the account", async () => {
    const at = await desk();
    at.world.accounts = everyState(at.clock.now());
    const browser = await operator(at);
    const question = await (await browser.get("/console/accounts/acc_5/remove")).text();
    expect(question).toContain("Remove studio-5");
    expect(at.world.accounts).toHaveLength(7);
    await browser.post("/console/accounts/acc_5/remove", {});
    expect(at.world.accounts.map(({ id }) => id)).not.toContain("acc_5");
  });

  test("an added account is named, and its sheet closes", async () => {
    const { at, response, text } = await post("", {
      provider: "longcat",
      text: "passport_token_key=abc",
      label: "new",
    });
    expect(at.world.accounts.at(-1)?.label).toBe("new");
    expect(response.headers.get("hx-trigger")).toBe("sheet-close");
    expect(text).toContain("1 account added.");
  });

  const WRONG = [
    ["nothing", "  ", 422, "Paste a login first."],
    ["no token", "_lxsdk=1; s3cret=2", 422, "This text has no passport_token_key."],
    ["a dead cookie", "passport_token_key=dead-s3cret", 503, "The service refused this login."],
  ] as const;
  test.each(WRONG)(
    "R46 a paste of %s is refused beside the field and never repeated",
    async (_, pasted, status, words) => {
      const { response, text } = await post("", { provider: "longcat", text: pasted });
      expect(response.status).toBe(status);
      expect(text).toContain(words);
      expect(text).toContain('data-field="text"');
      expect(text).not.toContain("s3cret");
    },
  );

  test("an unknown account is a 404 in words", async () => {
    const { response, text } = await post("/acc_none/disable");
    expect(response.status).toBe(404);
    expect(text).toContain("Not found");
  });
});

test("the last requests say who served, on which try, and open with their attempts", async () => {
  const at = await desk();
  const now = at.clock.now();
  at.world.accounts = everyState(now);
  at.world.requests = [
    request("req_1", now, { attempts: 2 }),
    request("req_2", now, { status: 503, outcome: "no-account", provider: undefined, accountId: undefined }),
    request("req_3", now, { usageEstimated: true }),
  ];
  at.world.attempts = [
    {
      requestId: "req_1",
      number: 1,
      provider: "longcat",
      accountId: "acc_3",
      startedAt: now,
      durationMs: 300,
      outcome: "rate-limited",
      message: "429",
      rotationFailure: false,
      inputTokens: 0,
      outputTokens: 0,
    },
  ];
  const browser = await operator(at);
  const text = await textOf(await browser.get("/console/"));
  for (const words of ["Answered on try 2", "503: no account free", "LongCat · studio-1", "≈ 1,204"])
    expect(text).toContain(words);
  const sheet = await textOf(await browser.get("/console/requests/req_1"));
  for (const words of ["studio-3", "rate limited", "429"]) expect(sheet).toContain(words);
});

test("the first key is shown on the page that made it, with a command to paste", async () => {
  const at = await desk();
  const browser = await operator(at);
  const page = await textOf(await browser.post("/console/setup/key", {}));
  expect(page).toContain('Authorization: Bearer sk-sluice-7f3a9c51d0e84b26a1f7c3d95e0b4f18"');
  expect(page).toContain("http://localhost /v1/chat/completions");
  expect(await (await browser.get("/console/setup?step=3")).text()).not.toContain("sk-sluice-7f3a9c51");
});

test("the first view weighs at most 60 kB", async () => {
  const at = await desk();
  at.world.accounts = everyState(at.clock.now());
  at.world.requests = Array.from({ length: 50 }, (_, index) => request(`req_${index}`, at.clock.now()));
  const browser = await operator(at);
  let bytes = 0;
  for (const path of [
    "",
    "assets/app.css",
    "assets/app.js",
    "assets/favicon.svg",
    "assets/htmx/htmx.min.js",
    "assets/htmx/hx-sse.min.js",
  ]) {
    const response = await browser.get(`/console/${path}`, { "accept-encoding": "gzip" });
    expect(response.status, path).toBe(200);
    bytes += (await response.arrayBuffer()).byteLength;
  }
  expect(bytes).toBeLessThan(60_000);
});

test("an asset that the browser has is not sent again", async () => {
  const browser = await operator(await desk());
  const first = await browser.get("/console/assets/app.css");
  const again = await browser.get("/console/assets/app.css", { "if-none-match": first.headers.get("etag") ?? "" });
  expect(again.status).toBe(304);
});

test("of a model that a caller named by a page of text the table shows the beginning", async () => {
  const model = "x".repeat(5000);
  const at = await desk();
  at.world.requests = [request("req_long", at.clock.now(), { model })];
  const markup = await (await (await operator(at)).get("/console/")).text();
  expect(markup).toContain(`${"x".repeat(39)}…`);
  expect(markup.length - markup.replaceAll("x", "").length).toBeLessThan(600);
});
