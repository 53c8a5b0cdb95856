import { describe, expect, test } from "bun:test";
import { desk, operator } from "./desk.ts";
import { account } from "./fake-admin.ts";

const GOOD = { provider: "longcat", text: "passport_token_key=good" };
const CHINESE = { "accept-language": "zh-CN" };
const REFUSED = [
  { hint: "line 2", line: 2, reason: "1 cookie was found, but none is named passport_token_key." },
  { hint: "…dddd", line: 3, reason: "LongCat refused it." },
  { hint: "…eeee", reason: "LongCat refused that one too." },
];

async function posting(path: string, world: object, headers = {}, fields = {}) {
  const at = await desk({ world: { accounts: [account("acc_1", 0)], ...world } });
  const browser = await operator(at);
  const response = await browser.post(path, { ...GOOD, ...fields }, { "hx-request": "true", ...headers });
  return {
    closes: response.headers.get("hx-trigger"),
    to: response.headers.get("hx-redirect"),
    text: await response.text(),
  };
}

describe("R23 what became of a paste is said where it was pasted", () => {
  test("each refused line with its number and its reason", async () => {
    const { closes, text } = await posting("/console/accounts", { refused: REFUSED });
    expect(closes).toBeNull();
    for (const part of ["1 account added.", "3 were refused.", "Line 3 (…dddd)", "<b>…eeee</b>"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain(`<b>Line 2</b> <small lang="en">${REFUSED[0]?.reason}</small>`);
    const chinese = await posting("/console/accounts", { refused: REFUSED }, CHINESE);
    expect(chinese.text).toContain("<b>第 2 行</b>");
  });

  test("an account that could not be checked, and why", async () => {
    const { closes, text } = await posting("/console/accounts", { unchecked: "a.example refuses connections." });
    expect(closes).toBeNull();
    expect(text).toContain("Not checked (1)");
    expect(text).toContain('<small lang="en">a.example refuses connections.</small>');
  });

  test("a new login that could not be checked, and why", async () => {
    const { closes, text } = await posting("/console/accounts/acc_1/renew", { unchecked: "It failed with HTTP 503." });
    expect(closes).toBeNull();
    expect(text).toContain("It failed with HTTP 503.");
    expect((await posting("/console/accounts/acc_1/renew", {})).closes).toBe("sheet-close");
  });

  test("nothing more where all is well", async () => {
    const { closes, text } = await posting("/console/accounts", {});
    expect(closes).toBe("sheet-close");
    expect(text).toContain("1 account added.");
  });

  test("in the first run it is read before the next step, which it leads to", async () => {
    const after = { after: "setup" };
    const { to, text } = await posting("/console/accounts", { refused: REFUSED }, {}, after);
    expect(to).toBeNull();
    expect(text).toContain('href="/console/setup?step=3"');
    expect((await posting("/console/accounts", {}, {}, after)).to).toBe("/console/setup?step=3");
  });
});
