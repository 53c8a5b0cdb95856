import { expect, test } from "bun:test";
import { desk, operator } from "./desk.ts";
import { account } from "./fake-admin.ts";

const HTMX = { "hx-request": "true" };
const EMPTY = { label: "cat-1", priority: "", concurrency: "", requestsPerHour: "", proxy: "", models: "" };

async function start() {
  const at = await desk();
  at.world.accounts = [
    account("acc_1", at.clock.now(), {
      settings: {
        priority: 3,
        concurrency: 4,
        requestsPerHour: undefined,
        proxy: "http://…@proxy.example:3128",
        models: ["LongCat", "LongCat-*"],
      },
    }),
  ];
  const browser = await operator(at);
  const form = () => browser.get("/console/accounts/acc_1/settings", HTMX);
  const save = (fields: Partial<typeof EMPTY>) =>
    browser.post("/console/accounts/acc_1/settings", { ...EMPTY, ...fields }, HTMX);
  return { ...at, form, save };
}

const KEPT = {
  priority: "3",
  concurrency: "4",
  proxy: "http://…@proxy.example:3128",
  models: "LongCat\r\nLongCat-*",
};

test("the form shows what is set, and saving it as it stands changes nothing", async () => {
  const { form, save, world } = await start();
  const markup = await (await form()).text();
  for (const value of ["cat-1", "3", "4", KEPT.proxy]) expect(markup).toContain(`value="${value}"`);
  expect(markup).toContain("LongCat\nLongCat-*</textarea");
  const saved = await save(KEPT);
  expect(saved.headers.get("hx-trigger")).toBe("sheet-close");
  expect(world.configured).toEqual([{}]);
});

test("an emptied field goes back to its default", async () => {
  const { save, world } = await start();
  await save({});
  expect(world.configured).toEqual([{ priority: null, concurrency: null, proxy: null, models: null }]);
});

test("only what was typed anew is changed", async () => {
  const { save, world } = await start();
  await save({ ...KEPT, label: "cat-one", priority: "-2", requestsPerHour: "60", models: "a, b\n\nc" });
  expect(world.configured).toEqual([
    { label: "cat-one", priority: -2, requestsPerHour: 60, models: ["a", " b", "", "c"] },
  ]);
});

const MISTAKES: readonly (readonly [string, Partial<typeof EMPTY>, string, string])[] = [
  ["no name", { label: " " }, "label", "Give it a name."],
  ["a word for a number", { concurrency: "many" }, "concurrency", "This takes a whole number."],
  ["half a number", { priority: "1.5" }, "priority", "This takes a whole number."],
  ["what the gateway refuses", { proxy: "socks5://p:1" }, "proxy", "SOCKS proxies do not work here."],
];
test.each(MISTAKES)("%s is an error beside its field alone", async (_name, fields, field, text) => {
  const { save } = await start();
  const refused = await save({ ...KEPT, ...fields });
  expect(refused.status).toBe(422);
  const markup = await refused.text();
  expect(markup.match(/data-field="(\w+)"/g)).toEqual([`data-field="${field}"`]);
  expect(markup).toContain(text);
});
