import { expect, test } from "bun:test";
import { html, raw } from "../../src/console/html.ts";
import { account, request } from "./fake-admin.ts";
import { desk, operator } from "./desk.ts";

const CANARY = `"><script src=x>alert(1)</script><img src=x onerror='y'>`;

test("values are escaped, markup is kept, lists are joined, false and undefined vanish", () => {
  const markup = html`<p title="${CANARY}">${["a", html`<b>${"<i>"}</b>`, 3, [false, undefined, "&"]]}${false}</p>`;
  expect(markup.text).toBe(
    `<p title="&quot;&gt;&lt;script src=x&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#x27;y&#x27;&gt;">a<b>&lt;i&gt;</b>3&amp;</p>`,
  );
});

test("zero and the empty string are values", () => {
  expect(html`${0}|${""}|`.text).toBe("0||");
});

test("only raw leaves text as it is", () => {
  expect(html`${raw(" checked")}`.text).toBe(" checked");
});

const PLACES = ["label", "hint", "reason", "model", "key name", "message", "outcome", "notice", "trouble"];

test(`nothing that people or upstreams write becomes markup: ${PLACES.join(", ")}`, async () => {
  const at = await desk();
  const browser = await operator(at);
  const now = at.clock.now();
  at.world.accounts = [
    account("acc_1", now, { label: CANARY, hint: CANARY }),
    account("acc_2", now, { state: "needs_login", reason: CANARY, reasonKind: "somewhere-else", label: CANARY }),
  ];
  at.world.requests = [
    request("req_1", now, { model: CANARY, keyName: CANARY, outcome: CANARY, message: CANARY, status: 502 }),
  ];
  at.world.notices = [CANARY];
  at.world.verdict = { ...at.world.verdict, state: "degraded", trouble: CANARY };
  for (const path of ["", "accounts", "accounts/acc_1", "accounts/acc_2", "accounts/acc_2/remove", "requests/req_1"]) {
    const text = await (await browser.get(`/console/${path}`)).text();
    expect(text, path).toContain("&lt;script src=x");
    expect(text, path).not.toContain("<script src=x");
    expect(text, path).not.toContain("<img");
  }
});
