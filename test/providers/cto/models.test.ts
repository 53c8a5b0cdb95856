import { afterEach, describe, expect, test } from "bun:test";
import { matchModel, modelsOfList, TABLE } from "../../../src/providers/cto/models.ts";
import { createCto } from "../../../src/providers/cto/index.ts";
import { answer, challengePage, clerkError, empty, json } from "../../sims/cto.ts";
import { type Desk, type DeskOptions, openDesk } from "./desk.ts";

let desk: Desk | undefined;
const open = async (options: DeskOptions = {}): Promise<Desk> => (desk = await openDesk(options));
afterEach(async () => {
  await desk?.stop();
  desk = undefined;
});

const LIST = [
  { key: "gpt_5_4", engineAgentKey: "GPT5_4", enabled: true, minimumTier: "free" },
  { key: "sonnet_4_5", engineAgentKey: "ClaudeSonnet4_5", enabled: true, minimumTier: "FREE_TIER" },
  { key: "opus_9", engineAgentKey: "ClaudeOpus9", enabled: true, minimumTier: "pro" },
  { key: "glm_5_1", engineAgentKey: "GLM5_1", enabled: false, minimumTier: "free" },
  { key: "new_model_2_5", engineAgentKey: "NewModel2_5", enabled: true },
  { key: "" },
  null,
];

describe("names", () => {
  const names: [string, string | undefined][] = [
    ["ClaudeSonnet4_5", "ClaudeSonnet4_5"],
    ["claudesonnet4_5", "ClaudeSonnet4_5"],
    ["claude-sonnet-4-5", "ClaudeSonnet4_5"],
    ["claude-sonnet-4.5", "ClaudeSonnet4_5"],
    ["claude-sonnet-4-5-20250929", "ClaudeSonnet4_5"],
    ["Claude-Sonnet-4.5-latest", "ClaudeSonnet4_5"],
    ["claude_sonnet_4_5", "ClaudeSonnet4_5"],
    ["GPT5", "GPT5"],
    ["gpt-5", "GPT5"],
    ["gpt-5-2025-08-07", "GPT5"],
    ["gpt-5.4", "gpt_5_4"],
    ["GPT5_4", "gpt_5_4"],
    ["gemini-3.1-pro-preview", "gemini3_1_Pro_Preview"],
    ["kimi-k2.5", "kimi_k2_5"],
    ["glm-5.1", "glm_5_1"],
    ["grok-4.1-fast", "grok_4_1_fast"],
    ["gpt-54", undefined],
    ["gpt-5-mini", undefined],
    ["gpt-4", undefined],
    ["claude-sonnet-4", undefined],
    ["claude-opus-4-5", undefined],
    ["sonnet", undefined],
    ["", undefined],
    ["-20250929", undefined],
  ];
  test.each(names)("trap 12 %p means %p", (name, id) => expect(createCto().match(name)).toBe(id));

  test("every listed model is matched by its own names alone", () => {
    for (const model of TABLE) {
      for (const name of [model.id, model.modelKey, model.adapterName]) expect(matchModel(name)).toBe(model);
    }
  });
});

