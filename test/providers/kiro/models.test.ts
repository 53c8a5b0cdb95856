import { describe, expect, test } from "bun:test";
import { allowanceOf, epochMs, nextMonth, resetAfter } from "../../../src/providers/kiro/limits.ts";
import { matchModel, modelOf, modelsOfPage } from "../../../src/providers/kiro/models.ts";

describe("names", () => {
  test.each([
    ["claude-sonnet-4.5", "claude-sonnet-4.5"],
    ["claude-sonnet-4-5", "claude-sonnet-4.5"],
    ["claude-sonnet-4-5-20250929", "claude-sonnet-4.5"],
    ["Claude-Sonnet-4-5@20250929", "claude-sonnet-4.5"],
    ["claude-haiku-4-5-20251001", "claude-haiku-4.5"],
    ["claude-opus-4-5-20251101", "claude-opus-4.5"],
    ["claude-sonnet-4-20250514", "claude-sonnet-4"],
    ["claude-3-7-sonnet-20250219", "CLAUDE_3_7_SONNET_20250219_V1_0"],
    ["CLAUDE_SONNET_4_5_20250929_V1_0", "claude-sonnet-4.5"],
    ["claude-opus-5", "claude-opus-5"],
    ["opus", "claude-opus-4.5"],
    ["Sonnet", "claude-sonnet-4.5"],
    ["haiku", "claude-haiku-4.5"],
    ["gpt-5.6-sol", "gpt-5.6-sol"],
    ["auto", "auto"],
    ["claude-sonnet-9", undefined],
    ["claude-3-opus-20240229", undefined],
    ["gpt-4o", undefined],
    ["LongCat", undefined],
    ["", undefined],
  ])("O15: %p is %p, and an unknown one is none", (name, id) => {
    expect(matchModel(name)).toBe(id);
  });

  test("what an account lists is known, too", () => {
    const known = new Set(["claude-sonnet-9.1"]);
    expect(matchModel("claude-sonnet-9-1-20270101", known)).toBe("claude-sonnet-9.1");
  });

  test("a family is its usual model, or the newest that accounts list when that one is retired", () => {
    expect(matchModel("sonnet", new Set(["claude-sonnet-5.5", "claude-sonnet-4.5"]))).toBe("claude-sonnet-4.5");
    expect(matchModel("sonnet", new Set(["claude-sonnet-5", "claude-sonnet-5.5", "claude-opus-9"]))).toBe(
      "claude-sonnet-5.5",
    );
    expect(matchModel("opus", new Set(["claude-sonnet-5"]))).toBe("claude-opus-4.5");
  });
});

describe("a page of the model list", () => {
  const claude = {
    properties: {
      thinking: { properties: { type: { enum: ["adaptive"] } } },
      output_config: { properties: { effort: { enum: ["low", "high"] } } },
    },
  };
  test("gives windows, the shape of thinking and the next page", () => {
    const page = {
      models: [
        { modelId: "claude-x", tokenLimits: { maxInputTokens: 300_000 }, additionalModelRequestFieldsSchema: claude },
        { modelId: "gpt-y", additionalModelRequestFieldsSchema: { properties: { reasoning: {} } } },
        { modelId: "claude-sonnet-4.5" },
        { modelId: "" },
        null,
      ],
      nextToken: "t",
    };
    expect(modelsOfPage(page)).toEqual({
      models: [
        { id: "claude-x", contextTokens: 300_000, thinking: "claude", efforts: ["low", "high"], alwaysThinks: true },
        { ...modelOf("gpt-y"), thinking: "gpt" },
        modelOf("claude-sonnet-4.5"),
      ],
      nextToken: "t",
    });
  });
  test("a 5.5 model always thinks, although its schema lists a way to stop it", () => {
    const fields = { properties: { thinking: { properties: { type: { enum: ["adaptive", "disabled"] } } } } };
    const page = {
      models: ["claude-opus-5.5", "claude-opus-5"].map((modelId) => ({
        modelId,
        additionalModelRequestFieldsSchema: fields,
      })),
    };
    expect(modelsOfPage(page)?.models.map(({ alwaysThinks }) => alwaysThinks)).toEqual([true, false]);
  });
  test("of another shape is none", () => {
    for (const page of [null, [], {}, { models: {} }]) expect(modelsOfPage(page)).toBeUndefined();
  });
});

