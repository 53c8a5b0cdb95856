import { describe, expect, test } from "bun:test";
import type { ServiceLogin } from "../../src/lib/service-login.ts";
import { createAnthropic } from "../../src/providers/anthropic/index.ts";
import { createOpenaiCompatible } from "../../src/providers/openai-compatible/index.ts";
import { openWorld } from "../router/world.ts";
import { error, startAnthropicSim } from "../sims/anthropic.ts";
import { startOpenaiSim } from "../sims/openai.ts";
import { json } from "../sims/service.ts";

const formats = [
  {
    name: "openai-compatible",
    create: createOpenaiCompatible,
    start: startOpenaiSim,
    refusal: { error: { message: "The model `big-9` does not exist", code: "model_not_found" } },
  },
  {
    name: "anthropic",
    create: createAnthropic,
    start: startAnthropicSim,
    refusal: error("not_found_error", "model: big-9"),
  },
] as const;

describe.each(formats)("a model that a service of $name lacks", ({ name, create, start, refusal }) => {
  /** Accounts with these keys at one service, in the real pool and router. */
  const open = async (...keys: string[]) => {
    const sim = await start();
    const world = await openWorld({ providers: [create()] });
    const models = [{ id: "big-9", upstream: "big-9" }];
    const login: Omit<ServiceLogin, "apiKey"> = { name: "x", baseUrl: `${sim.url}/v1`, allowPrivate: true, models };
    await world.pool.roster.add(
      name,
      keys.map((apiKey) => ({ ...login, apiKey })),
    );
    return {
      ask: () => world.ask({}, { model: "big-9" }),
      turns: () => keys.map((key) => sim.account(key).turns.length),
      lack: (key: string) => sim.account(key).next(json(404, refusal)),
      states: () => world.pool.views().map(({ state }) => state),
      async [Symbol.asyncDispose]() {
        await world[Symbol.asyncDispose]();
        await sim.stop();
      },
    };
  };

  test("is asked for at the next account; nobody is blamed, and the first is not asked again", async () => {
    await using services = await open("key-a", "key-b");
    services.lack("key-a");
    expect(await services.ask()).toBe("Hello");
    expect(services.turns()).toEqual([1, 1]);
    expect(services.states()).toEqual(["ready", "ready"]);
    expect(await services.ask()).toBe("Hello");
    expect(services.turns()).toEqual([1, 2]);
  });

  test("fails as a model that is not available when no account has it", async () => {
    await using services = await open("key-a", "key-b");
    services.lack("key-a");
    services.lack("key-b");
    expect(await services.ask()).toBe("model-unavailable");
    expect(services.turns()).toEqual([1, 1]);
    expect(services.states()).toEqual(["ready", "ready"]);
  });
});
