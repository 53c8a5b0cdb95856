import { expect, test } from "bun:test";
import { readMemory } from "../../../src/providers/kiro/memory.ts";
import { chatRequest } from "../context.ts";
import { driven, stage, withSim } from "./helpers.ts";

const world = withSim();

test("an organisation's account looks its profile up before it asks for its limits, and keeps it", async () => {
  const org = world.sim.account("org", "idc");
  const here = stage(world.sim, org);
  expect((await driven(here.clock, here.provider.probe!(here.context()))).quota?.limit).toBe(50);
  expect(readMemory(here.memory).profileArn).toBe(org.profileArn);
  expect(org.requests.map(({ kind }) => kind)).toEqual(["profiles", "usage"]);
});

test("the list of models does not forget the profile that was looked up for it", async () => {
  const org = world.sim.account("org", "idc");
  const here = stage(world.sim, org);
  await driven(here.clock, here.provider.refreshModels!(here.context()));
  const { profileArn, models } = readMemory(here.memory);
  expect(profileArn).toBe(org.profileArn);
  expect(models?.map(({ id }) => id)).toEqual(org.models);
  await here.say("hello");
  expect(org.counts.profiles).toBe(1);
});

test("a Builder ID that was imported as an organisation's account is told apart by its first question", async () => {
  const cat = world.sim.account("ben", "builder-id");
  const here = stage(world.sim, cat, { credential: { kind: "idc" } });
  expect((await driven(here.clock, here.provider.probe!(here.context()))).quota?.limit).toBe(50);
  expect(readMemory(here.memory).kind).toBe("builder-id");
});

test("a profile that the service turns away is looked up again by the questions too", async () => {
  const here = stage(world.sim, world.cat, {
    credential: { profileArn: "arn:aws:codewhisperer:us-east-1:1:profile/OLD" },
  });
  expect((await driven(here.clock, here.provider.probe!(here.context()))).quota?.limit).toBe(50);
  expect(readMemory(here.memory).profileArn).toBe(world.cat.profileArn);
});

test.each(["path", "target"] as const)("hosts that do not know a call by %s are called the other way", async (form) => {
  world.sim.unknownForm = form;
  const { cat } = world;
  const here = stage(world.sim, cat);
  expect((await driven(here.clock, here.provider.probe!(here.context()))).quota?.limit).toBe(50);
  await driven(here.clock, here.provider.refreshModels!(here.context()));
  expect((await here.say(chatRequest("hello"))).text).toBe("Hello there.");
  expect(new Set(cat.requests.map(({ host }) => host))).toEqual(new Set(["management", "runtime"]));
  cat.requests.length = 0;
  await here.say(chatRequest("again"));
  expect(cat.requests).toHaveLength(1);
});
