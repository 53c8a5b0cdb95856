import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/chat/error.ts";
import { Gate } from "../../sims/gate.ts";
import { answerFrames, refuse, stream } from "../../sims/kiro.ts";
import { chatRequest, listen } from "../context.ts";
import { assistant, call, driven, image, lastChat, read, result, stage, user, withSim } from "./helpers.ts";

const world = withSim();

describe("kinds of login", () => {
  test("an organisation's account looks its profile up once, and remembers it", async () => {
    const org = world.sim.account("org", "idc");
    const here = stage(world.sim, org);
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect((await here.say("again")).text).toBe("Hello there.");
    expect(org.counts.profiles).toBe(1);
    expect(here.memory).toMatchObject({ profileArn: org.profileArn, host: "runtime" });
  });

  test("an organisation's account whose profile cannot be asked for is not blamed", async () => {
    const org = world.sim.account("org", "idc");
    org.hosts.add("legacy");
    org.always("profiles", refuse(500, "boom"));
    expect((await stage(world.sim, org).say("hi")).error).toMatchObject({ kind: "upstream-broken" });
  });

  test("a Builder ID that was imported as an organisation's account is found out", async () => {
    const builder = world.sim.account("bob", "builder-id");
    const here = stage(world.sim, builder, { credential: { kind: "idc" } });
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(here.memory).toMatchObject({ kind: "builder-id" });
  });

  test("a Builder ID sends its fixed profile to the runtime and none to a legacy host", async () => {
    const builder = world.sim.account("bob", "builder-id");
    builder.hosts.add("legacy");
    const here = stage(world.sim, builder, { memory: { host: "legacy" } });
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(lastChat(builder).body["profileArn"]).toBeUndefined();
    here.memory = { host: "runtime" };
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(lastChat(builder).body["profileArn"]).toBe(builder.profileArn);
    expect(builder.counts.profiles).toBe(0);
  });

  test("a profile that is refused is looked up again, once", async () => {
    world.cat.profileArn = "arn:aws:codewhisperer:us-east-1:111122223333:profile/OTHER";
    const here = stage(world.sim, world.cat, {
      credential: { profileArn: "arn:aws:codewhisperer:us-east-1:1:profile/OLD" },
    });
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(world.cat.counts.profiles).toBe(1);
    world.cat.always("chat", refuse(400, "Invalid profileArn."));
    expect((await here.say("hi")).error).toMatchObject({ kind: "auth-rejected" });
    expect(world.cat.counts.profiles).toBe(2);
  });

  test("an API key goes with its token type, without profile and renewal, and is refused for good", async () => {
    const key = world.sim.account("key", "api-key");
    const here = stage(world.sim, key);
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(lastChat(key).headers["tokentype"]).toBe("API_KEY");
    key.accessToken = "ksk_another_0123456789";
    expect((await here.say("hi")).error).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect(here.renewals).toBe(0);
  });

  test.each(["legacy", "codewhisperer"] as const)("the %s host gets its own form of a long history", async (host) => {
    world.cat.hosts.add(host);
    const messages = [
      user("go"),
      assistant({ type: "reasoning", text: "x", signature: "sig-1" }, call("t1")),
      user(result("t1")),
      assistant(""),
      user(image()),
    ];
    const here = stage(world.sim, world.cat, { memory: { host } });
    const told = await here.say(
      chatRequest("", { messages, tools: [{ ...read, description: "é".repeat(9000) }], reasoning: { effort: "low" } }),
    );
    expect(told.error).toBeUndefined();
    expect(lastChat(world.cat).host).toBe(host);
  });
});

test("O3 text is handed on as it comes", async () => {
  const gate = new Gate();
  const [start, ...rest] = answerFrames(["one", "two"]).slice(1);
  world.cat.next("chat", stream([{ raw: start! }, { gate }, ...rest.map((raw) => ({ raw }))]));
  const here = stage(world.sim, world.cat);
  const events = here.provider.chat(chatRequest("hi"), here.context())[Symbol.asyncIterator]();
  expect((await events.next()).value).toEqual([{ type: "text-delta", text: "one" }]);
  gate.open();
  expect((await events.next()).value).toContainEqual({ type: "text-delta", text: "two" });
  await events.return?.();
});

test("R40 an abort ends the upstream call, with the caller's own reason", async () => {
  world.cat.next("chat", stream([{ raw: answerFrames(["one"])[1]! }, { hang: true }]));
  const here = stage(world.sim, world.cat);
  const control = new AbortController();
  const answer = here.provider.chat(chatRequest("hi"), here.context({ signal: control.signal }));
  const events = answer[Symbol.asyncIterator]();
  await events.next();
  const reason = new GatewayError("cancelled", "The client left.");
  control.abort(reason);
  expect(
    await events.next().then(
      () => undefined,
      (error: unknown) => error,
    ),
  ).toBe(reason);
  while (world.sim.aborted.length === 0) await new Promise((resume) => setImmediate(resume));
  expect(world.cat.counts.chat).toBe(1);
});

test("kiro trap 8, 14, O22, O24: a lapsed token is renewed before the turn, and the rotated one is used", async () => {
  const here = stage(world.sim, world.cat, { credential: { expiresAt: 0 } });
  expect((await here.say("hi")).text).toBe("Hello there.");
  expect(world.cat.requests.map(({ kind }) => kind)).toEqual(["refresh", "chat"]);
  expect(here.credential.refreshToken).toBe(world.cat.refreshToken);
  expect(await driven(here.clock, here.provider.probe!(here.context()))).toEqual({
    quota: { used: 12, limit: 50, unit: "credits", resetsAt: 1_796_083_200_000, plan: "KIRO FREE" },
  });
});

test("the conversation keeps its ids through the rounds of a turn and over turns", async () => {
  const here = stage(world.sim, world.cat);
  const opening = [user("go")];
  const round = [...opening, assistant(call("t1")), user(result("t1"))];
  const ids: unknown[] = [];
  for (const messages of [opening, round, [...round, assistant("ok"), user("next")]]) {
    await here.say(chatRequest("", { messages, tools: [read] }));
    const state = lastChat(world.cat).body["conversationState"] as Record<string, unknown>;
    ids.push([state["conversationId"], state["agentContinuationId"]]);
  }
  const [first, again, later] = ids as [string, string][];
  expect(first).toEqual(again);
  expect(later![0]).toBe(first![0]);
  expect(later![1]).not.toBe(first![1]);
});

test("R40 an abort before the answer's head ends the call, too, and nothing is tried again", async () => {
  world.cat.always("chat", () => {});
  const here = stage(world.sim, world.cat);
  const control = new AbortController();
  const reason = new GatewayError("cancelled", "The client left.");
  const told = listen(here.provider.chat(chatRequest("hi"), here.context({ signal: control.signal })));
  while (world.cat.counts.chat === 0) await new Promise((resume) => setImmediate(resume));
  control.abort(reason);
  expect((await told).error).toBe(reason);
  while (world.sim.aborted.length === 0) await new Promise((resume) => setImmediate(resume));
  expect(world.cat.counts.chat).toBe(1);
});