describe("what is left", () => {
  const row = { resourceType: "CREDIT", currentUsage: 40, usageLimit: 50 };
  const limits = (over: object, ...rows: object[]) => ({ usageBreakdownList: rows.length > 0 ? rows : [row], ...over });
  test.each([
    {
      name: "the credit row, not the first",
      answer: limits({}, { resourceType: "SPEC", currentUsage: 9, usageLimit: 9 }, row),
      used: 40,
      limit: 50,
      exhausted: false,
    },
    {
      name: "the precise figures",
      answer: limits({}, { ...row, currentUsageWithPrecision: 40.5, usageLimitWithPrecision: 50.5 }),
      used: 40.5,
      limit: 50.5,
      exhausted: false,
    },
    {
      name: "an active trial adds",
      answer: limits(
        {},
        {
          ...row,
          currentUsage: 50,
          freeTrialInfo: { freeTrialStatus: "ACTIVE", currentUsageWithPrecision: 100, usageLimitWithPrecision: 500 },
        },
      ),
      used: 150,
      limit: 550,
      exhausted: false,
    },
    {
      name: "a trial that is over does not",
      answer: limits(
        {},
        { ...row, currentUsage: 50, freeTrialInfo: { freeTrialStatus: "EXPIRED", usageLimitWithPrecision: 500 } },
      ),
      used: 50,
      limit: 50,
      exhausted: true,
    },
    {
      name: "active bonuses add",
      answer: limits(
        {},
        {
          ...row,
          bonuses: [
            { status: "ACTIVE", currentUsage: 1, usageLimit: 10 },
            { status: "EXPIRED", usageLimit: 99 },
          ],
        },
      ),
      used: 41,
      limit: 60,
      exhausted: false,
    },
    {
      name: "overage that is allowed",
      answer: limits(
        { overageConfiguration: { overageStatus: "ENABLED" } },
        { ...row, currentUsage: 50, overageCap: 100, currentOverages: 5 },
      ),
      used: 50,
      limit: 50,
      exhausted: false,
    },
    {
      name: "overage at its cap",
      answer: limits(
        { overageConfiguration: { overageStatus: "ENABLED" } },
        { ...row, currentUsage: 50, overageCap: 5, currentOverages: 5 },
      ),
      used: 50,
      limit: 50,
      exhausted: true,
    },
    {
      name: "the older kind of row",
      answer: limits({}, { ...row, resourceType: "AGENTIC_REQUEST" }),
      used: 40,
      limit: 50,
      exhausted: false,
    },
  ])("$name", ({ answer, used, limit, exhausted }) => {
    const allowance = allowanceOf(answer);
    expect(allowance?.quota).toMatchObject({ used, limit });
    expect(allowance?.exhausted).toBe(exhausted);
  });

  test("an answer of another shape is none", () => {
    for (const answer of [null, {}, { usageBreakdownList: [] }]) expect(allowanceOf(answer)).toBeUndefined();
  });

  test.each([
    [1_764_547_200, 1_764_547_200_000],
    ["1.7645472E9", 1_764_547_200_000],
    [1_764_547_200_000, 1_764_547_200_000],
    ["2025-12-01T00:00:00Z", 1_764_547_200_000],
    ["never", undefined],
    [0, undefined],
    [null, undefined],
  ])("the time %p is %p", (value, at) => {
    expect(epochMs(value)).toBe(at);
  });

  test("a reset that is over is no time to wait for", () => {
    const now = Date.UTC(2026, 10, 20);
    expect(resetAfter(now, now + 5)).toBe(now + 5);
    expect(resetAfter(now, now - 5)).toBe(Date.UTC(2026, 11, 1));
    expect(resetAfter(now, undefined)).toBe(Date.UTC(2026, 11, 1));
  });

  test("without a time it comes back with the next month", () => {
    expect(new Date(nextMonth(Date.UTC(2026, 11, 31, 23))).toISOString()).toBe("2027-01-01T00:00:00.000Z");
  });
});
