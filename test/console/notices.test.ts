import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { unservedModels } from "../../src/app/unserved-models.ts";
import { loadConfig } from "../../src/config.ts";
import { chineseNotice } from "../../src/console/locales/notices.ts";
import { containerNotices } from "../../src/lib/container.ts";
import { DataFolder } from "../store/folder.ts";
import { desk, operator } from "./desk.ts";

function warningsOf(env: Record<string, string>, file?: string, saved: Record<string, unknown> = {}) {
  const readFile = (path: string) => (path.endsWith(".env") ? file : undefined);
  return loadConfig({ flags: {}, env, cwd: "/srv/app", readFile }, saved).warnings;
}

/** Each way to get a notice out of the gateway, and what its Chinese form must keep. */
const NOTICES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["an open API on this machine", warningsOf({ REQUIRE_KEY: "off" }), ["REQUIRE_KEY", "本机"]],
  ["an open API", warningsOf({ REQUIRE_KEY: "off", HOST: "0.0.0.0" }), ["REQUIRE_KEY", "任何人"]],
  ["a short password", warningsOf({ ADMIN_PASSWORD: "w9!x" }), ["ADMIN_PASSWORD", "12"]],
  ["a published password", warningsOf({ ADMIN_PASSWORD: "admin123" }), ["ADMIN_PASSWORD", "密码"]],
  ["a short key", warningsOf({ API_MASTER_KEY: "abc12" }), ["API_MASTER_KEY", "8"]],
  ["an empty key", warningsOf({ API_MASTER_KEY: "" }), ["API_MASTER_KEY"]],
  ["a key that is 1", warningsOf({ USER_SET_KEY: "1" }), ["USER_SET_KEY"]],
  ["a sample key", warningsOf({ USER_SET_KEY: "your-secret-key" }), ["USER_SET_KEY"]],
  ["a sample cookie", warningsOf({ AUTH_COOKIES: "这里填写cookie" }), ["AUTH_COOKIES"]],
  ["a maximum without effect", warningsOf({ MAX_CREDENTIALS: "10" }), ["MAX_CREDENTIALS", "1 个访客会话"]],
  [
    "names of no model",
    unservedModels({ router: { knownModels: ["abc", "x"] } } as never, { models: () => [] } as never),
    ["KNOWN_MODELS", "abc, x"],
  ],
  ["a SOCKS proxy", warningsOf({ https_proxy: "socks5://127.0.0.1:1080" }), ["HTTPS_PROXY"]],
  ["an unknown variable", warningsOf({ SLUICE_NOTHING: "1" }), ["SLUICE_NOTHING"]],
  ["a variable with a prefix", warningsOf({ SLUICE_PORT: "1" }), ["SLUICE_PORT", "是 PORT"]],
  ["a line of the environment file", warningsOf({}, "A=1\nnonsense"), ["第 2 行"]],
  ["a saved value", warningsOf({}, undefined, { MAX_ATTEMPTS: "99" }), ["MAX_ATTEMPTS", '"99"']],
  [
    "a log file that cannot be written",
    ["LOG_FILE /srv/logs cannot be written (EISDIR): the log goes to standard output alone"],
    ["/srv/logs", "EISDIR"],
  ],
  ["no volume", containerNotices({ inContainer: true, mountInfo: "" }, "/data"), ["/data"]],
  [
    "a predecessor's volume",
    containerNotices({ inContainer: true, mountInfo: "1 2 3 / /app/data rw" }, "/data"),
    ["/data", "/app/data"],
  ],
];
test.each(NOTICES)("the notice of %s is there in Chinese with what it names", (_name, notices, kept) => {
  expect(notices).toHaveLength(1);
  const chinese = chineseNotice(notices[0] ?? "") ?? "";
  expect(chinese).toMatch(/\p{Script=Han}.*。$/u);
  for (const text of kept) expect(chinese).toContain(text);
});

test("the notices of the database are there in Chinese", async () => {
  await using foreign = new DataFolder();
  const theirs = foreign.file("octoproxy.db");
  const database = new Database(theirs);
  database.run("CREATE TABLE accounts (id TEXT)");
  database.close();
  const [left = ""] = (await foreign.open({ databasePath: theirs })).notices;
  expect(chineseNotice(left)).toBe(
    `${theirs} 属于其他程序，不会改动；现使用 ${foreign.database}。可以运行：sluice import ${theirs}`,
  );

  await using empty = new DataFolder();
  mkdirSync(empty.file("backups"));
  writeFileSync(empty.file("backups/old.db"), "");
  const [missing = ""] = (await empty.open()).notices;
  expect(chineseNotice(missing)).toBe(
    `没有找到 ${empty.database}，已新建一个。最新的备份是 ${empty.file("backups/old.db")}。`,
  );
  rmSync(empty.file("backups"), { recursive: true });

  await using old = new DataFolder();
  await (await old.open()).store.close();
  const first = new Database(old.database);
  first.run("DROP TABLE sign_ins");
  first.run("CREATE INDEX requests_account ON requests (account_id, at)");
  for (const name of ["requests_per_hour", "proxy", "models"]) first.run(`ALTER TABLE accounts DROP COLUMN ${name}`);
  first.run("DELETE FROM __drizzle_migrations WHERE created_at > (SELECT min(created_at) FROM __drizzle_migrations)");
  first.close();
  const [upgraded = ""] = (await old.open()).notices;
  expect(chineseNotice(upgraded)).toStartWith(`数据库已升级；升级前的副本是 ${old.file("backups/")}`);
});

test("the page shows a notice in its language, and one that it does not know as it is, marked as English", async () => {
  const at = await desk();
  const [open = ""] = warningsOf({ REQUIRE_KEY: "off" });
  at.world.notices = [open, "Something new, of <today>."];
  const browser = await operator(at);
  const page = async (language: string) =>
    (await browser.get("/console/", { cookie: `sluice_lang=${language}` })).text();
  expect(await page("zh")).toContain('<p class="note notice" lang="zh-CN">REQUIRE_KEY 已关闭：本机上的所有程序');
  expect(await page("zh")).toContain('<p class="note notice" lang="en">Something new, of &lt;today&gt;.</p>');
  expect(await page("en")).toContain(`<p class="note notice" lang="en">${open}</p>`);
});
