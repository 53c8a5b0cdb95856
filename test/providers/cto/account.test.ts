import { afterEach, beforeEach, expect, test } from "bun:test";
import { CtoAccounts } from "../../../src/providers/cto/account.ts";
import { type Desk, openDesk } from "./desk.ts";

let desk: Desk;
beforeEach(async () => (desk = await openDesk()));
afterEach(() => desk.stop());

test("E10 of thousands of accounts only the latest are remembered, and those at work in any case", async () => {
  const { sim } = desk;
  const accounts = new CtoAccounts(() => sim.url);
  const busy = accounts.of(desk.account("busy").context());
  const working = busy.clerk.identity(desk.account("busy").context());
  for (let index = 0; index < 2000; index++) accounts.of(desk.account(`idle-${index}`).context());
  expect(accounts.size).toBe(1000);
  expect(accounts.of(desk.account("busy").context())).toBe(busy);
  expect((await working).user).toBe("user_busy");
});

test("what the store gives back is narrowed", async () => {
  const seat = desk.account("ann");
  seat.memory = { protocol: "v3", protocolAt: "yesterday", models: [{ id: 1 }, null], moved: [["a"], ["a", "b"]] };
  const account = new CtoAccounts(() => desk.sim.url).of(seat.context());
  expect([account.protocol(desk.clock.now()), account.models, account.currentChat("a")]).toEqual([undefined, [], "b"]);
  seat.memory = "nonsense";
  expect(new CtoAccounts(() => desk.sim.url).of(seat.context()).models).toBeUndefined();
});

test("of the chats that moved only the latest are remembered", () => {
  const seat = desk.account("ann");
  const context = seat.context();
  const account = new CtoAccounts(() => desk.sim.url).of(context);
  for (let index = 0; index < 30; index++) account.moveChat(`from-${index}`, `to-${index}`, context);
  expect([account.currentChat("from-29"), account.currentChat("from-0")]).toEqual(["to-29", "from-0"]);
  expect(seat.memory).toMatchObject({
    moved: Array.from({ length: 20 }, (_, i) => [`from-${i + 10}`, `to-${i + 10}`]),
  });
});
