import { expect, test } from "bun:test";
import { browserCommand } from "../../src/cli/open-browser.ts";
import { type StartFacts, startText } from "../../src/cli/start-text.ts";

const FACTS: StartFacts = {
  version: "1.2.3",
  language: "en",
  urls: ["http://127.0.0.1:8000", "http://127.0.0.1:8088"],
  loopback: true,
  database: "/home/me/data/sluice.db",
  newKey: "sk-sluice-invented",
  setupLink: "http://127.0.0.1:8000/console/setup?token=invented",
  hasAccounts: false,
  notices: [],
};

test("row 2 the first start tells address, data, key and how to go on", () => {
  expect(startText(FACTS).text).toBe(`Sluice 1.2.3
  API                      http://127.0.0.1:8000/v1  http://127.0.0.1:8088/v1
  Data                     /home/me/data
  Client key (shown once)  sk-sluice-invented
  Add an account           on the page below, or: sluice account add longcat
  From other devices       not reachable; HOST=0.0.0.0 opens it to your network
Set the console password first (the link works once, for 30 minutes):
http://127.0.0.1:8000/console/setup?token=invented
`);
});

test("row 2 a later start is short", () => {
  expect(
    startText({ ...FACTS, newKey: undefined, setupLink: undefined, hasAccounts: true, loopback: false }).text,
  ).toBe(
    `Sluice 1.2.3
  API   http://127.0.0.1:8000/v1  http://127.0.0.1:8088/v1
  Data  /home/me/data
Console:
http://127.0.0.1:8000/console/
`,
  );
});

test("the start text names a database with a name of its own in the folder where it lies", () => {
  expect(startText({ ...FACTS, database: "/srv/octo/octo-proxy.db" }).text).toContain(
    "\n  Data                     /srv/octo (octo-proxy.db)\n",
  );
});

test("row 2 in Chinese, with columns as wide as they look", () => {
  const lines = startText({ ...FACTS, language: "zh" })
    .text.trimEnd()
    .split("\n");
  expect(lines[3]).toBe("  客户端密钥（仅显示一次）  sk-sluice-invented");
  const columns = lines.slice(1, 6).map((line) => Bun.stringWidth(line.replace(/(?<=\S) {2,}\S.*$/, "")));
  expect(Math.max(...columns)).toBe(2 + Bun.stringWidth("客户端密钥（仅显示一次）"));
  expect(lines[1]).toBe(`  接口地址${" ".repeat(24 - 8)}  http://127.0.0.1:8000/v1  http://127.0.0.1:8088/v1`);
});

test.each([0, 1, 4, 5, 40])("row 2 with %d notices it is at most 12 lines and ends with an address", (count) => {
  for (const language of ["en", "zh"] as const) {
    const notices = Array.from({ length: count }, (_, at) => `notice ${at}\nof two lines`);
    const { text, rest } = startText({ ...FACTS, language, notices });
    const lines = text.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(12);
    expect(lines.at(-1)).toMatch(/^http:\/\/\S+$/);
    const shown = lines.filter((line) => line.startsWith("! notice")).length;
    expect(lines.some((line) => line.includes(String(count - shown)))).toBe(true);
    expect(shown).toBe(count <= 4 ? count : 3);
    expect(rest).toEqual(notices.slice(shown));
  }
});

test.each([
  ["linux", ["xdg-open", "http://h/?a=1&b=2"]],
  ["darwin", ["open", "http://h/?a=1&b=2"]],
  ["win32", ["rundll32", "url.dll,FileProtocolHandler", "http://h/?a=1&b=2"]],
] as const)("on %s the browser opens without a shell", (platform, command) => {
  expect(browserCommand("http://h/?a=1&b=2", platform)).toEqual([...command]);
});
