import { describe, expect, test } from "bun:test";
import type { GatewayError } from "../../../src/chat/error.ts";
import { exception } from "../../sims/kiro-frames.ts";
import { drop, json, page, refuse, stream, type Behaviour } from "../../sims/kiro.ts";
import { chatRequest, listen } from "../context.ts";
import { stage, withSim } from "./helpers.ts";

const world = withSim();
const SOON = { "retry-after": "30" };
const INVALID = "The bearer token included in the request is invalid.";

describe("refusals", () => {
  const table: { name: string; behaviour: Behaviour; kind: string; tries: number; renewals?: number; over?: object }[] =
    [
      {
        name: "too long",
        behaviour: refuse(400, "Input is too long.", "CONTENT_LENGTH_EXCEEDS_THRESHOLD"),
        kind: "context-too-long",
        tries: 1,
      },
      {
        name: "malformed",
        behaviour: refuse(400, "Improperly formed request.", null),
        kind: "invalid-request",
        tries: 1,
      },
      {
        name: "an unknown model",
        behaviour: refuse(400, "Invalid model ID. Please choose.", "INVALID_MODEL_ID"),
        kind: "model-unavailable",
        tries: 1,
      },
      {
        name: "suspended",
        behaviour: refuse(403, "Your User ID (u-123) temporarily is suspended."),
        kind: "suspended",
        tries: 1,
      },
      {
        name: "suspended by reason",
        behaviour: refuse(403, "No.", "TEMPORARILY_SUSPENDED"),
        kind: "suspended",
        tries: 1,
      },
      {
        name: "no capacity",
        behaviour: refuse(429, "High load.", "INSUFFICIENT_MODEL_CAPACITY"),
        kind: "model-overloaded",
        tries: 1,
      },
      { name: "a rate limit", behaviour: refuse(429, "Slow down.", null), kind: "rate-limited", tries: 1 },
      { name: "a server error", behaviour: refuse(500, "boom"), kind: "upstream-broken", tries: 4 },
      { name: "a page at 502", behaviour: page(502), kind: "upstream-broken", tries: 4 },
      {
        name: "a short model",
        behaviour: refuse(503, "no", "MODEL_TEMPORARILY_UNAVAILABLE"),
        kind: "model-overloaded",
        tries: 4,
      },
      { name: "a page at 200", behaviour: page(200), kind: "upstream-changed", tries: 1 },
      { name: "a browser check", behaviour: page(403), kind: "challenge", tries: 1 },
      {
        name: "a redirect",
        behaviour: json(302, {}, { location: "http://169.254.169.254/" }),
        kind: "upstream-changed",
        tries: 1,
      },
    ];
  test.each(table)("$name ends as $kind after $tries tries, with no renewal", async ({ behaviour, kind, tries }) => {
    world.cat.always("chat", behaviour);
    const here = stage(world.sim, world.cat);
    const told = await here.say("hi");
    expect(told.error).toMatchObject({ kind });
    expect(world.cat.counts.chat).toBe(tries);
    expect(here.renewals).toBe(0);
  });

  test("clients compact on the words for a prompt that is too long", async () => {
    world.cat.next("chat", refuse(400, "Input content length exceeds threshold."));
    const told = await stage(world.sim, world.cat).say("hi");
    expect((told.error as GatewayError).message).toBe("prompt is too long: 200001 tokens > 200000 maximum");
  });

  test("a malformed refusal of a prompt beyond the window is one that is too long", async () => {
    world.cat.next("chat", refuse(400, "Improperly formed request.", null));
    const told = await stage(world.sim, world.cat).say("word ".repeat(200_000));
    expect(told.error).toMatchObject({ kind: "context-too-long" });
  });

  test("kiro trap 7: 401 renews once and goes on", async () => {
    world.cat.next("chat", refuse(401, "Unauthorized"));
    const here = stage(world.sim, world.cat);
    const told = await here.say("hi");
    expect(told.text).toBe("Hello there.");
    expect(here.renewals).toBe(1);
  });

  test.each([
    ["a token that is refused after its renewal", refuse(403, INVALID), 1, /sign in again/],
    ["a call that no host allows", refuse(403, "User is not authorized to make this call."), 0, /not authorized/],
    ["a profile that is never accepted", refuse(400, "profileArn is required for this request."), 0, /profile/],
  ])("fault 11: %s takes the account off at once", async (_, behaviour, renewals, says) => {
    for (const host of ["legacy", "codewhisperer"] as const) world.cat.hosts.add(host);
    world.cat.always("chat", behaviour);
    const here = stage(world.sim, world.cat);
    const { error } = await here.say("hi");
    expect(error).toMatchObject({ kind: "auth-rejected", needsLogin: true });
    expect((error as GatewayError).message).toMatch(says);
    expect(here.renewals).toBe(renewals);
  });

  test("an old host's refusal says nothing while the new one cannot be reached", async () => {
    world.cat.always("chat", ({ seen, ...call }) =>
      (seen.host === "runtime" ? drop : refuse(403, INVALID))({ seen, ...call }),
    );
    const here = stage(world.sim, world.cat);
    expect((await here.say("hi")).error).toMatchObject({ kind: "upstream-broken", needsLogin: false });
  });

  test("403 renews only for a token that is invalid or expired, then tries the next host", async () => {
    world.cat.hosts.clear();
    world.cat.hosts.add("legacy");
    const here = stage(world.sim, world.cat);
    const told = await here.say("hi");
    expect(told.text).toBe("Hello there.");
    expect(here.renewals).toBe(1);
    expect(world.sim.requests.map(({ host }) => host)).toEqual(["runtime", "auth", "runtime", "legacy"]);
    expect(here.memory).toMatchObject({ host: "legacy" });
    await here.say("again");
    expect(world.sim.requests.at(-1)?.host).toBe("legacy");
    expect(here.renewals).toBe(1);
  });

  test("a token that no host takes is turned away in the end", async () => {
    world.cat.hosts.clear();
    const here = stage(world.sim, world.cat);
    const told = await here.say("hi");
    expect(told.error).toMatchObject({ kind: "auth-rejected" });
    expect(world.sim.requests.filter(({ kind }) => kind === "chat").map(({ host }) => host)).toEqual([
      "runtime",
      "runtime",
      "legacy",
      "codewhisperer",
    ]);
  });

  test("a host that cannot be reached gives way to the next", async () => {
    world.cat.hosts.add("legacy");
    world.cat.next("chat", drop);
    const told = await stage(world.sim, world.cat).say("hi");
    expect(told.text).toBe("Hello there.");
    expect(world.sim.requests.map(({ host }) => host)).toEqual(["runtime", "legacy"]);
  });

  test.each([
    ["402", refuse(402, "You have reached the limit.", "MONTHLY_REQUEST_COUNT")],
    ["429 of the month, whose Retry-After is the throttle's,", refuse(429, "", "MONTHLY_REQUEST_COUNT", SOON)],
  ])("%s rests the account until the reset that the free call names", async (_, behaviour) => {
    world.cat.next("chat", behaviour);
    const here = stage(world.sim, world.cat);
    const told = await listen(here.provider.chat(chatRequest("hi"), here.context()));
    expect(told.error).toMatchObject({ kind: "quota-exhausted", retryAt: 1_796_083_200_000 });
  });

  test("R16 a day's limit rests until the next day, not until the month's reset", async () => {
    world.cat.next("chat", refuse(429, "Enough for today.", "DAILY_REQUEST_COUNT"));
    world.cat.limits = { ...world.cat.limits, nextDateReset: Date.UTC(2026, 11, 1) / 1000 };
    const here = stage(world.sim, world.cat);
    const told = await listen(here.provider.chat(chatRequest("hi"), here.context()));
    expect(told.error).toMatchObject({ kind: "quota-exhausted", retryAt: Date.UTC(2026, 10, 21) });
  });

  test("a model that the plan lacks is not tried on the account again", async () => {
    world.cat.models = ["claude-haiku-4.5"];
    const here = stage(world.sim, world.cat);
    const told = await here.say("hi", "claude-sonnet-4.5");
    expect(told.error).toMatchObject({ kind: "model-unavailable", field: "modelId" });
    const listed = here.provider.modelsOf!({ credential: here.credential, memory: here.memory });
    expect(listed?.some(({ id }) => id === "claude-sonnet-4.5")).toBe(false);
    expect(listed?.some(({ id }) => id === "claude-haiku-4.5")).toBe(true);
  });

  test("server errors wait 200 ms and double, and the fourth try may answer", async () => {
    world.cat.next("chat", refuse(500, "a"), refuse(503, "b"), refuse(504, "c"));
    const here = stage(world.sim, world.cat);
    const before = here.clock.now();
    expect((await here.say("hi")).text).toBe("Hello there.");
    expect(here.clock.now() - before).toBeGreaterThanOrEqual(1400);
    const attempts = world.cat.requests.map(({ headers }) => headers["amz-sdk-request"]);
    expect(attempts).toEqual(["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3", "attempt=3; max=3"]);
    expect(new Set(world.cat.requests.map(({ headers }) => headers["amz-sdk-invocation-id"])).size).toBe(1);
  });

  test("an exception before the first event is mended like its status", async () => {
    world.cat.next("chat", stream([{ raw: exception("InternalServerException", "boom") }]));
    expect((await stage(world.sim, world.cat).say("hi")).text).toBe("Hello there.");
  });
});
