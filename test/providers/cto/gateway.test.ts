/** The provider behind the real pool, router and database. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import type { Message } from "../../../src/chat/request.ts";
import { createCto, type CtoCredential, type CtoOptions } from "../../../src/providers/cto/index.ts";
import { openWorld } from "../../router/world.ts";
import { answer, type CtoSim, type CtoSimOptions, json, startCtoSim, state } from "../../sims/cto.ts";
import { VirtualClock } from "../../virtual-clock.ts";

type World = Awaited<ReturnType<typeof openWorld>>;

let clock: VirtualClock;
let sim: CtoSim;
let world: World;
let folders: string[];

beforeEach(() => {
  clock = new VirtualClock();
  folders = [];
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await sim.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function begin(names: readonly string[], options: CtoSimOptions = {}, provider: CtoOptions = {}): Promise<void> {
  sim = await startCtoSim({ now: () => clock.now(), ...options });
  for (const name of names) sim.account(name);
  await openAgain(provider);
  await world.pool.roster.add(
    "cto",
    names.map((name): CtoCredential => ({ client: sim.account(name).client })),
  );
}

async function openAgain(options: CtoOptions = {}): Promise<void> {
  const dataDir = folders[0];
  const provider = createCto({
    clerkUrl: sim.url,
    apiUrl: sim.url,
    socketUrl: sim.url.replace("http", "ws"),
    ...options,
  });
  world = await openWorld({ providers: [provider], clock, ...(dataDir === undefined ? {} : { dataDir }) });
  folders = [world.dataDir];
}

async function restart(): Promise<void> {
  await world.close();
  await openAgain();
}

const user = (text: string): Message => ({ role: "user", parts: [{ type: "text", text }] });
const assistant = (text: string): Message => ({ role: "assistant", parts: [{ type: "text", text }] });
const MODEL = "ClaudeSonnet4_5";
const ask = (...messages: Message[]) => world.ask({}, { model: MODEL, messages });
const askAs = (name: string, ...messages: Message[]) =>
  world.ask({ caller: { kind: "key", name } }, { model: MODEL, messages });
const chats = () => sim.turns.map(({ chatHistoryId }) => chatHistoryId);

describe.each(["v1", "v2"] as const)("the upstream's memory with a %s server", (protocol) => {
  test("E1 a follow-up sends the new text alone to the chat that holds the rest, also after a restart", async () => {
    await begin(["ann"], { protocol });
    sim.account("ann").says(answer(["One."]), answer(["Two."]), answer(["Three."]));
    expect(await ask(user("Hi"))).toBe("One.");
    expect(await ask(user("Hi"), assistant("One."), user("more"))).toBe("Two.");
    await restart();
    expect(await ask(user("Hi"), assistant("One."), user("more"), assistant("Two."), user("last"))).toBe("Three.");
    expect(sim.turns.map(({ prompt }) => prompt)).toEqual(["Hi", "more", "last"]);
    expect(new Set(chats()).size).toBe(1);
    expect(sim.violations).toEqual([]);
  });

  test("E2 equal greetings of two users, and of one, never share a chat", async () => {
    await begin(["ann"], { protocol });
    sim.account("ann").says(...Array.from({ length: 4 }, () => answer(["One."])));
    await askAs("key-a", user("Hi"));
    await askAs("key-b", user("Hi"));
    await askAs("key-b", user("Hi"));
    await askAs("key-c", user("Hi"), assistant("One."), user("more"));
    expect(new Set(chats()).size).toBe(4);
    expect(sim.turns[3]?.prompt).toContain("One.");
  });

  test("an edited history is another one", async () => {
    await begin(["ann"], { protocol });
    sim.account("ann").says(answer(["One."]), answer(["Two."]));
    await ask(user("Hi"));
    await ask(user("Hey"), assistant("One."), user("more"));
    expect(new Set(chats()).size).toBe(2);
    expect(sim.turns[1]?.prompt).toContain("Hey");
  });

  test("a chat that was lost is answered once with the whole history in a new one", async () => {
    await begin(["ann"], { protocol });
    sim.account("ann").says(answer(["One."]), answer(["Two."]));
    await ask(user("Hi"));
    sim.forget(chats()[0] ?? "");
    expect(await ask(user("Hi"), assistant("One."), user("more"))).toBe("Two.");
    expect(chats()[1]).not.toBe(chats()[0] ?? "");
    for (const text of ["Hi", "One.", "more"]) expect(sim.turns[1]?.prompt).toContain(text);
  });

  test("E14 a follow-up after a turn that broke gets a chat of its own", async () => {
    await begin(["ann"], { protocol });
    sim
      .account("ann")
      .says(answer(["One."]), [state(true), ...answer(["Tw"]).slice(1, 2), { break: true }], answer(["Two."]));
    await ask(user("Hi"));
    expect(await ask(user("Hi"), assistant("One."), user("more"))).toBe("upstream-broken");
    expect(await ask(user("Hi"), assistant("One."), user("more"))).toBe("Two.");
    expect(chats()[2]).not.toBe(chats()[0] ?? "");
  });
});

test("fault 1 kill -9 around rotations: the database always holds the cookie that Clerk takes", async () => {
  await begin(["ann"]);
  const ann = sim.account("ann");
  ann.rotateOn = "always";
  for (let round = 0; round < 3; round++) {
    ann.says(answer(["ok"]));
    expect(await ask(user("Hi"))).toBe("ok");
    const [stored] = await world.store.accounts.all();
    expect(stored?.credential).toMatchObject({ client: ann.client });
    await restart();
    await clock.advance(60_000);
  }
  expect(ann.generation).toBeGreaterThan(4);
});

test("a limit sends the same request to the next account and rests the first until the next day", async () => {
  await begin(["ann", "bob"]);
  sim.account("ann").billing = { dailyUsage: 300, dailyLimit: 300, hasReachedLimit: true };
  sim.account("ann").next("chat", json(429, { message: "Daily limit reached" }));
  sim.account("bob").says(answer(["from bob"]));
  expect(await ask(user("Hi"))).toBe("from bob");
  expect(world.pool.views().map(({ state: health, until }) => [health, until])).toMatchObject([
    ["exhausted", Date.UTC(2026, 10, 21)],
    ["ready", undefined],
  ]);
});

test("a dead cookie needs a login and costs the request nothing but the time", async () => {
  await begin(["ann", "bob"]);
  sim.account("ann").signedIn = false;
  sim.account("bob").says(answer(["from bob"]));
  expect(await ask(user("Hi"))).toBe("from bob");
  expect(world.pool.views().map(({ state: health }) => health)).toEqual(["needs_login", "ready"]);
});

test("silence is an error: a turn that says nothing ends with its deadline, and a begun one with the idle time", async () => {
  await begin(["ann"]);
  sim.account("ann").says([state(true)], [state(true), ...answer(["half"]).slice(1, 2)]);
  const first = ask(user("Hi"));
  await sim.until(() => sim.turns.length === 1);
  await clock.advance(180_000);
  expect(await first).toBe("upstream-timeout");
  const second = ask(user("Hi"));
  await sim.until(() => sim.turns.length === 2);
  await clock.advance(0);
  await clock.advance(360_000);
  expect(await second).toBe("upstream-timeout");
  await sim.until(() => sim.openSockets() === 0);
});

test("an image is refused in words", async () => {
  await begin(["ann"]);
  const image = { type: "image" as const, source: { kind: "url" as const, url: "https://site.test/a.png" } };
  expect(await ask({ role: "user", parts: [image] })).toBe("invalid-request");
});
