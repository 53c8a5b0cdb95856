import { describe, expect, test } from "bun:test";
import { startGateway } from "../gateway.ts";
import { failureOf } from "../store/folder.ts";

const TOKEN = "a".repeat(100);
const WRONG: readonly (readonly [string, string])[] = [
  ["longer than 80 characters", "W".repeat(81)],
  ["of two lines", "one\ntwo"],
  ["with a terminal's control sequence", "\u001b[2Jgone"],
];

describe("a name", () => {
  test.each(WRONG)("%s is refused for a new account, and nothing is added", async (_name, label) => {
    await using gateway = await startGateway();
    const { accounts } = gateway.app.admin;
    const failure = await failureOf(accounts.add("longcat", TOKEN, { check: false, label }));
    expect(failure).toMatchObject({ kind: "invalid-request", field: "label" });
    expect(await accounts.list()).toEqual([]);
  });

  test.each(WRONG)("%s is refused for a key, a sign-in and an account that is there", async (_name, name) => {
    await using gateway = await startGateway();
    const { accounts, keys, signIn } = gateway.app.admin;
    const { added } = await accounts.add("longcat", TOKEN, { check: false });
    expect(await failureOf(keys.create(name))).toMatchObject({ kind: "invalid-request", field: "name" });
    expect(await failureOf(signIn.begin("kiro", "builder-id", {}, { label: name }))).toMatchObject({ field: "label" });
    expect(await failureOf(accounts.rename(added[0]?.id ?? "", name))).toMatchObject({ field: "label" });
  });

  test("of nothing but white space is none: the account gets its usual one", async () => {
    await using gateway = await startGateway();
    const { added } = await gateway.app.admin.accounts.add("longcat", TOKEN, { check: false, label: "  " });
    expect(added[0]?.label).toBe("LongCat 1");
  });

  test("of 80 characters in any script is taken without the white space around it", async () => {
    await using gateway = await startGateway();
    const label = "账".repeat(78) + "👍";
    const { added } = await gateway.app.admin.accounts.add("longcat", TOKEN, { check: false, label: ` ${label} ` });
    expect(added[0]?.label).toBe(label);
  });
});