describe("the live list", () => {
  test("holds what is enabled for the account's plan, under the names of the table", () => {
    expect(modelsOfList({ chatAdapters: LIST }, "free")?.map(({ id }) => id)).toEqual([
      "gpt_5_4",
      "ClaudeSonnet4_5",
      "new_model_2_5",
    ]);
    expect(modelsOfList({ chatAdapters: LIST }, "Pro")?.map(({ id }) => id)).toContain("opus_9");
    expect(modelsOfList({ chatAdapters: LIST }, undefined)?.map(({ id }) => id)).toContain("opus_9");
    expect(modelsOfList({ models: [] }, "free")).toBeUndefined();
    expect(modelsOfList({ chatAdapters: [{ key: "a", minimumTier: 3 }] }, 2)).toEqual([]);
  });

  test("is remembered by account and then says what that account serves", async () => {
    const { sim, account, provider } = await open({ protocol: "v2", adapters: LIST });
    const seat = account();
    expect(provider.modelsOf?.(seat.context().account)).toBeUndefined();
    await provider.refreshModels?.(seat.context());
    expect(provider.modelsOf?.(seat.context().account)?.map(({ id }) => id)).toEqual([
      "gpt_5_4",
      "ClaudeSonnet4_5",
      "new_model_2_5",
    ]);
    expect(provider.match("new-model-2.5")).toBe("new_model_2_5");
    desk?.restart();
    expect(desk?.provider.match("new-model-2.5")).toBeUndefined();
    desk?.provider.modelsOf?.(seat.context().account);
    expect(desk?.provider.match("new-model-2.5")).toBe("new_model_2_5");
    expect([sim.count("adapters"), sim.count("billing")]).toEqual([1, 1]);
  });

  test("a server without a list leaves every model possible", async () => {
    const { account, provider } = await open({ protocol: "v1" });
    await provider.refreshModels?.(account().context());
    expect(provider.modelsOf?.(account().context().account)).toBeUndefined();
  });

  test("a list that changed its shape is said to have, with the field", async () => {
    const { sim, account, provider } = await open({ protocol: "v2" });
    sim.account("ann").next("adapters", json(200, { models: [] }));
    await expect(provider.refreshModels?.(account().context())).rejects.toMatchObject({
      kind: "upstream-changed",
      field: "chatAdapters",
    });
  });

  test("a turn of v2 uses the list's own key, and refuses what is not on it", async () => {
    const { sim, account } = await open({ protocol: "v2", provider: { protocol: "v2" }, adapters: LIST });
    sim.account("ann").says(answer(["ok"]), answer(["ok"]));
    expect((await account().turn({ model: "ClaudeSonnet4_5" })).text).toBe("ok");
    expect(sim.turns).toMatchObject([{ model: "sonnet_4_5" }]);
    expect((await account().turn({ model: "glm_5_1" })).failure?.kind).toBe("model-unavailable");
    expect(sim.count("adapters")).toBe(1);
    await desk?.clock.advance(600_001);
    expect((await account().turn({ model: "glm_5_1" })).failure?.kind).toBe("model-unavailable");
    expect([sim.count("adapters"), sim.count("chat")]).toEqual([2, 1]);
  });

  test("where the list cannot be read the table serves", async () => {
    const { sim, account } = await open({ protocol: "v2", provider: { protocol: "v2" } });
    sim
      .account("ann")
      .next("adapters", empty(500))
      .says(answer(["ok"]));
    expect((await account().turn({ model: "GPT5" })).text).toBe("ok");
    expect(sim.turns).toMatchObject([{ model: "gpt_5" }]);
  });
});

describe("the probe", () => {
  test("is free and gives the quota of the day with its reset and plan", async () => {
    const { sim, account, provider } = await open();
    expect(await provider.probe?.(account().context())).toEqual({
      quota: { used: 3, limit: 300, unit: "requests a day", resetsAt: Date.UTC(2026, 10, 21), plan: "free" },
    });
    expect(sim.requests.map(({ kind }) => kind)).toEqual(["client", "tokens", "billing"]);
  });

  test("asks Clerk each time, whatever is known", async () => {
    const { sim, account, provider } = await open();
    await provider.probe?.(account().context());
    sim.account("ann").signedIn = false;
    await expect(provider.probe?.(account().context())).rejects.toMatchObject({ needsLogin: true });
    expect(sim.count("client")).toBe(2);
  });

  test("an allowance that is used up is told with its figures and its reset", async () => {
    const { sim, account, provider } = await open();
    sim.account("ann").billing = { dailyUsage: 300, dailyLimit: 300, hasReachedLimit: true };
    expect(await provider.probe?.(account().context())).toMatchObject({
      quota: { used: 300, limit: 300 },
      exhaustedUntil: Date.UTC(2026, 10, 21),
    });
  });

  test("a server without a bill works all the same; one that changed says so", async () => {
    const { sim, account, provider } = await open();
    sim.account("ann").next("billing", empty(404), json(200, []), challengePage());
    expect(await provider.probe?.(account().context())).toEqual({});
    await expect(provider.probe?.(account().context())).rejects.toMatchObject({ kind: "upstream-changed" });
    await expect(provider.probe?.(account().context())).rejects.toMatchObject({ kind: "challenge" });
    sim.account("ann").next("client", clerkError(403, "user_banned"));
    await expect(provider.probe?.(account().context())).rejects.toMatchObject({ kind: "suspended" });
  });
});

test("images and tools are not claimed, so that they are refused or emulated in words", () => {
  expect(createCto().capabilities).toEqual({
    history: "prompt",
    tools: false,
    images: "none",
    stop: false,
    maxOutputTokens: false,
    responseFormat: false,
  });
});
